"""Observations of results: an identity is in one place of a frame."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mmdet.datasets import MOTSDataset
from mmdet.errors import DataError
from mmdet.evaluation import FrameTracks, MOTMetric, MOTSMetric, VideoResult
from mmdet.evaluation.tracking.videos import result_rows
from mmdet.ops.rle import encode


def result(ids: list[list[int]], video_id: int = 1) -> VideoResult:
    """Tracks by frame; every row has a mask of its own of one row of pixels."""
    frames = []
    for numbers in ids:
        masks = [np.zeros((64, 96), np.uint8) for _ in numbers]
        for row, mask in enumerate(masks):
            mask[row] = 1
        boxes = [[0.0, row, 96.0, row + 1.0] for row in range(len(numbers))]
        found = [encode(mask) for mask in masks]
        frames.append(FrameTracks(list(numbers), [0] * len(numbers), [0.5] * len(numbers), boxes, found))
    return VideoResult(video_id, 64, 96, len(ids), [''] * len(ids), frames)


def test_rows_with_an_identity() -> None:
    frames, rows, ids, class_ids = result_rows(result([[3, -1, 0], [], [-1, -1], [0, 3]]), [7])
    assert frames.tolist() == [0, 0, 3, 3] and rows.tolist() == [0, 2, 0, 1]
    assert ids.tolist() == [3, 0, 0, 3] and class_ids.tolist() == [7] * 4
    assert [values.tolist() for values in result_rows(result([[], []]), [7])] == [[]] * 4


METRICS = {'MOTSMetric': MOTSMetric(), 'mots_tools': MOTSMetric('mots_tools'), 'MOTMetric': MOTMetric()}


@pytest.mark.parametrize('metric', METRICS.values(), ids=METRICS)
@pytest.mark.parametrize('work', ['evaluate', 'export'])
def test_an_identity_twice_in_a_frame(metric: MOTMetric, work: str, tiny_mots: Path, tmp_path: Path) -> None:
    dataset = MOTSDataset('instances_txt', str(tiny_mots), sequences=['0000'], test_mode=True)
    results = [result([[1], [7, 2, 7], [], [1]], dataset.videos[0].id)]
    with pytest.raises(DataError, match='video 1, frame 1: identity 7 appears 2 times'):
        metric.evaluate(results, dataset) if work == 'evaluate' else metric.export(results, dataset, tmp_path / 'out')
