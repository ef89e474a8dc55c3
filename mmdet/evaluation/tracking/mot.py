"""Evaluation of MOTChallenge files: boxes of pedestrians, with the distractors that the benchmark excuses."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mmdet.errors import AnnotationsMissingError, DataError
from mmdet.evaluation.tracking.observations import ANY_CLASS, Observations, Role
from mmdet.evaluation.tracking.scenes import class_scene
from mmdet.evaluation.tracking.scores import TrackingScores, scene_numbers
from mmdet.formats import BoxTable, counted_rows, distractor_rows, read_boxes, read_seqinfo
from mmdet.formats.boxes import PEDESTRIAN
from mmdet.formats.text import IntArray


@dataclass(frozen=True)
class MOTSequence:
    """Ground truth of one sequence: all annotated boxes, the distractors among them, and its length in frames."""

    name: str
    truth: BoxTable
    length: int

    def roles(self, distractors: Collection[int] | None = None) -> IntArray:
        """What each box (N,) does, see :class:`Role`; ``distractors`` None takes the benchmark's classes."""
        excuses = distractor_rows(self.truth, self.name, distractors)
        others = np.where(excuses, Role.EXCUSES, Role.BYSTANDER)
        return np.where(counted_rows(self.truth), Role.COUNTED, others).astype(np.int64)


def read_truth(folder: str | Path) -> MOTSequence:
    """Ground truth of a sequence folder with ``gt/gt.txt`` and, where frames at the end may be empty, ``seqinfo.ini``.

    Raises:
        AnnotationsMissingError: there is no ``gt/gt.txt``.
        DataError: a file is damaged.
    """
    folder = Path(folder)
    info = read_seqinfo(folder / 'seqinfo.ini') if (folder / 'seqinfo.ini').is_file() else None
    path = folder / 'gt' / 'gt.txt'
    if not path.is_file():
        raise AnnotationsMissingError(f'{path} is not there, so sequence {folder.name} cannot be evaluated')
    table = read_boxes(path, 'gt', info.length if info else None)
    if info is None and not len(table):
        raise DataError(f'{path} is empty and there is no seqinfo.ini: the length of the sequence is unknown')
    return MOTSequence(folder.name, table, info.length if info else int(table.frames.max()) + 1)


def evaluate_mot(
    truth: Mapping[str, MOTSequence], results: Mapping[str, BoxTable], distractors: Collection[int] | None = None
) -> TrackingScores:
    """HOTA, CLEAR and identity numbers of every sequence and of all together, for the class ``pedestrian``.

    Boxes flagged 0 in the ground truth and boxes of other classes are not counted; results that match a distractor are
    left out (MOT16 and later; older ground truth has no classes).

    Raises:
        DataError: results of a sequence are missing, or are of a class other than pedestrian.
    """
    missing = [name for name in truth if name not in results]
    if missing:
        raise DataError(
            f'no results for {len(missing)} of {len(truth)} sequences: {", ".join(missing[:10])}. A sequence in which '
            'nothing was found needs an empty file.'
        )
    numbers = {}
    for name, sequence in truth.items():
        others = np.setdiff1d(results[name].class_ids, (-1, PEDESTRIAN))
        if len(others):
            raise DataError(
                f'{results[name].source}: class {others[0]} in column 8, but MOTChallenge evaluates pedestrians (class '
                f'{PEDESTRIAN}, or -1); leave other classes out of the file'
            )
        objects = Observations.of_box_table(sequence.truth, sequence.roles(distractors))
        found = Observations.of_box_table(results[name])
        numbers[name] = scene_numbers(class_scene(objects, found, sequence.length, ANY_CLASS, 'matched'))
    return TrackingScores.join('trackeval', {'pedestrian': numbers})
