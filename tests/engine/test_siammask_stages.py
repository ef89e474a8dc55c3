"""The stages in which SiamMask trains: learning rates, what is frozen when, every epoch saved, resumed exactly."""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from mmengine.hooks import Hook
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from mmdet.checkpoints import filled_parts, load_file, require_frozen_weights, save_weights
from mmdet.engine.build import build_trainer
from mmdet.engine.config import load_config
from mmdet.engine.distributed import join_processes
from mmdet.engine.hooks import UnfreezeHook
from mmdet.engine.optim import build_optim_wrapper, build_schedulers, learning_rates
from mmdet.engine.trainer import Trainer
from mmdet.errors import CheckpointError, ConfigError
from mmdet.registry import MODELS, register_all

BASE_RATES = [
    0.001, 0.00137973, 0.00190365, 0.00262653, 0.0036239, 0.005, 0.00475848, 0.00452862, 0.00430986, 0.00410168,
    0.00390355, 0.00371499, 0.00353553, 0.00336475, 0.00320222, 0.00304753, 0.00290032, 0.00276022, 0.00262689, 0.0025,
]  # fmt: skip
SHARP_RATES = [0.01 * 0.25 ** (epoch / 19) for epoch in range(20)]


@pytest.mark.parametrize(
    ('name', 'expected'),
    [
        ('siammask_base_r50_davis', BASE_RATES),
        ('siammask_sharp_r50_davis', SHARP_RATES),
        ('siammask_sharp_r50_vot2018', SHARP_RATES),
        ('s2iammask_r50_vot2018', SHARP_RATES),
    ],
)
def test_learning_rates(repo_root: Path, name: str, expected: list[float]) -> None:
    config = load_config(repo_root / f'configs/{name}.py')
    model = nn.ModuleDict({'backbone': nn.Linear(1, 1), 'neck': nn.Linear(1, 1)})
    wrapper = build_optim_wrapper(model, config.optim_wrapper, torch.device('cpu'))
    schedulers = build_schedulers(wrapper, config.param_scheduler, 100)
    found = []
    for _ in range(config.train_cfg.max_epochs):
        found.append(learning_rates(wrapper))
        for scheduler in schedulers:
            scheduler.step()
    rates = torch.tensor(found).T  # (groups, 20)
    assert rates.max(0).values.tolist() == pytest.approx(expected, rel=1e-5)
    factor = 0.1 if name == 'siammask_base_r50_davis' else 1.0
    assert (rates.min(0).values / rates.max(0).values).tolist() == pytest.approx([factor] * 20)


class Witness(Hook):
    """Notes what trains in every iteration, and may ask to stop after one."""

    def __init__(self, stop_after: int | None = None) -> None:
        self.stop_after = stop_after
        self.trained: list[set[str]] = []
        self.rates: list[float] = []

    def after_train_iter(self, runner: Any, batch_idx: int, data_batch: Any = None, outputs: Any = None) -> None:
        model = runner.model
        with_gradient = {n for n, p in model.named_parameters() if p.requires_grad}
        assert not any(m.training for m in model.backbone.modules() if isinstance(m, _BatchNorm))
        self.trained.append({'.'.join(n.split('.')[: 2 if n.startswith('backbone') else 1]) for n in with_gradient})
        self.rates.append(max(learning_rates(runner.optim_wrapper)))
        if runner.iter + 1 == self.stop_after:
            signal.raise_signal(signal.SIGTERM)


@pytest.fixture
def base_run(reduced_config: Callable) -> Callable[..., tuple[Trainer, Witness]]:
    """``base_run(folder, stop_after)``: a trainer of the base config with four epochs of two batches."""

    def make(folder: Path, stop_after: int | None = None) -> tuple[Trainer, Witness]:
        config = reduced_config('siammask_base_r50_davis', folder)
        config.train_cfg = dict(max_epochs=4)
        trainer, witness = build_trainer(config, join_processes('none')), Witness(stop_after)
        trainer.hooks.append(witness)
        return trainer, witness

    return make


HEADS = {'neck', 'rpn_head', 'mask_head'}
WITH_BACKBONE = HEADS | {'backbone.layer2', 'backbone.layer3'}


