"""Time of a MOTS evaluation, files included, against TrackEval on the same files in the same run.

    python benchmarks/bench_mots_eval.py [--scale 1.0] [--repeat 3] [--keep FOLDER]

Draws a made-up set of the size of KITTI MOTS val (9 sequences, 2,981 frames of 375 x 1242, some 8,000 cars and 3,300
pedestrians, regions to be ignored), evaluates imperfect results with both programs, prints seconds, their ratio and the
largest difference between their numbers. TrackEval is needed for the comparison alone (``pip install trackeval``).
"""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import platform
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from mmdet.evaluation.tracking.mots import evaluate_mots
from mmdet.evaluation.tracking.numbers import scalar
from mmdet.evaluation.tracking.scores import TOGETHER, TrackingScores
from mmdet.formats import MOTS_CLASSES, read_masks
from mmdet.ops.rle import encode

SIZE = (375, 1242)
LENGTHS = {
    '0002': 233, '0006': 270, '0007': 800, '0008': 390, '0010': 294, '0013': 340, '0014': 106, '0016': 209, '0018': 339
}
TRACK_LENGTH = 50
CARS_PER_FRAME, PEDESTRIANS_PER_FRAME = 2.7, 1.1


def draw_sequence(rng: np.random.Generator, length: int) -> tuple[list[str], list[str]]:
    """Lines of ground truth and of results that miss, split and shift some of it."""
    truth: list[str] = []
    found: list[str] = []
    objects = [
        (class_id, number, start, rng.uniform((60, 120), (SIZE[1] - 60, 320)), rng.normal(0, 3, 2), rng.uniform(8, 45))
        for class_id, rate in ((1, CARS_PER_FRAME), (2, PEDESTRIANS_PER_FRAME))
        for number, start in enumerate(rng.integers(-TRACK_LENGTH, length, round(rate * length / TRACK_LENGTH)), 1)
    ]
    for frame in range(length):
        canvases = np.zeros((2, *SIZE), np.int32)
        cv2.rectangle(canvases[0], (500, 150), (560, 175), 10_000, -1)
        for class_id, number, start, centre, speed, radius in objects:
            age = frame - start
            if not 0 <= age < TRACK_LENGTH:
                continue
            identity = class_id * 1000 + number
            axes = (round(radius * 1.6), round(radius)) if class_id == 1 else (round(radius * 0.6), round(radius * 1.4))
            place = centre + age * speed
            cv2.ellipse(canvases[0], np.rint(place).astype(int).tolist(), axes, 0, 0, 360, identity, -1)
            if rng.random() < 0.9:
                noisy = np.rint(place + rng.normal(0, radius * 0.1, 2)).astype(int).tolist()
                new_identity = identity + (500 if age > 30 and number % 4 == 0 else 0)
                cv2.ellipse(canvases[1], noisy, axes, 0, 0, 360, new_identity, -1)
        for canvas, lines in zip(canvases, (truth, found)):
            lines += [_line(frame, value, canvas == value) for value in np.unique(canvas[canvas > 0]).tolist()]
    return truth, found


def _line(frame: int, value: int, mask: np.ndarray) -> str:
    return f'{frame} {value} {value // 1000} {SIZE[0]} {SIZE[1]} {encode(mask)["counts"]}\n'


def draw_set(folder: Path, lengths: dict[str, int]) -> None:
    """Write ``gt/instances_txt`` and ``results/ours/data``."""
    rng = np.random.default_rng(0)
    parts = [folder / 'gt' / 'instances_txt', folder / 'results' / 'ours' / 'data']
    for part in parts:
        part.mkdir(parents=True, exist_ok=True)
    for name, length in lengths.items():
        for part, lines in zip(parts, draw_sequence(rng, length)):
            (part / f'{name}.txt').write_text(''.join(lines))


def run_ours(folder: Path, lengths: dict[str, int]) -> TrackingScores:
    """Read and evaluate."""
    truth = {n: read_masks(folder / 'gt' / 'instances_txt' / f'{n}.txt', t) for n, t in lengths.items()}
    results = {n: read_masks(folder / 'results' / 'ours' / 'data' / f'{n}.txt', t) for n, t in lengths.items()}
    return evaluate_mots(truth, results, lengths)


def run_trackeval(folder: Path, lengths: dict[str, int]) -> dict[str, Any]:
    """The same with TrackEval: numbers by class."""
    import trackeval

    quiet = ('PRINT_RESULTS', 'PRINT_CONFIG', 'TIME_PROGRESS', 'OUTPUT_SUMMARY', 'OUTPUT_DETAILED', 'PLOT_CURVES')
    evaluator = trackeval.Evaluator({**dict.fromkeys(quiet, False), 'BREAK_ON_ERROR': True, 'LOG_ON_ERROR': None})
    dataset = trackeval.datasets.KittiMOTS(
        {
            'GT_FOLDER': str(folder / 'gt'),
            'GT_LOC_FORMAT': '{gt_folder}/instances_txt/{seq}.txt',
            'TRACKERS_FOLDER': str(folder / 'results'),
            'TRACKERS_TO_EVAL': ['ours'],
            'SEQ_INFO': dict(lengths),
            'PRINT_CONFIG': False,
        }
    )
    options = {'PRINT_CONFIG': False}
    metrics = [trackeval.metrics.HOTA(), trackeval.metrics.CLEAR(options), trackeval.metrics.Identity(options)]
    with contextlib.redirect_stdout(io.StringIO()):
        found = evaluator.evaluate([dataset], metrics)[0]['KittiMOTS']['ours']['COMBINED_SEQ']
    labels = MOTS_CLASSES.values()
    return {label: {k: v for family in found[label].values() for k, v in family.items()} for label in labels}


def best_time(function: Callable[[], Any], repeat: int) -> tuple[float, Any]:
    """Shortest of several runs in seconds, and what the last one returned."""
    times = []
    for _ in range(repeat):
        start = time.perf_counter()
        result = function()
        times.append(time.perf_counter() - start)
    return min(times), result


def main() -> None:
    """Draw, evaluate twice, compare."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--scale', type=float, default=1.0, help='share of the length of every sequence')
    parser.add_argument('--repeat', type=int, default=3, help='runs of each program; the fastest counts')
    parser.add_argument('--keep', help='folder for the files; used again where it exists')
    args = parser.parse_args()
    lengths = {name: max(2, round(length * args.scale)) for name, length in LENGTHS.items()}
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(args.keep or temporary)
        if not (folder / 'gt').is_dir():
            draw_set(folder, lengths)
        rows = sum(len(path.read_text().splitlines()) for path in folder.rglob('*.txt'))
        machine = f'{platform.processor() or platform.machine()}, {os.cpu_count()} cores'
        print(f'{machine}; {sum(lengths.values())} frames, {rows} masks')
        ours, scores = best_time(lambda: run_ours(folder, lengths), args.repeat)
        print(f'ours       {ours:7.2f} s')
        try:
            theirs, expected = best_time(lambda: run_trackeval(folder, lengths), args.repeat)
        except ImportError:
            print('TrackEval is not installed: no comparison')
            return
    numbers = {label: scores.scores[label][TOGETHER] for label in MOTS_CLASSES.values()}
    worst = max(
        abs(scalar(value) - scalar(numbers[label][name]))
        for label, found in expected.items()
        for name, value in found.items()
        if name in numbers[label]
    )
    print(f'TrackEval  {theirs:7.2f} s')
    print(f'ratio      {theirs / ours:7.1f}')
    print(f'largest difference {worst:.1e}; car HOTA {scalar(numbers["car"]["HOTA"]):.6f}')


if __name__ == '__main__':
    main()
