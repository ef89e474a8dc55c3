"""Losses of re-identification against the slow, obvious way."""

from __future__ import annotations

import math

import pytest
import torch

from mmdet.models.losses import BatchHardTripletLoss, CrossEntropyLoss

IDENTITIES = {
    'two of each': [0, 0, 1, 1, 2, 2],
    'one alone does not count': [0, 0, 1, 1, 1, 2],
    'mixed order': [1, 0, 2, 0, 1, 2],
}


def slow_triplet(vectors: torch.Tensor, identities: list[int], margin: float | None) -> float:
    losses = []
    for a, anchor in enumerate(vectors):
        distance = [float((anchor - other).norm()) for other in vectors]
        positive = [d for i, d in enumerate(distance) if i != a and identities[i] == identities[a]]
        negative = [d for i, d in enumerate(distance) if identities[i] != identities[a]]
        if positive and negative:
            difference = max(positive) - min(negative)
            losses.append(math.log1p(math.exp(difference)) if margin is None else max(difference + margin, 0.0))
    return sum(losses) / len(losses)


@pytest.mark.parametrize('margin', [0.3, None])
@pytest.mark.parametrize('case', IDENTITIES)
def test_triplet(case: str, margin: float | None) -> None:
    vectors = torch.randn(6, 5, generator=torch.Generator().manual_seed(0))
    loss = BatchHardTripletLoss(margin, loss_weight=2.0)(vectors, torch.tensor(IDENTITIES[case]))
    assert float(loss) == pytest.approx(2 * slow_triplet(vectors, IDENTITIES[case], margin), rel=1e-5)


@pytest.mark.parametrize('identities', [[0, 0, 0], [0, 1, 2], [0]], ids=['one identity', 'all alone', 'one vector'])
def test_triplet_of_a_batch_without_triplets(identities: list[int]) -> None:
    vectors = torch.randn(len(identities), 4, requires_grad=True)
    loss = BatchHardTripletLoss()(vectors, torch.tensor(identities))
    loss.backward()
    assert loss.item() == 0
    assert vectors.grad is not None
    assert vectors.grad.eq(0).all()


def test_triplet_gradient_of_equal_vectors_is_finite() -> None:
    vectors = torch.ones(4, 3, requires_grad=True)
    BatchHardTripletLoss()(vectors, torch.tensor([0, 0, 1, 1])).backward()
    assert vectors.grad is not None
    assert vectors.grad.isfinite().all()


def test_label_smoothing() -> None:
    logits, targets = torch.tensor([[2.0, 0.0, -1.0], [0.5, 0.5, 0.0]]), torch.tensor([0, 2])
    loss = CrossEntropyLoss(label_smoothing=0.3)(logits, targets, 2)
    wanted = torch.full((2, 3), 0.1)
    wanted[[0, 1], targets] += 0.7
    assert float(loss) == pytest.approx(float(-(wanted * logits.log_softmax(1)).sum() / 2), rel=1e-6)
