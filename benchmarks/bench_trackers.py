"""Frames per second of each tracker's association on a crowd that moves in straight lines.

    python benchmarks/bench_trackers.py --objects 100 --frames 200
    python benchmarks/bench_trackers.py --objects 50 --dim 128 --peer --trackers DeepSORTTracker

Detections are shaken by a pixel, one in twenty is missing, rows are shuffled. One thread; detector and track head are
not part of it. Time on the processor is that of a machine that does nothing else; time on the clock that of this one.
``--peer`` also runs the package deep_sort_realtime (1.3.2, without its embedder, which must be installed) on the same
detections with the same limits.
"""

from __future__ import annotations

import argparse
import functools
import os
import platform
import time
from collections.abc import Callable, Iterable, Iterator

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


def frame_times(steps: Iterable[Callable[[], object]]) -> np.ndarray:
    """Seconds (T, 2) on the clock and on the processor of each frame's step."""
    times = []
    for step in steps:
        start = time.perf_counter(), time.process_time()
        step()
        times.append((time.perf_counter() - start[0], time.process_time() - start[1]))
    return np.array(times)


def own_steps(tracker: Tracker, found: list[InstanceData]) -> Iterator[Callable[[], object]]:
    """The update of each frame, ready to be called."""
    for frame_id, detections in enumerate(found):
        sample = FrameSample(metainfo=dict(frame_id=frame_id, video_id=1, ori_shape=SIZE))
        yield functools.partial(tracker.update, detections, sample)


def peer_steps(found: list[InstanceData]) -> Iterator[Callable[[], object]]:
    """The same of deep_sort_realtime; its lists are made before the clock starts."""
    from deep_sort_realtime.deepsort_tracker import DeepSort

    peer = DeepSort(max_age=70, n_init=3, max_iou_distance=0.7, max_cosine_distance=0.2, nn_budget=100, embedder=None)
    for detections in found:
        corners, scores = detections.bboxes.numpy(), detections.scores.tolist()
        boxes = np.concatenate([corners[:, :2], corners[:, 2:] - corners[:, :2]], 1).tolist()
        raw = [(box, score, 0) for box, score in zip(boxes, scores)]
        yield functools.partial(peer.update_tracks, raw, embeds=list(detections.embeddings.numpy()))


def report(name: str, times: np.ndarray) -> float:
    """Print one line; seconds on the processor per frame."""
    clock, processor = times.T
    print(
        f'{name:18s} {1 / clock.mean():8.0f} frames/s   processor {1 / processor.mean():8.0f} frames/s   '
        f'median {np.median(clock) * 1e3:7.3f} ms   worst {clock.max() * 1e3:7.3f} ms'
    )
    return float(processor.mean())


def main() -> None:
    """Print one line per tracker, and with ``--peer`` by how much DeepSORT is faster than the peer."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument('--objects', type=int, default=100)
    parser.add_argument('--frames', type=int, default=200)
    parser.add_argument('--dim', type=int, default=128)
    parser.add_argument('--trackers', nargs='+', default=NAMES, choices=NAMES, metavar='NAME')
    parser.add_argument('--peer', action='store_true', help='compare DeepSORT with deep_sort_realtime')
    options = parser.parse_args()
    torch.set_num_threads(1)
    register_all()
    found = crowd(options.objects, options.frames, options.dim)
    print(
        f'{platform.processor() or platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, '
        f'numpy {np.__version__}, scipy {scipy.__version__}'
    )
    print(f'{options.objects} objects, {options.frames} frames, embeddings of {options.dim} numbers')
    for name in options.trackers:
        report(name, frame_times(own_steps(TRACKERS.build(dict(type=name)), found)))
    if options.peer:
        same = dict(type='DeepSORTTracker', min_confidence=None, nms_max_overlap=1.0)  # the peer's other defaults
        own = report('DeepSORT, no NMS', frame_times(own_steps(TRACKERS.build(same), found)))
        peer = report('deep_sort_realtime', frame_times(peer_steps(found)))
        print(f'DeepSORTTracker needs 1/{peer / own:.1f} of the time of deep_sort_realtime')


if __name__ == '__main__':
    main()
