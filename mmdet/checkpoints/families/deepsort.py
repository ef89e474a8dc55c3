"""DeepSORT's appearance networks as deep_sort_pytorch saves them: ``ckpt.t7`` (512-d) and ``original_ckpt.t7`` (128-d).

Both are ``{'net_dict': ...}`` or a bare state dict. The network becomes the ``embedder`` of a ``ReIDNet``, which a
``ReIDTrackHead`` reads too; the classifier of the identities that it was trained on stays a ``classifier``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mmdet.checkpoints.families.base import Converted, ConvertOptions, Family, KeyMap, Rule
from mmdet.checkpoints.families.openmmlab import IMAGENET_MEAN, IMAGENET_STD
from mmdet.checkpoints.report import LoadReport
from mmdet.checkpoints.state import Shapes, StateDict

NETWORK = 'embedder.backbone'
SHARED = [Rule('conv.*', f'{NETWORK}.conv.*'), Rule('layer#.*', f'{NETWORK}.layer#.*')]
MAP = KeyMap([*SHARED, Rule('classifier.*', 'classifier.*')])
OLDER_MAP = KeyMap(
    [
        *SHARED,
        Rule('dense.1.*', f'{NETWORK}.dense.*'),
        Rule('dense.2.*', 'classifier.0.*'),  # only the classifier sees the vectors normalised
        Rule('classifier.0.*', 'classifier.2.*'),
    ],
    ignored={'batch_norm.*': 'that program never uses it'},
)
OLDER_KEY = 'dense.1.weight'
OURS_OLDER_KEY = f'{NETWORK}.dense.weight'
OUTPUTS = ('classifier.4.weight', 'classifier.2.weight')  # rows: identities; of today's network, of the older one
NAMES = ('conv.0.weight', 'conv.1.running_mean', 'layer1.0.conv1.weight', 'layer3.0.downsample.0.weight')
CROP = [64, 128]  # width, height


def detect(shapes: Shapes) -> bool:
    """Whether the names are those of either network."""
    return set(NAMES) <= set(shapes)


def convert(state_dict: StateDict, meta: Mapping[str, Any], options: ConvertOptions) -> Converted:
    """Weights of either network under our names."""
    older = OLDER_KEY in state_dict
    report = LoadReport(family='deepsort')
    ours = (OLDER_MAP if older else MAP).to_ours(state_dict, report)
    reid: dict[str, Any] = {'network': 'DeepSORTNet128' if older else 'DeepSORTNet', 'size': CROP}
    report.notes.append(f"for embedder=dict(type='ReIDEmbedder', backbone=dict(type='{reid['network']}'))")
    rows = next((len(ours[key]) for key in OUTPUTS if key in ours and ours[key].ndim == 2), None)
    if rows is not None:
        reid['num_identities'] = rows
        report.notes.append(f'its classifier tells {rows} identities apart; track heads and tests leave it out')
    return Converted(ours, report, {'reid': {**reid, 'mean': list(IMAGENET_MEAN), 'std': list(IMAGENET_STD)}})


def invert(state_dict: StateDict) -> tuple[StateDict, LoadReport]:
    """Our weights under that program's names."""
    report = LoadReport(family='deepsort')
    return (OLDER_MAP if OURS_OLDER_KEY in state_dict else MAP).to_theirs(state_dict, report), report


TITLE = "deep_sort_pytorch's appearance network (ckpt.t7 or original_ckpt.t7)"
DEEPSORT = Family('deepsort', TITLE, detect, convert, invert)
