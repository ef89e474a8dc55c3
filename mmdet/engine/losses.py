"""From the dict of losses that a model returns to one number to minimise and numbers to look at."""

from __future__ import annotations

import json
import math
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from mmdet.errors import ConfigError, NonFiniteLossError
from mmdet.files import write_text
from mmdet.structures import FrameSample

TOTAL = 'loss'


def sum_losses(losses: Mapping[str, Tensor | Sequence[Tensor]]) -> tuple[Tensor, dict[str, float]]:
    """Add up every entry whose key contains ``loss``; other entries (accuracies) are only reported.

    Args:
        losses: tensors of any shape (their mean counts) or lists of tensors (the sum of their means).

    Returns:
        The total, and every entry with the total under ``loss`` as Python numbers, fetched from the device at once.

    Raises:
        ConfigError: an entry is no tensor, or no key contains ``loss``.
    """
    scalars: dict[str, Tensor] = {}
    for key, value in losses.items():
        parts: list[Any] = list(value) if isinstance(value, list | tuple) else [value]
        if not parts or not all(isinstance(part, Tensor) for part in parts):
            kind = type(value).__name__
            raise ConfigError(f"the model's loss '{key}' must be a tensor or a list of tensors, got {kind}")
        scalars[key] = torch.stack([part.float().mean() for part in parts]).sum()
    counted = [value for key, value in scalars.items() if 'loss' in key]
    if not counted:
        found = ', '.join(scalars) or 'nothing'
        raise ConfigError(f"the model returned no entry whose key contains 'loss', only: {found}")
    total = torch.stack(counted).sum()
    names = [*(key for key in scalars if key != TOTAL), TOTAL]
    numbers = torch.stack([scalars[name].detach() for name in names[:-1]] + [total.detach()]).tolist()
    return total, dict(zip(names, numbers))


def non_finite(numbers: Mapping[str, float]) -> list[str]:
    """Keys whose number is NaN or infinite."""
    return [key for key, value in numbers.items() if not math.isfinite(value)]


def key_fingerprint(keys: Sequence[str]) -> int:
    """A number in [0, 2**32) that differs, but for rare chance, where the keys differ."""
    return zlib.crc32('\n'.join(keys).encode())


def key_change(expected: Sequence[str], found: Sequence[str]) -> str | None:
    """What sets two lists of loss keys apart, in words; None if nothing does."""
    missing = [key for key in expected if key not in found]
    new = [key for key in found if key not in expected]
    parts = [f'{text} {", ".join(keys)}' for text, keys in (('without', missing), ('with new', new)) if keys]
    return ' and '.join(parts) or None


def sample_names(data_samples: Sequence[Sequence[FrameSample]]) -> list[dict[str, Any]]:
    """Where the frames of a batch come from: ``video_id``, ``frame_id``, ``img_path``, ``sample_seed``."""
    fields = ('video_id', 'frame_id', 'img_path', 'sample_seed')
    return [{name: sample.get(name) for name in fields} for clip in data_samples for sample in clip]


def refuse_non_finite(numbers: Mapping[str, float], batch: Mapping[str, Any], iteration: int, path: Path) -> None:
    """Write the names of the batch's samples to ``path`` and stop.

    Raises:
        NonFiniteLossError: always; the message names iteration, losses and samples.
    """
    samples = sample_names(batch['data_samples'])
    record = {'iter': iteration, 'losses': {key: str(value) for key, value in numbers.items()}, 'samples': samples}
    write_text(path, json.dumps(record, indent=1, default=str) + '\n')
    listed = '; '.join(f'video {s["video_id"]} frame {s["frame_id"]} ({s["img_path"]})' for s in samples)
    bad = ', '.join(f'{key} = {numbers[key]}' for key in non_finite(numbers))
    raise NonFiniteLossError(
        f'iteration {iteration}: {bad}. Samples of the batch: {listed} (also in {path}). This step changed no weights. '
        f'Look at these frames and annotations first; then try a lower learning rate, gradient clipping, or bfloat16 '
        f'instead of float16.'
    )
