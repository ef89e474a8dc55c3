"""Facts that checkpoints of OpenMMLab programs carry in ``meta``: class names, normalisation, backbone style.

``meta['config']`` is the text of a Python config. It is searched, never run.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from mmdet.checkpoints.state import classes_in

IMAGENET_MEAN = (123.675, 116.28, 103.53)
IMAGENET_STD = (58.395, 57.12, 57.375)
RGB_NORMALISATION = {'channel_order': 'rgb', 'mean': list(IMAGENET_MEAN), 'std': list(IMAGENET_STD)}
ASSUMED = {'normalisation': RGB_NORMALISATION, 'backbone': {'style': 'pytorch'}}  # where a checkpoint states nothing
NUMBERS = r'[\[(]\s*([\d.,\s]+?)\s*,?\s*[\])]'


def normalisation_in(config_text: str) -> dict[str, Any] | None:
    """Channel order, mean and std (pixel values 0..255) that a config text states, or None if it states none."""
    mean = re.search(r'\bmean\s*=\s*' + NUMBERS, config_text)
    std = re.search(r'\bstd\s*=\s*' + NUMBERS, config_text)
    if mean is None or std is None:
        return None
    to_rgb = re.search(r'\b(?:bgr_to_rgb|to_rgb)\s*=\s*(True|False)', config_text)
    values = [[float(number) for number in found.group(1).split(',')] for found in (mean, std)]
    if any(len(numbers) != 3 for numbers in values):
        return None
    is_bgr = to_rgb is not None and to_rgb.group(1) == 'False'
    return {'channel_order': 'bgr' if is_bgr else 'rgb', 'mean': values[0], 'std': values[1]}


def facts(meta: Mapping[str, Any]) -> dict[str, Any]:
    """Metadata entries that a checkpoint's ``meta`` fills."""
    text = meta.get('config') or meta.get('cfg')
    text = text if isinstance(text, str) else ''
    style = re.search(r"\bstyle\s*=\s*['\"](caffe|pytorch)['\"]", text)
    classes = classes_in(meta)
    normalisation = normalisation_in(text)
    return {
        **({'normalisation': normalisation} if normalisation else {}),
        **({'backbone': {'style': style.group(1)}} if style else {}),
        **({'classes': list(classes)} if classes else {}),
    }
