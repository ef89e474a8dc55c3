"""The original SiamMask's checkpoints, told from their keys and renamed one to one."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torchvision.models import resnet50

from mmdet.checkpoints import convert, load_backbone, load_weights
from mmdet.checkpoints.families import FAMILIES, matching
from mmdet.checkpoints.families.siammask import invert
from mmdet.checkpoints.state import shapes_of
from mmdet.engine.config import load_config
from mmdet.errors import CheckpointError
from mmdet.models import SiamResNet
from mmdet.registry import MODELS, register_all

State = dict[str, torch.Tensor]


def original(root: Path, name: str = 'sharp') -> State:
    """Weights of the published shape and naming, all zero."""
    register_all()
    with torch.device('meta'):
        model = MODELS.build(load_config(root / f'configs/siammask_{name}_r50_davis.py').model)
    zeros = {key: torch.zeros(value.shape, dtype=value.dtype) for key, value in model.state_dict().items()}
    return invert(zeros)[0]


def without_counters(state: State) -> State:
    return {key: value for key, value in state.items() if not key.endswith('num_batches_tracked')}


def backbone_file() -> State:
    """As resnet.model: the names of a whole ResNet-50 with 3x3 shortcuts."""
    own = without_counters(SiamResNet(50).state_dict())
    last = {key: value for key, value in resnet50().state_dict().items() if key.startswith('layer4.')}
    return {**own, **without_counters(last)}


@pytest.mark.parametrize(
    ('name', 'count', 'form'),
    [('base', 324, 'state_dict'), ('base', 324, 'module'), ('sharp', 356, 'bare'), ('sharp', 356, 'old')],
)
def test_published_files(tmp_path: Path, repo_root: Path, name: str, count: int, form: str) -> None:
    state = original(repo_root, name)
    assert len(state) == count
    content = {
        'state_dict': {'state_dict': state, 'epoch': 12},
        'module': {'state_dict': {f'module.{key}': value for key, value in state.items()}},
        'bare': state,
        'old': without_counters(state),
    }[form]
    torch.save(content, tmp_path / 'their.pth')
    report = convert(tmp_path / 'their.pth', tmp_path / 'ours.safetensors')
    assert report.family == 'siammask' and not report.dropped
    assert len(report.renamed) == (count - 53 if form == 'old' else count)
    assert len({entry.key for entry in report.renamed}) == len(report.renamed)
    if name == 'sharp':
        model = MODELS.build(load_config(repo_root / 'configs/siammask_sharp_r50_ld.py').model)
        loaded = load_weights(model, tmp_path / 'ours.safetensors', require_complete=True)
        assert not loaded.random and not loaded.notes


def test_base_weights_start_the_refined_variant(tmp_path: Path, repo_root: Path) -> None:
    torch.save(original(repo_root, 'base'), tmp_path / 'their.pth')
    convert(tmp_path / 'their.pth', tmp_path / 'ours.safetensors')
    model = MODELS.build(load_config(repo_root / 'configs/siammask_sharp_r50_davis.py').model)
    report = load_weights(model, tmp_path / 'ours.safetensors', classes=['cat', 'dog'])
    assert len(report.loaded) == 324 and len(report.random) == 32 and not report.notes
    assert {entry.key.split('.')[0] for entry in report.random} == {'refine_head'}


def test_names_of_the_original(repo_root: Path) -> None:
    keys = set(original(repo_root))
    assert {
        'features.features.layer3.5.bn3.running_var',
        'features.downsample.downsample.1.weight',
        'rpn_model.cls.conv_kernel.0.weight',
        'rpn_model.loc.head.3.bias',
        'mask_model.mask.conv_search.1.running_mean',
        'refine_model.v0.2.weight',
        'refine_model.deconv.bias',
        'refine_model.post2.weight',
    } <= keys


@pytest.mark.parametrize(
    ('change', 'match'),
    [
        (lambda s: s.pop('rpn_model.cls.head.3.bias'), 'this one has 302'),
        (lambda s: s.update({'extra.weight': torch.zeros(1)}), 'extra.weight'),
        (lambda s: s.update({'features.features.layer2.0.downsample.0.weight': torch.zeros(8, 8, 1, 1)}), 'ordinary'),
    ],
    ids=['incomplete', 'too many', '1x1 shortcut'],
)
def test_other_files_are_refused(tmp_path: Path, repo_root: Path, change: object, match: str) -> None:
    state = original(repo_root)
    change(state)  # type: ignore[operator]
    torch.save(state, tmp_path / 'their.pth')
    with pytest.raises(CheckpointError, match=match):
        convert(tmp_path / 'their.pth', tmp_path / 'ours.safetensors')


def test_backbone_alone(tmp_path: Path) -> None:
    state = backbone_file()
    assert len(state) == 265
    torch.save(state, tmp_path / 'resnet.model')
    report = convert(tmp_path / 'resnet.model', tmp_path / 'ours.safetensors')
    assert report.family == 'siammask' and len(report.renamed) == 215 and len(report.dropped) == 50
    backbone = SiamResNet(50)
    load_backbone(backbone, tmp_path / 'resnet.model')
    assert backbone.conv1.weight.equal(state['conv1.weight'])
    assert backbone.layer3[5].conv3.weight.equal(state['layer3.5.conv3.weight'])


def test_an_ordinary_resnet_is_refused(tmp_path: Path) -> None:
    torch.save(resnet50().state_dict(), tmp_path / 'resnet50.pth')
    with pytest.raises(CheckpointError, match=r'other shortcuts: layer2\.0\.downsample'):
        load_backbone(SiamResNet(50), tmp_path / 'resnet50.pth')
    with pytest.raises(CheckpointError, match='not of the family siammask'):
        convert(tmp_path / 'resnet50.pth', tmp_path / 'ours.safetensors', 'siammask')


def test_no_other_family_claims_them(repo_root: Path) -> None:
    assert [family.name for family in matching(shapes_of(original(repo_root)), {})] == ['siammask']
    register_all()
    with torch.device('meta'):
        ours = MODELS.build(load_config(repo_root / 'configs/s2iammask_r50_vot2018.py').model).state_dict()
    assert [family.name for family in matching(shapes_of(ours), {})] == ['own']
    kept = FAMILIES['own'].convert(dict(ours), {}, None)  # type: ignore[arg-type]
    assert set(kept.state_dict) == set(ours)
