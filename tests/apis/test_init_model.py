from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from mmengine.config import Config

from mmdet.apis import init_model
from mmdet.checkpoints import save_weights
from mmdet.errors import CheckpointError, ConfigError
from mmdet.registry import MODELS


@MODELS.register_module(name='InitModelTestNet', force=True)
class Net(torch.nn.Module):
    def __init__(self, width: int = 3) -> None:
        super().__init__()
        self.layer, self.norm = torch.nn.Linear(2, width), torch.nn.BatchNorm1d(width)


def config(**extra: Any) -> Config:
    return Config(dict(model=dict(type='InitModelTestNet'), **extra))


def weights(path: Path, width: int = 3, **meta: Any) -> tuple[Path, Mapping[str, torch.Tensor]]:
    state = Net(width).state_dict()
    save_weights(state, path, meta)
    return path, state


def test_weights_are_loaded_and_the_model_is_ready(tmp_path: Path) -> None:
    path, state = weights(tmp_path / 'w.safetensors')
    model = init_model(config(), path)
    assert all(torch.equal(state[key], value) for key, value in model.state_dict().items())
    assert not model.training
    assert model.cfg.model.type == 'InitModelTestNet'


@pytest.mark.parametrize(
    ('in_config', 'in_file', 'expected'),
    [
        pytest.param(('cat', 'dog'), None, ('cat', 'dog'), id='config'),
        pytest.param(None, ['cat', 'dog'], ('cat', 'dog'), id='checkpoint'),
        pytest.param(('cat', 'dog'), ['Cat', 'dog'], ('cat', 'dog'), id='both, config first'),
        pytest.param(None, None, None, id='neither'),
    ],
)
def test_where_class_names_come_from(tmp_path: Path, in_config: Any, in_file: Any, expected: Any) -> None:
    path, _ = weights(tmp_path / 'w.safetensors', **(dict(classes=in_file) if in_file else {}))
    model = init_model(config(**(dict(classes=in_config) if in_config else {})), path)
    assert model.classes == expected


def test_a_checkpoint_that_leaves_parameters_random_is_refused(tmp_path: Path) -> None:
    path, _ = weights(tmp_path / 'w.safetensors', width=5)
    with pytest.raises(CheckpointError):
        init_model(config(), path)


def test_a_config_file_is_read_with_its_overrides(tmp_path: Path) -> None:
    (tmp_path / 'c.py').write_text("model = dict(type='InitModelTestNet', width=3)\n")
    assert init_model(tmp_path / 'c.py', cfg_options={'model.width': 7}).layer.out_features == 7


@pytest.mark.parametrize(
    ('device', 'message'),
    [
        pytest.param('gpu', "no device 'gpu'", id='unknown device'),
        pytest.param('cuda:99', 'sees [0-9]+ GPUs', id='more GPUs than there are'),
    ],
)
def test_devices_that_are_not_there(device: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        init_model(config(), device=device)


def test_overrides_of_a_loaded_config_are_refused() -> None:
    with pytest.raises(ConfigError, match='loaded already'):
        init_model(config(), cfg_options={'model.width': 7})
