"""Do the offsets of a calibration head follow the motion of objects?

    python benchmarks/calibration_motion.py CONFIG CHECKPOINT --cfg-options test_dataloader.dataset.data_root=D

For annotated objects of the test set that are seen in a frame and in a reference `--gap` frames later, the mean offset
at the middle of the object (over the nine taps, in cells of a pyramid level) is set against the way that its box went.
A row per level: medians of both lengths, and the correlation of their x and y. Where offsets find objects again it is
near 1; where they are larger than the map they find nothing.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor

from mmdet.apis import init_model
from mmdet.datasets import ChunkIndex
from mmdet.datasets.loader import build_test_loader
from mmdet.engine.config import add_config_options, parse_overrides
from mmdet.errors import ConfigError
from mmdet.models import CorrelationCalibrationHead

LEVELS = 3  # the finest ones, on which objects are more than a cell


def ways(video: Any, frame: int, gap: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Middle of each object in a frame, and its way to ``gap`` frames later: x, y in pixels of the original frame."""
    for track in video.annotations:
        boxes = track.bboxes[[frame, frame + gap]]  # x, y, width, height
        if np.isfinite(boxes).all():
            here, there = boxes[:, :2] + boxes[:, 2:] / 2
            yield here, there - here


@torch.no_grad()
def mean_offsets(model: Any, frames: Tensor) -> list[np.ndarray]:
    """(H, W, 2) x, y of every level for a frame and its reference, (2, 3, h, w); in cells."""
    pyramid = model.detector.extract_feat(model.data_preprocessor([frames])[0])[:LEVELS]
    offsets = [model.calibration_head.offsets(level[:1], level[1:])[0] for level in pyramid]
    return [o.unflatten(0, (-1, 2)).mean(0).flip(0).permute(1, 2, 0).cpu().numpy() for o in offsets]


def rows_of(model: Any, dataset: Any, gap: int, count: int) -> list[np.ndarray]:
    """Way and offset (N, 2, 2) of objects, in cells of each level."""
    found: list[list[np.ndarray]] = [[] for _ in range(LEVELS)]
    for position, video in enumerate(dataset.videos[:count]):
        for frame in range(0, video.length - gap, 2 * gap):
            clip = dataset[ChunkIndex(position, frame, frame + gap + 1)]
            scale = np.array(clip['data_samples'][0].scale_factor)
            frames = clip['inputs'][[0, gap]]
            offsets = mean_offsets(model, frames)
            for here, way in ways(video, frame, gap):
                for level, field in enumerate(offsets):
                    stride = 4 * 2**level
                    x, y = np.clip(here * scale / stride, 0, np.array(field.shape[1::-1]) - 1).astype(int)
                    found[level].append(np.stack([way * scale / stride, field[y, x]]))
    return [np.array(rows) for rows in found]


def main() -> None:
    """Print a row per level."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument('config', help='config with a calibration head and a test set with ground truth')
    parser.add_argument('checkpoint')
    parser.add_argument('--gap', type=int, default=3, help='frames from a frame to its reference (%(default)s)')
    parser.add_argument('--videos', type=int, default=16, help='of the test set, the first ones (%(default)s)')
    add_config_options(parser)
    args = parser.parse_args()
    model = init_model(args.config, args.checkpoint, 'cpu', parse_overrides(args.cfg_options))
    if not isinstance(model.calibration_head, CorrelationCalibrationHead):
        raise ConfigError(f'{args.config} has no CorrelationCalibrationHead')
    dataset = build_test_loader(model.cfg.test_dataloader, 1).dataset
    for level, rows in enumerate(rows_of(model, dataset, args.gap, args.videos)):
        way, offset = rows[:, 0], rows[:, 1]
        lengths = [np.median(np.linalg.norm(part, axis=1)) for part in (way, offset)]
        together = np.corrcoef(way.ravel(), offset.ravel())[0, 1]
        print(
            f'level {level}: {len(rows)} objects, median way {lengths[0]:.2f} cells, median offset {lengths[1]:.2f}, '
            f'correlation {together:.2f}'
        )


if __name__ == '__main__':
    main()
