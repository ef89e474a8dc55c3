"""Released CMaskTrack R-CNN weights, as a stand-in of the same names and sizes, fill our config's model completely."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torchvision.models import resnet50

from mmdet.checkpoints import convert, load_weights, read_metadata
from mmdet.engine.config import load_config
from mmdet.errors import CheckpointError
from mmdet.registry import MODELS, register_all

CLASSES = 25


def _layer(name: str, *shape: int) -> dict[str, tuple[int, ...]]:
    return {f'{name}.weight': shape, f'{name}.bias': shape[:1]}


def _shapes() -> dict[str, tuple[int, ...]]:
    """Names and sizes of the original program's file, background among the classes."""
    backbone = {key: tuple(value.shape) for key, value in resnet50().state_dict().items() if not key.startswith('fc.')}
    shapes = {f'backbone.{key}': shape for key, shape in backbone.items()}
    for i, width in enumerate((256, 512, 1024, 2048)):
        shapes |= _layer(f'neck.lateral_convs.{i}.conv', 256, width, 1, 1)
        shapes |= _layer(f'neck.fpn_convs.{i}.conv', 256, 256, 3, 3)
        shapes |= _layer(f'mask_head.convs.{i}.conv', 256, 256, 3, 3)
    for i in range(3):
        shapes |= _layer(f'track_head.offset_convs.{i}.conv', 256, 256, 3, 3)
    for head, name in (('bbox_head', 'shared_fcs'), ('track_head', 'fcs')):
        shapes |= {**_layer(f'{head}.{name}.0', 1024, 256 * 49), **_layer(f'{head}.{name}.1', 1024, 1024)}
    return {
        **shapes,
        **_layer('rpn_head.rpn_conv', 256, 256, 3, 3),
        **_layer('rpn_head.rpn_cls', 3, 256, 1, 1),
        **_layer('rpn_head.rpn_reg', 12, 256, 1, 1),
        **_layer('bbox_head.fc_cls', CLASSES + 1, 1024),
        **_layer('bbox_head.fc_reg', 4 * (CLASSES + 1), 1024),
        **_layer('mask_head.upsample', 256, 256, 2, 2),
        **_layer('mask_head.conv_logits', CLASSES + 1, 256, 1, 1),
        **_layer('track_head.conv_offset', 18, 256, 3, 3),
        'track_head.dconv_featureflow.weight': (256, 256, 3, 3),
    }


@pytest.fixture(scope='module')
def stand_in() -> dict[str, Tensor]:
    """Every tensor full of a number of its own; one number on disk, whatever its size."""
    return {
        key: torch.tensor(i) if key.endswith('tracked') else torch.tensor(float(i)).expand(shape)
        for i, (key, shape) in enumerate(_shapes().items(), 1)
    }


@pytest.fixture(scope='module')
def converted(stand_in: dict[str, Tensor], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp('cmasktrack')
    torch.save({'state_dict': stand_in, 'meta': {'mmdet_version': '0.6.0'}}, folder / 'original.pth')
    report = convert(folder / 'original.pth', folder / 'ours.safetensors')
    assert report.family == 'cmasktrack' and not report.dropped
    assert any('taken to be Person, Bird, Cat, ...' in note for note in report.notes)
    return folder / 'ours.safetensors'


def _model(repo_root: Path, window: str) -> nn.Module:
    register_all()
    config = load_config(repo_root / 'configs/cmasktrack_rcnn_r50_fpn_1x_ovis.py')
    config.model.calibration_head.window = window
    return MODELS.build(config.model)


def test_released_weights_fill_the_model(converted: Path, stand_in: dict[str, Tensor], repo_root: Path) -> None:
    model = _model(repo_root, 'cuda')
    report = load_weights(model, converted, require_complete=True)
    assert not report.random and not report.dropped and len(report.loaded) == len(stand_in)
    own = model.state_dict()
    for theirs, ours in (
        ('track_head.offset_convs.2.conv.bias', 'calibration_head.offset_convs.2.conv.bias'),
        ('track_head.conv_offset.weight', 'calibration_head.conv_offset.weight'),
        ('track_head.dconv_featureflow.weight', 'calibration_head.deform_conv.weight'),
        ('track_head.fcs.1.weight', 'track_head.fcs.1.weight'),
        ('backbone.layer4.2.bn3.running_var', 'detector.backbone.layer4.2.bn3.running_var'),
    ):
        assert own[ours].equal(stand_in[theirs].contiguous()), ours


def test_the_window_that_they_were_trained_with_is_demanded(converted: Path, repo_root: Path) -> None:
    with pytest.raises(CheckpointError, match=r"calibration_head.window is 'centred' and the weights need 'cuda'"):
        load_weights(_model(repo_root, 'centred'), converted, require_complete=True)


def test_weights_of_25_classes_are_taken_to_be_of_ovis(converted: Path) -> None:
    classes = read_metadata(converted)['classes']
    assert (len(classes), classes[0], classes[12], classes[-1]) == (25, 'Person', 'Giant_panda', 'Vehical')


@pytest.mark.parametrize('teller', ['file', 'user'])
def test_class_names_that_are_told_count(stand_in: dict[str, Tensor], tmp_path: Path, teller: str) -> None:
    names = [f'class {i}' for i in range(CLASSES)]
    meta = {'CLASSES': names} if teller == 'file' else {}
    torch.save({'state_dict': stand_in, 'meta': meta}, tmp_path / 'original.pth')
    report = convert(tmp_path / 'original.pth', tmp_path / 'ours.safetensors', classes=names)
    assert report.metadata['classes'] == names
    assert not any('taken to be' in note for note in report.notes)


def test_other_numbers_of_classes_have_no_names(stand_in: dict[str, Tensor], tmp_path: Path) -> None:
    heads = {key: value[: 4 if 'fc_reg' not in key else 16] for key, value in stand_in.items() if 'fc_' in key}
    torch.save({'state_dict': {**stand_in, **heads}}, tmp_path / 'original.pth')
    report = convert(tmp_path / 'original.pth', tmp_path / 'ours.safetensors', 'cmasktrack')
    assert report.metadata['num_classes'] == 3 and 'classes' not in report.metadata
