"""The trainable model: what it returns and what it refuses."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch

from mmdet.errors import ConfigError
from mmdet.models.reid import ReIDNet
from mmdet.structures import FrameSample, InstanceData

EMBEDDER = dict(type='ReIDEmbedder', size=(8, 16), backbone=dict(type='DeepSORTNet', base_channels=2))
SOFTMAX, TRIPLET = dict(type='CrossEntropyLoss'), dict(type='BatchHardTripletLoss')
THREE = SimpleNamespace(num_identities=3, ann_file='three.json')


def batch(sizes: list[tuple[int, int]], identities: list[int]) -> dict:
    generator = torch.Generator().manual_seed(1)
    samples = []
    for identity in identities:
        sample = FrameSample(metainfo=dict(frame_id=identity))
        sample.gt_instances = InstanceData(instance_ids=torch.tensor([identity]))
        samples.append([sample])
    inputs = [torch.randint(0, 256, (1, 3, *size), generator=generator, dtype=torch.uint8) for size in sizes]
    return dict(inputs=inputs, data_samples=samples)


@pytest.mark.parametrize(
    ('losses', 'keys'),
    [
        (dict(loss_softmax=SOFTMAX), {'loss_softmax', 'acc'}),
        (dict(loss_triplet=TRIPLET), {'loss_triplet'}),
        (dict(loss_softmax=SOFTMAX, loss_triplet=TRIPLET), {'loss_softmax', 'acc', 'loss_triplet'}),
    ],
)
def test_losses(losses: dict, keys: set[str]) -> None:
    model = ReIDNet(EMBEDDER, **losses)
    model.fit_to(THREE)
    found = model(**batch([(16, 8)] * 4, [0, 0, 2, 2]), mode='loss')
    assert set(found) == keys
    sum(value for key, value in found.items() if 'loss' in key).backward()
    assert all(p.grad is not None for p in model.embedder.parameters())
    assert (model.classifier is None) == ('loss_softmax' not in losses)


def test_prediction_of_crops_of_all_sizes() -> None:
    model = ReIDNet(EMBEDDER).eval()
    data = batch([(16, 8), (40, 9), (3, 3)], [5, 6, 7])
    found = model(**data, mode='predict')
    assert [sample.frame_id for sample in found] == [5, 6, 7]
    vectors = torch.cat([sample.pred_instances.embeddings for sample in found])
    assert vectors.shape == (3, 16)
    torch.testing.assert_close(vectors.norm(dim=1), torch.ones(3))
    alone = model(data['inputs'][1:2], data['data_samples'][1:2], mode='predict')[0].pred_instances.embeddings
    torch.testing.assert_close(alone[0], vectors[1])


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        (dict(), 'nothing to train on'),
        (dict(loss_softmax=SOFTMAX, num_identities=4), 'num_identities is 4, but three.json has 3'),
    ],
)
def test_what_cannot_be_trained(arguments: dict, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        ReIDNet(EMBEDDER, **arguments).fit_to(THREE)


def test_unknown_mode() -> None:
    with pytest.raises(ConfigError, match='mode'):
        ReIDNet(EMBEDDER)([], [], mode='x')
