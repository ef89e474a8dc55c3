from __future__ import annotations

import dataclasses
import json

import pytest

from mmdet.datasets.shapes import CATEGORY_IDS, CLASSES, ShapesConfig
from mmdet.errors import ConfigError


@pytest.mark.parametrize(
    ('fields', 'named'),
    [
        pytest.param({'size': (256,)}, 'size', id='one side only'),
        pytest.param({'size': (16, 144)}, 'size', id='too narrow'),
        pytest.param({'size': (256.0, 144.0)}, 'size', id='size not whole'),
        pytest.param({'size': '256x144'}, 'size', id='size as text'),
        pytest.param({'size': 256}, 'size', id='size a number'),
        pytest.param({'num_frames': 0}, 'num_frames', id='no frames'),
        pytest.param({'num_frames': True}, 'num_frames', id='a flag for a number'),
        pytest.param({'classes': ()}, 'classes', id='no class'),
        pytest.param({'classes': ('disc', 'disc')}, 'classes', id='class twice'),
        pytest.param({'classes': ('disc', 'blob')}, 'classes', id='unknown class'),
        pytest.param({'classes': 'disc'}, 'classes', id='classes as text'),
        pytest.param({'objects': (4, 2)}, 'objects', id='fewest above most'),
        pytest.param({'objects': (0, 2)}, 'objects', id='no objects'),
        pytest.param({'objects': (1, 51)}, 'objects', id='too many objects'),
        pytest.param({'object_size': (0.5, 0.2)}, 'object_size', id='smallest above largest'),
        pytest.param({'object_size': (0.0, 0.2)}, 'object_size', id='objects of no size'),
        pytest.param({'speed': (0.1, 0.9)}, 'speed', id='too fast'),
        pytest.param({'scale_change': 0.5}, 'scale_change', id='scale below 1'),
        pytest.param({'occlusion': 'extreme'}, 'occlusion', id='unknown occlusion'),
        pytest.param({'enter_probability': 1.5}, 'enter_probability', id='probability above 1'),
        pytest.param({'leave_probability': -0.1}, 'leave_probability', id='probability below 0'),
        pytest.param({'lookalike_probability': float('nan')}, 'lookalike_probability', id='not a number'),
        pytest.param({'brightness_change': 1.0}, 'brightness_change', id='picture may go black'),
        pytest.param({'jpeg_quality': 101}, 'jpeg_quality', id='JPEG quality above 100'),
        pytest.param({'min_area': 0}, 'min_area', id='empty masks allowed'),
    ],
)
def test_bad_values_are_refused_by_name(fields: dict, named: str) -> None:
    with pytest.raises(ConfigError, match=named):
        ShapesConfig(**fields)


def test_lists_are_taken_as_tuples_so_that_configs_from_json_are_equal() -> None:
    config = ShapesConfig(size=(64, 48), classes=('star', 'disc'))
    assert ShapesConfig(**json.loads(json.dumps(config.as_dict()))) == config
    assert isinstance(dataclasses.replace(config, size=[64, 48]).size, tuple)


def test_category_ids_cannot_be_taken_for_positions() -> None:
    ids = [CATEGORY_IDS[c] for c in CLASSES]
    assert len(set(ids)) == len(ids) and min(ids) >= 1
    assert ids != sorted(ids)
    assert all(category_id != position + 1 for position, category_id in enumerate(ids))
