"""The picture of points from the command line."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import cv2
import pytest

from mmdet.checkpoints import save_weights
from mmdet.errors import ConfigError
from mmdet.registry import MODELS, register_all


@pytest.fixture
def tool(repo_root: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location('show_points', repo_root / 'tools/show_points.py')
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def arguments(reduced_config: Callable, tmp_path: Path) -> Callable[[str], list[str]]:
    """Config and checkpoint of a reduced model with random weights."""

    def make(name: str = 'pointtrack_shapes') -> list[str]:
        register_all()
        config = reduced_config(name, tmp_path)
        config.dump(tmp_path / 'config.py')
        save_weights(MODELS.build(config.model).state_dict(), tmp_path / 'weights.safetensors', {})
        return [str(tmp_path / 'config.py'), str(tmp_path / 'weights.safetensors')]

    return make


@pytest.mark.parametrize('instance', [[], ['--instance', '0']], ids=['largest', 'given'])
def test_writes_a_picture(tool: ModuleType, arguments: Callable, tmp_path: Path, instance: list[str]) -> None:
    out = tmp_path / 'picture.png'
    assert tool.main([*arguments(), '--video', '1', '--frame', '2', '--out', str(out), *instance]) == 0
    assert cv2.imread(str(out)).shape[1] > 3 * 480


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (['--video', '9'], 'has no frame 0 of video 9: it has 3 videos'),
        (['--frame', '4'], 'no frame 4 of video 0'),
        (['--instance', '99'], 'there is no instance 99'),
    ],
)
def test_what_does_not_exist(tool: ModuleType, arguments: Callable, options: list[str], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        tool.main([*arguments(), *options])
