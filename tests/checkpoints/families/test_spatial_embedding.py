"""Published SpatialEmbedding weights: every tensor has its place, the unused layer is reported, facts are told."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor

from mmdet.checkpoints import convert, load_weights
from mmdet.checkpoints.families import ConvertOptions, matching
from mmdet.checkpoints.families.spatial_embedding import SPATIAL_EMBEDDING
from mmdet.checkpoints.state import shapes_of
from mmdet.errors import CheckpointError
from mmdet.registry import MODELS, register_all


def _model(**changes: object) -> torch.nn.Module:
    register_all()
    preprocessor = dict(type='VideoDataPreprocessor', mean=(0,) * 3, std=(255,) * 3)
    detector = dict(type='SpatialEmbedding', backbone=dict(type='BranchedERFNet'), coordinates='compat')
    detector.update(changes)
    return MODELS.build(dict(type='VideoInstanceSegmenter', data_preprocessor=preprocessor, detector=detector))


def _theirs(**changes: object) -> dict[str, Tensor]:
    torch.manual_seed(0)
    state, _ = SPATIAL_EMBEDDING.invert(_model(**changes).state_dict())
    outputs = state['decoders.0.output_conv.bias'].shape[0] + state['decoders.1.output_conv.bias'].shape[0]
    unused = {'weight': torch.randn(outputs, 128, 1, 1), 'bias': torch.randn(outputs)}
    return {**state, **{f'encoder.output_conv.{part}': value for part, value in unused.items()}}


@pytest.fixture
def released(tmp_path: Path) -> Path:
    """A file as the original program saves it."""
    path = tmp_path / 'best_seed_model.pth'
    parallel = {f'module.{key}': value for key, value in _theirs().items()}
    torch.save({'epoch': 3, 'best_iou': 0.5, 'best_seed': 0.1, 'model_state_dict': parallel, 'logger_data': {}}, path)
    return path


@pytest.mark.parametrize(('num_sigmas', 'entries'), [(1, 433), (2, 433)])
def test_every_tensor_has_its_place(num_sigmas: int, entries: int) -> None:
    theirs = _theirs(num_sigmas=num_sigmas)
    assert len(theirs) == entries
    assert matching(shapes_of(theirs), {}) == [SPATIAL_EMBEDDING]
    converted = SPATIAL_EMBEDDING.convert(theirs, {}, ConvertOptions())
    ours = _model(num_sigmas=num_sigmas).state_dict()
    assert shapes_of(converted.state_dict) == shapes_of(ours)
    assert [entry.key for entry in converted.report.dropped] == [
        'encoder.output_conv.weight', 'encoder.output_conv.bias'
    ]
    assert all('no forward pass uses' in entry.note for entry in converted.report.dropped)
    assert converted.meta['embedding'] == {'num_sigmas': num_sigmas, 'coordinates': 'compat'}
    assert converted.meta['num_classes'] == 1
    back, _ = SPATIAL_EMBEDDING.invert(converted.state_dict)
    assert all(torch.equal(back[key], theirs[key]) for key in back) and len(back) == entries - 2


def test_released_names(parity_dir: Path) -> None:
    table = parity_dir.parent / 'specs/pointtrack_checkpoint_keys.tsv'
    if not table.exists():
        pytest.skip(f'{table} is not there')
    rows = [line.split('\t') for line in table.read_text().splitlines()]
    expected = {
        row[1].removeprefix('module.'): tuple(int(n) for n in row[2].split('x') if n.isdigit())
        for row in rows
        if row[0] == 'spatial_embedding'
    }
    assert {key: shape for key, shape in shapes_of(_theirs()).items() if shape} == {
        key: shape for key, shape in expected.items() if not key.endswith('num_batches_tracked')
    }
    assert set(_theirs()) == set(expected)


def test_a_converted_file_loads_and_tells_what_it_needs(released: Path, tmp_path: Path) -> None:
    report = convert(released, tmp_path / 'car.safetensors', classes=['car'])
    assert len(report.dropped) == 2 and not report.random
    model = _model()
    load_weights(model, tmp_path / 'car.safetensors', require_complete=True)
    stored = torch.load(released, weights_only=True)['model_state_dict']
    first = model.detector.backbone.branches[0]
    assert torch.equal(first.output.weight, stored['module.decoders.0.output_conv.weight'])


@pytest.mark.parametrize(
    ('changes', 'message'),
    [
        (dict(coordinates='default'), "coordinates is 'default' and the weights need 'compat'"),
        (dict(num_sigmas=1), 'num_sigmas is 1 and the weights need 2'),
        (dict(num_classes=2), 'branches.1.output'),
    ],
)
def test_a_model_that_is_set_up_otherwise_is_refused(
    released: Path, tmp_path: Path, changes: dict, message: str
) -> None:
    convert(released, tmp_path / 'car.safetensors')
    with pytest.raises(CheckpointError, match=message):
        load_weights(_model(**changes), tmp_path / 'car.safetensors', require_complete=True)


def test_an_unknown_number_of_bandwidths() -> None:
    theirs = _theirs()
    theirs['decoders.0.output_conv.weight'] = torch.zeros(16, 7, 2, 2)
    with pytest.raises(CheckpointError, match='7 output channels'):
        SPATIAL_EMBEDDING.convert(theirs, {}, ConvertOptions())


def test_a_missing_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r'lost\.pth'):
        convert(tmp_path / 'lost.pth', tmp_path / 'ours.safetensors')


def test_two_class_names_for_one_seed_map(released: Path, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match='heads for 1 classes, and 2 class names'):
        convert(released, tmp_path / 'ours.safetensors', classes=['car', 'pedestrian'])
