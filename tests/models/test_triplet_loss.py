"""Batch-hard triplet loss against hand-worked numbers and a loop."""

from __future__ import annotations

import pytest
import torch

from mmdet.models.losses import batch_hard_triplet, nearest_is_same


@pytest.mark.parametrize(
    ('labels', 'expected'),
    [([1, 1, 2, 2], 1.4986), ([3, 3, 3, 3], 0.0), ([1, 2, 3, 4], 0.0)],
    ids=['T9', 'T9: one label', 'strangers far enough'],
)
def test_t9(labels: list[int], expected: float) -> None:
    vectors = torch.tensor([[0.0, 0], [3, 4], [0, 1], [1, 1]], requires_grad=True)
    loss = batch_hard_triplet(vectors, torch.tensor(labels), 0.2, count_alone=True)
    assert loss.item() == pytest.approx(expected, abs=1e-4)
    loss.backward()
    assert torch.isfinite(vectors.grad).all()


def test_t9_one_alone_pushes_strangers_away() -> None:
    vectors = torch.tensor([[0.0], [0.1]])
    loss = batch_hard_triplet(vectors, torch.tensor([1, 2]), 0.2, count_alone=True)
    assert loss.item() == pytest.approx(0.1, abs=1e-5)


@pytest.mark.parametrize('seed', range(3))
def test_loop(seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    vectors, labels = torch.randn(20, 4, generator=generator), torch.randint(0, 5, (20,), generator=generator)
    total, right, friends = 0.0, 0, 0
    for i in range(20):
        distance = [max((vectors[i] - other).norm().item(), 1e-6) for other in vectors]
        positives = [d for d, label in zip(distance, labels) if label == labels[i]]
        negatives = [d for d, label in zip(distance, labels) if label != labels[i]]
        total += max(max(positives) - min(negatives) + 0.2, 0)
        others = [d for j, d in enumerate(distance) if labels[j] == labels[i] and j != i]
        friends += bool(others)
        right += bool(others) and min(others) < min(negatives)
    assert batch_hard_triplet(vectors, labels, 0.2, count_alone=True).item() == pytest.approx(total / 20, rel=1e-5)
    assert nearest_is_same(vectors, labels).item() == pytest.approx(100 * right / friends, rel=1e-5)


def test_nothing() -> None:
    vectors, labels = torch.zeros(0, 4, requires_grad=True), torch.zeros(0, dtype=torch.int64)
    batch_hard_triplet(vectors, labels, 0.2, count_alone=True).backward()
    assert nearest_is_same(vectors, labels) == 0
