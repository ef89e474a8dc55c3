"""The same masks joined to tracks by one tracker after the other: mean and standard deviation over several seeds.

    python benchmarks/run_shapes_mots.py --seed 0 --work-dir work_dirs/shapes_mots/0
    python benchmarks/bench_association.py work_dirs/shapes_mots/0 work_dirs/shapes_mots/1 work_dirs/shapes_mots/2

Each folder has `data` and `<masks>/<vectors>/{holdout,valid}`: detections that were stored once, described by several
networks; `benchmarks/run_shapes_mots.py` makes it. Settings of every tracker are searched on the held-out tenth of the
training sequences, as many for each, and scored on sequences of their own. MaskTrack's own vectors come from a
pyramid, which SpatialEmbedding does not have: on its masks MaskTrack compares those of the appearance network.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.logging import MMLogger

from mmdet.datasets import MOTSDataset
from mmdet.engine.cli import CommandParser, run
from mmdet.engine.stored_run import track_videos
from mmdet.engine.tuning import random_points
from mmdet.errors import DataError
from mmdet.evaluation import MOTSMetric
from mmdet.evaluation.tracking.numbers import scalar
from mmdet.evaluation.tracking.scores import CLASS_MEAN, TOGETHER
from mmdet.files import write_text
from mmdet.models import PrecomputedDetector
from mmdet.progress import progress_bar
from mmdet.registry import TRACKERS, register_all

COLUMNS = {'sMOTSA': 'sMOTA', 'MOTSA': 'MOTA', 'IDS': 'IDSW', 'HOTA': 'HOTA', 'AssA': 'AssA', 'IDF1': 'IDF1'}
COUNTS = ('IDS',)
MIN_SCORES = {'spatial_embedding': 0.7, 'mask_rcnn': 0.5}  # below them most are wrong
SETS = {
    'holdout': dict(seqmap='seqmaps/train.seqmap', split='holdout'),
    'valid': dict(seqmap='seqmaps/val.seqmap'),
}


@dataclass(frozen=True)
class Association:
    """A way to join masks to tracks.

    Attributes:
        name: in the table.
        vectors: folder of the detections whose vectors it compares; None for any.
        tracker: its settings before a search.
        space: values that are tried.
    """

    name: str
    vectors: str | None
    tracker: Mapping[str, Any]
    space: Mapping[str, Sequence[Any]] = field(default_factory=dict)


_IOU = {'min_iou': (0.05, 0.1, 0.2, 0.3, 0.5), 'max_age': (0, 1, 3, 5, 10, 30)}
_MASKTRACK = {
    'score_weight': (0.0, 1.0),
    'iou_weight': (1.0, 2.0, 4.0, 8.0),
    'memory_frames': (3, 10, None),
    'motion': (None, 'kalman'),
}
ASSOCIATIONS = (
    Association('IoU of boxes', None, {'type': 'IoUTracker'}, _IOU),
    Association('IoU of masks', None, {'type': 'IoUTracker', 'overlap': 'mask'}, _IOU),
    Association('MaskTrack', 'masktrack', {'type': 'MaskTrackTracker'}, _MASKTRACK),
    Association(
        'MaskTrack, vectors of crops',
        'reid',
        {'type': 'MaskTrackTracker', 'similarity_scale': 10.0, 'similarity_offset': 0.6},  # vectors of length 1
        {**_MASKTRACK, 'similarity_scale': (5.0, 10.0, 20.0), 'similarity_offset': (0.4, 0.6, 0.8)},
    ),
    Association(
        'DeepSORT',
        'reid',
        {'type': 'DeepSORTTracker', 'n_init': 1, 'min_confidence': None, 'nms_max_overlap': 1.0},
        {
            'max_cosine_distance': (0.1, 0.2, 0.3, 0.5),
            'max_iou_distance': (0.5, 0.7, 0.9),
            'max_age': (5, 10, 30),
        },
    ),
    Association(
        'PointTrack',
        'points',
        {'type': 'PointTrackTracker', 'distance_offset': 2.5, 'keep_alive': 10},  # as the config for shapes
        {
            'distance_offset': (1.5, 2.5, 4.0, 8.81),  # the gate lies 0.8 below it
            'overlap_weight': (0.5, 0.74, 1.5),
            'keep_alive': (5, 10, 30),
        },
    ),
)


@dataclass(frozen=True)
class Trial:
    """Settings that were scored, and the numbers by name of a column."""

    settings: dict[str, Any]
    numbers: dict[str, float]


class Bench:
    """Scores trackers on the stored detections of one folder.

    Args:
        folder: of one seed.
        masks: whose masks, such as ``spatial_embedding``.
        min_score: detections with a lower score are left out; None takes that of :data:`MIN_SCORES`.
    """

    def __init__(self, folder: Path, masks: str, min_score: float | None = None) -> None:
        self.folder, self.stored = folder, folder / masks
        self.min_score = MIN_SCORES.get(masks) if min_score is None else min_score
        if not self.stored.is_dir():
            raise DataError(f'{self.stored}: no such folder; benchmarks/run_shapes_mots.py makes it')
        self.vectors = sorted(path.name for path in self.stored.iterdir() if path.is_dir())
        root = str(folder / 'data')
        self.data = {name: MOTSDataset('instances_txt', root, test_mode=True, **kind) for name, kind in SETS.items()}

    def fitting(self) -> list[Association]:
        """Those of :data:`ASSOCIATIONS` whose vectors are stored."""
        return [one for one in ASSOCIATIONS if one.vectors is None or one.vectors in self.vectors]

    def score(self, one: Association, settings: Mapping[str, Any], name: str) -> Trial:
        """Numbers on a set, ``holdout`` or ``valid``."""
        path = self.stored / (one.vectors or self.vectors[0]) / name
        detector = PrecomputedDetector(
            str(path), score_threshold=self.min_score, use_embeddings=one.vectors is not None
        )
        tracker = TRACKERS.build({**one.tracker, **settings})
        metric = MOTSMetric()
        metric.evaluate(track_videos(self.data[name], detector, tracker), self.data[name])
        assert metric.last is not None  # it has just been evaluated
        found = metric.last.scores[CLASS_MEAN][TOGETHER]
        return Trial(dict(settings), {column: float(scalar(found[key])) for column, key in COLUMNS.items()})

    def best(self, one: Association, trials: int) -> dict[str, Any]:
        """The best of some settings on the held-out sequences; the defaults are among them."""
        points = [{}, *random_points(one.space, trials - 1, seed=0)] if trials > 1 else [{}]
        tried = [self.score(one, point, 'holdout') for point in points]
        return max(tried, key=lambda trial: trial.numbers['sMOTSA']).settings

    def check_masks(self) -> None:
        """Refuse detections that differ in more than their vectors.

        Raises:
            DataError: a video has other masks in one folder than in another, or none.
        """
        for name, data in self.data.items():
            for video in data.videos:
                files = [self.stored / vectors / name / f'video_{video.id}.npz' for vectors in self.vectors]
                if len({_masks_in(file) for file in files}) > 1:
                    raise DataError(f'{self.stored}: {", ".join(self.vectors)} hold other masks of video {video.id}')


def _masks_in(file: Path) -> bytes:
    """Everything of a file of stored detections but the vectors and whose they are."""
    if not file.is_file():
        raise DataError(f'{file}: not there; run benchmarks/run_shapes_mots.py again, which goes on where it stopped')
    with np.load(file, allow_pickle=False) as arrays:
        return b''.join(arrays[key].tobytes() for key in sorted(set(arrays.files) - {'embeddings', 'track_head'}))


def compare(benches: Sequence[Bench], trials: int) -> Iterator[list[Trial]]:
    """What every seed reaches on the unseen sequences, for each of :func:`common`."""
    ways = common(benches)
    with progress_bar(len(ways) * len(benches), 'tracker') as bar:
        for one in ways:
            found = []
            for bench in benches:
                found.append(bench.score(one, bench.best(one, trials), 'valid'))
                bar.update()
            yield found


def common(benches: Sequence[Bench]) -> list[Association]:
    """Ways to join that every folder has the vectors for."""
    return [one for one in benches[0].fitting() if all(one in bench.fitting() for bench in benches)]


def row_of(name: str, trials: Sequence[Trial]) -> str:
    """A row of the table."""
    cells = [_cell(column, [trial.numbers[column] for trial in trials]) for column in COLUMNS]
    return ' | '.join([f'| {name}', *cells]) + ' |'


def settings_of(name: str, trials: Sequence[Trial]) -> str:
    """The settings that the seeds' searches chose, as a line."""
    texts = [', '.join(f'{key}={value}' for key, value in trial.settings.items()) or 'defaults' for trial in trials]
    return f'{name}: ' + '; '.join(texts)


