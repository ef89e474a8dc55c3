"""Targets and loss of MaskTrack R-CNN's track head."""

from __future__ import annotations

import pytest
import torch

from mmdet.errors import ConfigError
from mmdet.models import MaskTrackHead
from mmdet.models.track_heads import match_logits, match_targets

IMAGE_1 = torch.tensor([[0.0, 1, 2], [0, -1, 0], [0, 3, 0]])  # three positives, two reference objects
IMAGE_2 = torch.tensor([[0.0, 2]])  # a single positive
TARGETS = [torch.tensor([2, 0, 1]), torch.tensor([1])]


def head(**settings: object) -> MaskTrackHead:
    extractor = dict(type='RoIExtractor', output_size=2, strides=(4,))
    return MaskTrackHead(extractor, in_channels=3, roi_size=2, fc_channels=5, **settings)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ('key', 'reference', 'expected'),
    [([7, 3, 9], [3, 7], [2, 1, 0]), ([7], [], [0]), ([], [3], []), ([4, 4], [4], [1, 1])],
    ids=['T7', 'empty reference', 'empty key', 'same object twice'],
)
def test_match_targets(key: list[int], reference: list[int], expected: list[int]) -> None:
    ids = torch.tensor(key, dtype=torch.int64)
    assert match_targets(ids, torch.tensor(reference, dtype=torch.int64)).tolist() == expected


def test_new_object_scores_zero() -> None:
    logits = match_logits(torch.tensor([[1.0, 2]]), torch.tensor([[3.0, 4], [0, -1]]))
    assert logits.tolist() == [[0, 11, -2]]
    assert match_logits(torch.ones(2, 3), torch.zeros(0, 3)).tolist() == [[0], [0]]


@pytest.mark.parametrize(
    ('settings', 'expected'),
    [
        (dict(skip_single_positive=True), 0.227421),
        (dict(), 0.290885),
        (dict(loss_denominator='matched'), 0.404595),
    ],
    ids=['original program', 'every image counts', 'ports'],
)
def test_t9_match_loss(settings: dict, expected: float) -> None:
    losses = head(**settings).match_loss([IMAGE_1, IMAGE_2], TARGETS)
    assert losses['loss_match'].item() == pytest.approx(expected, abs=1e-6)
    assert losses['match_acc'].item() == 100


@pytest.mark.parametrize('skip', [False, True])
@pytest.mark.parametrize(
    ('rows', 'targets'),
    [([torch.zeros(0, 3)], [[]]), ([torch.zeros(1, 1)], [[0]]), ([torch.zeros(1, 2)] * 2, [[0], [1]])],
    ids=['no positives', 'nothing to match', 'every image has one positive'],
)
def test_loss_is_always_a_finite_tensor_with_the_same_keys(rows: list, targets: list, skip: bool) -> None:
    logits = [r.clone().requires_grad_() for r in rows]
    losses = head(skip_single_positive=skip).match_loss(logits, [torch.tensor(t, dtype=torch.int64) for t in targets])
    assert set(losses) == {'loss_match', 'match_acc'}
    losses['loss_match'].backward()
    assert torch.isfinite(losses['loss_match']) and torch.isfinite(losses['match_acc'])


def test_last_relu() -> None:
    torch.manual_seed(0)
    pooled = torch.randn(20, 3, 2, 2)
    assert (head(last_relu=True)(pooled) >= 0).all()
    assert (head(last_relu=False)(pooled) < 0).any()


def test_unknown_denominator() -> None:
    with pytest.raises(ConfigError, match='loss_denominator'):
        head(loss_denominator='all')


@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16])
def test_matching_half_precision_embeddings(dtype):
    embeddings, references = torch.full((1, 1024), 10.0), torch.full((2, 1024), 10.0)
    with torch.autocast('cpu', torch.bfloat16):
        logits = match_logits(embeddings.to(dtype), references.to(dtype))
    assert logits.tolist() == [[0.0, 102400.0, 102400.0]]  # float16 ends at 65504