@pytest.mark.parametrize('stop_after', [2, 4, 5], ids=['before half time', 'at half time', 'within an epoch after it'])
def test_backbone_trains_from_half_time_on_and_resuming_is_exact(
    base_run: Callable, tmp_path: Path, stop_after: int
) -> None:
    whole, witness = base_run(tmp_path / 'whole')
    before = {name: value.clone() for name, value in whole.state.model.state_dict().items()}
    assert whole.train()
    assert witness.trained == [HEADS] * 4 + [WITH_BACKBONE] * 4
    after = whole.state.model.state_dict()
    changed = {name for name in after if 'running' not in name and not torch.equal(after[name], before[name])}
    assert any(name.startswith('backbone.layer3') for name in changed)
    assert not any(name.startswith(('backbone.conv1', 'backbone.bn1', 'backbone.layer1')) for name in changed)
    first, seen = base_run(tmp_path / 'parts', stop_after)
    assert not first.train()
    second, rest = base_run(tmp_path / 'parts')
    assert second.train(tmp_path / 'parts')
    assert seen.trained + rest.trained == witness.trained and seen.rates + rest.rates == witness.rates
    for name, value in second.state.model.state_dict().items():
        assert torch.equal(value, after[name]), name
    ours, theirs = (load_file(tmp_path / f / 'epoch_4.pth')['optimizer'] for f in ('parts', 'whole'))
    assert ours['state'].keys() == theirs['state'].keys()


@pytest.mark.parametrize('pairs', [2, 3], ids=['whole batches', 'a batch to fill up'])
def test_every_epoch_is_saved_the_last_one_too(reduced_config: Callable, tmp_path: Path, pairs: int) -> None:
    config = reduced_config('siammask_sharp_r50_davis', tmp_path)
    config.train_cfg = dict(max_epochs=20)
    config.train_dataloader.dataset.num_pairs = pairs
    assert build_trainer(config, join_processes('none')).train()
    assert sorted(int(p.stem[6:]) for p in tmp_path.glob('epoch_*.pth')) == list(range(1, 21))


def test_the_second_stage_starts_from_the_first(reduced_config: Callable, tmp_path: Path) -> None:
    base = build_trainer(reduced_config('siammask_base_r18_shapes', tmp_path / 'base'), join_processes('none'))
    assert base.train()
    config = reduced_config('siammask_sharp_r18_shapes', tmp_path / 'sharp')
    config.load_from = str(tmp_path / 'base/last.safetensors')
    sharp = build_trainer(config, join_processes('none'))
    assert sharp.train()
    ours, theirs = sharp.state.model.state_dict(), base.state.model.state_dict()
    frozen = [name for name in theirs if name.startswith(('backbone', 'neck', 'rpn_head', 'mask_head.out'))]
    assert frozen and all(torch.equal(ours[name], theirs[name]) for name in frozen)
    assert not torch.equal(ours['mask_head.conv_search.conv.weight'], theirs['mask_head.conv_search.conv.weight'])


def test_a_frozen_backbone_may_bring_weights_of_its_own(reduced_config: Callable, tmp_path: Path) -> None:
    config = reduced_config('siammask_sharp_r18_shapes', tmp_path)
    register_all()
    model = MODELS.build(config.model)
    require_frozen_weights(MODELS.build({**config.model, 'frozen_parts': ()}), None)
    model.backbone.pretrained = 'resnet.model'
    model.frozen_parts = ('backbone',)
    require_frozen_weights(model, None, filled_parts(model))
    model.frozen_parts = ('backbone', 'neck')
    with pytest.raises(ConfigError, match='trains around backbone, neck'):
        require_frozen_weights(model, None, filled_parts(model))


@pytest.mark.parametrize('name', ['siammask_sharp_r18_shapes', 's2iammask_r18_shapes'])
def test_a_later_stage_does_not_start_from_random_parts(reduced_config: Callable, tmp_path: Path, name: str) -> None:
    config = reduced_config(name, tmp_path)
    frozen = load_file(config.load_from)['state_dict']
    config.load_from = None
    with pytest.raises(ConfigError, match='trains around backbone, neck, rpn_head, which stay as they are loaded'):
        build_trainer(config, join_processes('none')).train()
    config.load_from = str(tmp_path / 'backbone.safetensors')
    save_weights({key: value for key, value in frozen.items() if key.startswith('backbone')}, config.load_from, {})
    with pytest.raises(CheckpointError, match=r'parameters random that this config keeps .*: neck\.'):
        build_trainer(config, join_processes('none')).train()


@pytest.mark.parametrize(
    ('arguments', 'word'),
    [
        (dict(frozen_stages=3, at=1.5), 'share'),
        (dict(frozen_stages=0), 'less than the 1'),
        (dict(frozen_stages=3, backbone='detector.backbone'), "no backbone with stages at 'detector.backbone'"),
    ],
)
def test_impossible_unfreezing(base_run: Callable, tmp_path: Path, arguments: dict, word: str) -> None:
    with pytest.raises(ConfigError, match=word):
        hook = UnfreezeHook(**arguments)
        trainer, _ = base_run(tmp_path)
        trainer.hooks[:] = [hook]
        trainer.train()
