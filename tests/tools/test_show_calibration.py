"""The calibration picture from the command line."""

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
    spec = importlib.util.spec_from_file_location('show_calibration', repo_root / 'tools/show_calibration.py')
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def arguments(reduced_config: Callable, tiny_shapes: Path, tmp_path: Path) -> list[str]:
    """Config, checkpoint and a folder of four frames."""
    register_all()
    config = reduced_config('cmasktrack_rcnn_r18_fpn_shapes_occluded', tmp_path)
    config.dump(tmp_path / 'config.py')
    save_weights(MODELS.build(config.model).state_dict(), tmp_path / 'weights.safetensors', {})
    video = sorted((tiny_shapes / 'valid/JPEGImages').iterdir())[0]
    return [str(tmp_path / 'config.py'), str(tmp_path / 'weights.safetensors'), str(video)]


@pytest.mark.parametrize('point', [[], ['--point', '40', '20']], ids=['best object', 'given point'])
def test_writes_a_picture(tool: ModuleType, arguments: list[str], tmp_path: Path, point: list[str]) -> None:
    out = tmp_path / 'picture.png'
    assert tool.main([*arguments, '--frame', '0', '--reference', '2', '--out', str(out), *point]) == 0
    assert cv2.imread(str(out)).shape[1] > 1280


def test_frames_that_do_not_exist(tool: ModuleType, arguments: list[str]) -> None:
    with pytest.raises(ConfigError, match='has 4 frames; frame 9'):
        tool.main([*arguments, '--frame', '9', '--reference', '-1'])
    with pytest.raises(SystemExit) as stop:
        tool.main([*arguments, '--frame', '1', '--reference', '-2'])
    assert stop.value.code == 2
