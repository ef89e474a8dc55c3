"""Time of DAVIS J and F: bit sets inside the objects' boxes against whole pictures, object by object, in the same run.

    python benchmarks/bench_davis_eval.py [--frames 20] [--objects 3] [--size 854 480] [--repeat 3]

The slow side does what the published evaluation does: for every object and frame it makes two boundary maps of the
whole picture, dilates both by a disk, and counts. Prints seconds of both, their ratio and the largest difference.
"""

from __future__ import annotations

import argparse
import math
import os
import platform
import time
from collections.abc import Callable
from typing import Any

import cv2
import numpy as np

from mmdet.evaluation.davis import evaluate_sequence


def blobs(rng: np.random.Generator, frames: int, objects: int, size: tuple[int, int]) -> np.ndarray:
    """Label maps (T, H, W) of wobbling blobs that drift."""
    width, height = size
    angles = np.linspace(0, 2 * np.pi, 80, endpoint=False)
    centres = rng.uniform((0.2 * width, 0.25 * height), (0.8 * width, 0.75 * height), (objects, 2))
    radii = rng.uniform(0.1, 0.22, objects) * height
    labels = np.zeros((frames, height, width), np.uint8)
    for t in range(frames):
        centres += rng.normal(0, 3, centres.shape)
        for number in range(objects):
            wobble = radii[number] * (1 + 0.12 * np.sin(5 * angles + rng.uniform(0, 6)))
            corners = centres[number] + wobble[:, None] * np.stack([np.cos(angles), np.sin(angles)], 1)
            cv2.fillPoly(labels[t], [corners.round().astype(np.int32)], number + 1)
    return labels


def whole_boundary(mask: np.ndarray) -> np.ndarray:
    """Boundary map over the whole picture: three shifted copies, and the last row and column apart."""
    right, below, across = np.zeros_like(mask), np.zeros_like(mask), np.zeros_like(mask)
    right[:, :-1], below[:-1], across[:-1, :-1] = mask[:, 1:], mask[1:], mask[1:, 1:]
    edge = (mask ^ right) | (mask ^ below) | (mask ^ across)
    edge[-1] = mask[-1] ^ right[-1]
    edge[:, -1] = mask[:, -1] ^ below[:, -1]
    edge[-1, -1] = False
    return edge


def whole_f(truth: np.ndarray, result: np.ndarray) -> float:
    """F of two pictures (H, W) bool."""
    radius = math.ceil(0.008 * np.linalg.norm(truth.shape))
    y, x = np.mgrid[-radius : radius + 1, -radius : radius + 1]
    disk = (x * x + y * y <= radius * radius).astype(np.uint8)
    edges = whole_boundary(truth), whole_boundary(result)
    grown = [cv2.dilate(edge.astype(np.uint8), disk) for edge in edges]
    counts = [np.sum(edge) for edge in edges]
    if counts[0] == 0 or counts[1] == 0:
        return float(counts[0] == counts[1])
    precision, recall = np.sum(edges[1] * grown[0]) / counts[1], np.sum(edges[0] * grown[1]) / counts[0]
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def whole_pictures(truth: np.ndarray, result: np.ndarray, objects: int) -> np.ndarray:
    """J and F of every object and frame but the first and last: (2, N, T - 2)."""
    scores = np.empty((2, objects, len(truth) - 2))
    for number in range(objects):
        own, found = truth[1:-1] == number + 1, result[1:-1] == number + 1
        inter, union = np.sum(own & found, axis=(1, 2)), np.sum(own | found, axis=(1, 2))
        scores[0, number] = np.where(union == 0, 1, inter / np.maximum(union, 1))
        scores[1, number] = [whole_f(a, b) for a, b in zip(own, found)]
    return scores


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
    parser.add_argument('--frames', type=int, default=20)
    parser.add_argument('--objects', type=int, default=3)
    parser.add_argument('--size', type=int, nargs=2, default=(854, 480), metavar=('WIDTH', 'HEIGHT'))
    parser.add_argument('--repeat', type=int, default=3)
    options = parser.parse_args()
    cv2.setNumThreads(1)
    rng = np.random.default_rng(0)
    truth = blobs(rng, options.frames, options.objects, tuple(options.size))
    result = np.stack([np.roll(labels, rng.integers(-9, 10, 2), (0, 1)) for labels in truth])
    fast, scores = best_time(lambda: evaluate_sequence(truth, result), options.repeat)
    slow, expected = best_time(lambda: whole_pictures(truth, result, options.objects), options.repeat)
    print(f'{platform.processor() or platform.machine()}, {os.cpu_count()} cores, one thread, '
          f'Python {platform.python_version()}, numpy {np.__version__}, OpenCV {cv2.__version__}')
    print(f'{options.objects} objects, {options.frames} frames of {options.size[0]} x {options.size[1]}')
    print(f'bit sets in boxes  {fast:8.3f} s')
    print(f'whole pictures     {slow:8.3f} s')
    print(f'ratio {slow / fast:.1f}')
    print(f'largest difference {abs(np.stack([scores.J, scores.F]) - expected).max():.1e}')


if __name__ == '__main__':
    main()
