"""Frames per second of each tracker's association on a crowd that moves in straight lines.

    python benchmarks/bench_trackers.py --objects 100 --frames 200

Detections are shaken by a pixel, one in twenty is missing, rows are shuffled. One thread; detector and track head are
not part of it.
"""

from __future__ import annotations

import argparse
import os
import platform
import time

import numpy as np
import scipy
import torch

from mmdet.registry import TRACKERS, register_all
from mmdet.structures import FrameSample, InstanceData
from mmdet.trackers import Tracker

SIZE = (1080, 1920)
NAMES = ('IoUTracker', 'SORTTracker', 'ByteTracker', 'OCSORTTracker', 'DeepSORTTracker', 'MaskTrackTracker')


def crowd(objects: int, frames: int, dim: int, seed: int = 0) -> list[InstanceData]:
    """Detections of ``objects`` objects in each of ``frames`` frames."""
    rng = np.random.default_rng(seed)
    start = rng.uniform(0, (SIZE[1] - 100, SIZE[0] - 100), (objects, 2))
    speed, extent = rng.normal(0, 3, (objects, 2)), rng.uniform(30, 100, (objects, 2))
    looks = rng.normal(size=(objects, dim))
    found = []
    for frame in range(frames):
        rows = rng.permutation(objects)[rng.random(objects) > 0.05]
        corner = start[rows] + frame * speed[rows] + rng.normal(0, 1, (len(rows), 2))
        detections = InstanceData()
        detections.bboxes = torch.from_numpy(np.concatenate([corner, corner + extent[rows]], 1)).float()
        detections.scores = torch.from_numpy(rng.uniform(0.75, 1, len(rows))).float()
        detections.labels = torch.zeros(len(rows), dtype=torch.int64)
        detections.embeddings = torch.from_numpy(looks[rows] + rng.normal(0, 0.1, (len(rows), dim))).float()
        found.append(detections)
    return found


def frame_times(tracker: Tracker, found: list[InstanceData]) -> np.ndarray:
    """Seconds (T,) of each frame's update."""
    times = []
    for frame_id, detections in enumerate(found):
        sample = FrameSample(metainfo=dict(frame_id=frame_id, video_id=1, ori_shape=SIZE))
        start = time.perf_counter()
        tracker.update(detections, sample)
        times.append(time.perf_counter() - start)
    return np.array(times)


def main() -> None:
    """Print one line per tracker."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument('--objects', type=int, default=100)
    parser.add_argument('--frames', type=int, default=200)
    parser.add_argument('--dim', type=int, default=128)
    options = parser.parse_args()
    torch.set_num_threads(1)
    register_all()
    found = crowd(options.objects, options.frames, options.dim)
    print(
        f'{platform.processor() or platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, '
        f'numpy {np.__version__}, scipy {scipy.__version__}'
    )
    print(f'{options.objects} objects, {options.frames} frames, embeddings of {options.dim} numbers')
    for name in NAMES:
        times = frame_times(TRACKERS.build(dict(type=name)), found)
        median, worst = np.median(times) * 1e3, times.max() * 1e3
        print(f'{name:18s} {1 / times.mean():8.0f} frames/s   median {median:7.3f} ms   worst {worst:7.3f} ms')


if __name__ == '__main__':
    main()
