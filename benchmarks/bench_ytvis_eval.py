"""Time of YouTube-VIS overlaps: one call per frame against one merge and area per pair and frame, in the same run.

    python benchmarks/bench_ytvis_eval.py [--frames 120] [--detections 60] [--annotations 10] [--repeat 3]

Prints seconds of both, their ratio and the largest difference, and the time of a whole evaluation of many such videos.
"""

from __future__ import annotations

import argparse
import os
import platform
import time
from collections.abc import Callable
from importlib.metadata import version
from typing import Any

import cv2
import numpy as np
from pycocotools import mask as coco_mask

from mmdet.evaluation.vis_ground_truth import Video
from mmdet.evaluation.vis_tracks import Track, read_annotation, read_result, track_ious
from mmdet.evaluation.ytvis import evaluate_ytvis
from mmdet.ops.rle import encode

SIZE = (360, 640)


def blob_track(rng: np.random.Generator, frames: int) -> list[Any]:
    """A wobbling blob that drifts, absent in a tenth of the frames."""
    angles = np.linspace(0, 2 * np.pi, 60, endpoint=False)
    centre, radius = rng.uniform((60, 60), (SIZE[1] - 60, SIZE[0] - 60)), rng.uniform(20, 90)
    masks = []
    for _ in range(frames):
        centre = np.clip(centre + rng.normal(0, 3, 2), 0, SIZE[::-1])
        radii = radius * (1 + 0.15 * np.sin(5 * angles + rng.uniform(0, 6)))
        corners = centre + radii[:, None] * np.stack([np.cos(angles), np.sin(angles)], 1)
        mask = cv2.fillPoly(np.zeros(SIZE, np.uint8), [corners.round().astype(np.int32)], 1)
        masks.append(None if rng.random() < 0.1 else encode(mask))
    return masks


def naive_ious(detections: list[Track], annotations: list[Track]) -> np.ndarray:
    """One merge and area for every pair and frame, as the published evaluators do."""
    ious = np.zeros((len(detections), len(annotations)))
    for i, detection in enumerate(detections):
        for j, annotation in enumerate(annotations):
            inter = union = 0
            for a, b in zip(detection.masks, annotation.masks):
                if a and b:
                    inter += coco_mask.area(coco_mask.merge([a, b], True))
                    union += coco_mask.area(coco_mask.merge([a, b], False))
                elif a or b:
                    union += coco_mask.area(a or b)
            ious[i, j] = inter / union if union else 0.0
    return ious


def best_time(function: Callable[[], Any], repeat: int) -> tuple[float, Any]:
    """Least seconds of ``repeat`` calls, and the last answer."""
    times = []
    for _ in range(repeat):
        start = time.perf_counter()
        answer = function()
        times.append(time.perf_counter() - start)
    return min(times), answer


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--frames', type=int, default=120)
    parser.add_argument('--detections', type=int, default=60)
    parser.add_argument('--annotations', type=int, default=10)
    parser.add_argument('--videos', type=int, default=20, help='videos of the whole evaluation')
    parser.add_argument('--repeat', type=int, default=3)
    options = parser.parse_args()
    rng = np.random.default_rng(0)
    video = Video(1, *SIZE, options.frames)
    masks = [blob_track(rng, options.frames) for _ in range(options.detections + options.annotations)]
    keys = {'video_id': 1, 'category_id': 1, 'iscrowd': 0}
    results = [{**keys, 'score': rng.random(), 'segmentations': m} for m in masks[: options.detections]]
    rest = enumerate(masks[options.detections :])
    entries: list[dict[str, Any]] = [{**keys, 'id': i, 'segmentations': m} for i, m in rest]
    read, tracks = best_time(
        lambda: ([read_result(r, video, 'r') for r in results], [read_annotation(a, video, 'a') for a in entries]),
        options.repeat,
    )
    fast, found = best_time(lambda: track_ious(*tracks), options.repeat)
    slow, expected = best_time(lambda: naive_ious(*tracks), options.repeat)
    print(f'{platform.processor() or platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, '
          f'numpy {np.__version__}, pycocotools {version("pycocotools")}')
    print(f'{options.detections} x {options.annotations} tracks of {options.frames} frames of {SIZE[0]} x {SIZE[1]}')
    print(f'one call per frame   {fast:8.3f} s   (checking the masks before: {read:.3f} s)')
    print(f'one call per pair    {slow:8.3f} s')
    print(f'ratio {slow / fast:.1f}, with checking {slow / (fast + read):.1f}')
    print(f'largest difference {abs(found - expected).max()}')
    many = range(1, options.videos + 1)
    truth = {
        'videos': [{'id': v, 'height': SIZE[0], 'width': SIZE[1], 'length': options.frames} for v in many],
        'categories': [{'id': 1, 'name': 'blob'}],
        'annotations': [{**a, 'id': 1000 * v + a['id'], 'video_id': v} for v in many for a in entries],
    }
    all_results = [{**r, 'video_id': v} for v in many for r in results]
    whole, _ = best_time(lambda: evaluate_ytvis(truth, all_results), 1)  # one video under many ids
    print(f'whole evaluation of {options.videos} such videos: {whole:.2f} s')


if __name__ == '__main__':
    main()
