"""Which boxes train, and on what."""

from __future__ import annotations

import pytest
import torch

from mmdet.errors import ConfigError
from mmdet.models.assigners import BACKGROUND, IGNORED, MaxIoUAssigner
from mmdet.models.samplers import RandomSampler, sampling_generator

GT = torch.tensor([[0.0, 0, 10, 10], [20, 20, 30, 30]])


@pytest.mark.parametrize(
    ('settings', 'box', 'expected'),
    [
        (dict(pos_iou_thr=0.7, neg_iou_thr=0.3), [0, 0, 10, 10], 0),
        (dict(pos_iou_thr=0.7, neg_iou_thr=0.3), [50, 50, 60, 60], BACKGROUND),
        (dict(pos_iou_thr=0.7, neg_iou_thr=0.3, match_low_quality=False), [0, 0, 10, 5], IGNORED),
        (dict(pos_iou_thr=0.7, neg_iou_thr=0.3, min_pos_iou=0.3), [0, 0, 10, 5], 0),
        (dict(pos_iou_thr=0.7, neg_iou_thr=0.3, min_pos_iou=0.6), [0, 0, 10, 5], IGNORED),
    ],
    ids=['equal', 'far', 'between thresholds', 'best of its object', 'best but too little'],
)
def test_assignment_of_one_box(settings: dict, box: list[float], expected: int) -> None:
    assert MaxIoUAssigner(**settings).assign(torch.tensor([box]).float(), GT).tolist() == [expected]


def test_every_tie_for_an_objects_best_overlap_is_taken() -> None:
    boxes = torch.tensor([[0.0, 0, 10, 4], [0, 6, 10, 10], [0, 0, 1, 1]])
    assigned = MaxIoUAssigner(0.7, 0.3, min_pos_iou=0.3).assign(boxes, GT)
    assert assigned.tolist() == [0, 0, BACKGROUND]


def test_no_ground_truth_and_no_boxes() -> None:
    assigner = MaxIoUAssigner(0.5, 0.5)
    assert assigner.assign(GT, torch.zeros(0, 4)).tolist() == [BACKGROUND, BACKGROUND]
    assert assigner.assign(torch.zeros(0, 4), GT).tolist() == []


def test_boxes_inside_ignored_regions() -> None:
    assigner = MaxIoUAssigner(0.5, 0.5, ignore_iof_thr=0.5)
    boxes = torch.tensor([[41.0, 41, 45, 45], [80, 80, 90, 90]])
    assert assigner.assign(boxes, GT, torch.tensor([[40.0, 40, 60, 60]])).tolist() == [IGNORED, BACKGROUND]


@pytest.mark.parametrize(
    ('positives', 'negatives', 'expected'),
    [(100, 500, (16, 48)), (3, 500, (3, 61)), (3, 10, (3, 10)), (0, 0, (0, 0))],
    ids=['plenty', 'few objects', 'few of both', 'nothing'],
)
def test_sample_sizes(positives: int, negatives: int, expected: tuple[int, int]) -> None:
    assigned = torch.tensor([0] * positives + [BACKGROUND] * negatives + [IGNORED] * 7)
    drawn = RandomSampler(64, 0.25).sample(assigned, sampling_generator(1, 0))
    assert tuple(len(part) for part in drawn) == expected
    assert (assigned[drawn[0]] == 0).all() and (assigned[drawn[1]] == BACKGROUND).all()


def test_sample_depends_on_seed_and_purpose_only() -> None:
    assigned = torch.tensor([0] * 50 + [BACKGROUND] * 200)
    sampler = RandomSampler(32, 0.5)
    draws = [torch.cat(sampler.sample(assigned, sampling_generator(*key))) for key in ((5, 0), (5, 0), (5, 1), (6, 0))]
    assert draws[0].equal(draws[1])
    assert not draws[0].equal(draws[2]) and not draws[0].equal(draws[3])


@pytest.mark.parametrize(
    'limit, counts',
    [(None, [5, 2, 1]), (1, [1, 1, 1]), (2, [2, 2, 1]), (9, [5, 2, 1])],
    ids=['no limit', 'one', 'two', 'more than there are'],
)
def test_positives_of_one_object_are_limited(limit, counts):
    assigned = torch.tensor([0, 2, 0, BACKGROUND, 0, 1, 0, 1, 0, BACKGROUND])
    drawn = set()
    for seed in range(20):
        sampler = RandomSampler(num=10, pos_fraction=1.0, max_per_object=limit)
        positives, negatives = sampler.sample(assigned, torch.Generator().manual_seed(seed))
        assert torch.bincount(assigned[positives], minlength=3).tolist() == counts
        assert negatives.tolist() == [3, 9] and len(set(positives.tolist())) == len(positives)
        drawn.update(positives.tolist())
    assert drawn == {0, 1, 2, 4, 5, 6, 7, 8}  # every positive has its chance


def test_wrong_limit_of_one_object():
    with pytest.raises(ConfigError, match='max_per_object'):
        RandomSampler(num=10, pos_fraction=1.0, max_per_object=0)