def _cell(name: str, values: Sequence[float]) -> str:
    """Mean and standard deviation over seeds: counts as they are, the rest in percent."""
    scaled = np.array(values) * (1 if name in COUNTS else 100)
    return f'{scaled.mean():.1f}' + (f' ± {scaled.std(ddof=1):.1f}' if len(scaled) > 1 else '')


def main(argv: Sequence[str] | None = None) -> int:
    """Print the table, and write it."""
    parser = CommandParser(__doc__ or '')
    parser.add_argument('folders', nargs='+', type=Path, help='one per seed')
    parser.add_argument('--masks', default='spatial_embedding', help='whose masks: spatial_embedding or mask_rcnn')
    parser.add_argument('--min-score', type=float, metavar='S', help='no weaker detections (default: 0.7 or 0.5)')
    parser.add_argument('--trials', type=int, default=12, metavar='N', help='settings tried per tracker; 1: defaults')
    parser.add_argument('--out', metavar='FILE', help='write the table here too')
    args = parser.parse_args(argv)
    register_all()
    MMLogger.get_current_instance().setLevel(logging.WARNING)
    benches = [Bench(folder, args.masks, args.min_score) for folder in args.folders]
    for bench in benches:
        bench.check_masks()
    lines = ['| association | ' + ' | '.join(COLUMNS) + ' |', '| --- ' * (1 + len(COLUMNS)) + '|']
    chosen = []
    print('\n'.join(lines))
    for one, found in zip(common(benches), compare(benches, args.trials)):
        lines.append(row_of(one.name, found))
        chosen.append(settings_of(one.name, found))
        print(lines[-1], flush=True)
    print('\n' + '\n'.join(chosen))
    if args.out:
        write_text(args.out, '\n'.join(lines) + '\n')
    return 0


if __name__ == '__main__':
    run(main)
