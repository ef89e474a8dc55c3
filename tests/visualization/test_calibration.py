"""What the calibration picture shows is where the head really looks and samples."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from mmdet.errors import ConfigError
from mmdet.registry import MODELS, register_all
from mmdet.visualization.calibration import draw_calibration, look_at

STRIDE = 8  # of level 1


@pytest.fixture
def model(reduced_config: Callable, tmp_path: Path) -> nn.Module:
    """Offsets are the same everywhere: one cell down and two to the right."""
    register_all()
    model = MODELS.build(reduced_config('cmasktrack_rcnn_r18_fpn_shapes_occluded', tmp_path).model).eval()
    with torch.no_grad():
        model.calibration_head.conv_offset.bias.copy_(torch.tensor([1.0, 2.0] * 9))
    return model


def test_places_are_pixels_of_the_resized_frame(model: nn.Module) -> None:
    frames = torch.randint(0, 256, (2, 3, 60, 90), dtype=torch.uint8)
    view = look_at(model, frames, (41.0, 17.0))  # cell x 5, y 2
    assert view.point.tolist() == [5.5 * STRIDE, 2.5 * STRIDE]
    assert view.window[0, 2].tolist() == [7.5 * STRIDE, 0.5 * STRIDE]  # patch of 3, two cells apart: up, right
    taps = [[5 + dx + 2, 2 + dy + 1] for dy in (-1, 0, 1) for dx in (-1, 0, 1)]
    np.testing.assert_allclose(view.samples, (np.array(taps) + 0.5) * STRIDE, atol=1e-4)
    assert view.field.shape == (8, 12, 4)  # the frame's cells, without those of padding
    np.testing.assert_allclose(view.field[3, 4], (np.array([4, 3, 6, 4]) + 0.5) * STRIDE, atol=1e-4)


def test_similarities_are_those_of_the_head(model: nn.Module) -> None:
    frames = torch.randint(0, 256, (2, 3, 64, 96), dtype=torch.uint8)
    view = look_at(model, frames, (41.0, 17.0))
    own, reference = model.detector.extract_feat(model.data_preprocessor([frames])[0])[1].split(1)
    expected = (own[0, :, 2, 5] * reference[0, :, 4, 7]).mean()  # two cells down and right
    assert view.similarities[2, 2] == pytest.approx(torch.nn.functional.leaky_relu(expected, 0.1).item(), rel=1e-3)


def test_picture(model: nn.Module) -> None:
    frames = torch.randint(0, 256, (2, 3, 60, 90), dtype=torch.uint8)
    images = [np.ascontiguousarray(image.permute(1, 2, 0)) for image in frames]
    picture = draw_calibration(*images, look_at(model, frames, (0.0, 59.0)), 'title')
    assert picture.dtype == np.uint8 and picture.shape[1] > 2 * 640 and picture.shape[0] > 2 * 420


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        (dict(point=(90.0, 0.0)), '90 x 60 pixels'),
        (dict(point=(0.0, 0.0), level=5), 'not calibrated; these are: 0, 1, 2, 3, 4'),
    ],
    ids=['point', 'level'],
)
def test_places_that_do_not_exist(model: nn.Module, arguments: dict, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        look_at(model, torch.zeros(2, 3, 60, 90, dtype=torch.uint8), **arguments)


def test_levels_that_are_left_as_they_are(model: nn.Module) -> None:
    model.calibration_head.levels = (1, 2)
    with pytest.raises(ConfigError, match='not calibrated; these are: 1, 2'):
        look_at(model, torch.zeros(2, 3, 60, 90, dtype=torch.uint8), (0.0, 0.0), level=0)


def test_models_without_calibration(model: nn.Module) -> None:
    model.calibration_head = None
    with pytest.raises(ConfigError, match='no CorrelationCalibrationHead'):
        look_at(model, torch.zeros(2, 3, 60, 90, dtype=torch.uint8), (0.0, 0.0))
