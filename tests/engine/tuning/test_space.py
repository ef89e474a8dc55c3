"""Which parameters a search tries."""

from __future__ import annotations

import inspect
import itertools

import pytest

from mmdet.engine.tuning.space import DEFAULT_SPACES, grid_points, parse_settings, parse_space, random_points, size
from mmdet.errors import ConfigError
from mmdet.registry import TRACKERS, register_all

register_all()
BYTE = dict(type='ByteTracker')


@pytest.mark.parametrize('name', DEFAULT_SPACES)
def test_default_spaces_name_arguments_and_most_of_their_points_can_be_built(name: str) -> None:
    space = DEFAULT_SPACES[name]
    assert set(space) <= set(inspect.signature(TRACKERS.get(name)).parameters)
    built = 0
    for point in grid_points(space):
        try:
            TRACKERS.build(dict(type=name, **point))
            built += 1
        except ConfigError:
            pass
    assert built > size(space) / 2


def test_every_tracker_has_a_default_space() -> None:
    own = {name for name in TRACKERS.module_dict if TRACKERS.get(name).__module__.startswith('mmdet.')}
    assert own == set(DEFAULT_SPACES)


def test_options() -> None:
    texts = ['model.tracker.max_age=5,10', 'min_iou=0.5', 'weigh_by_score=true,false', 'high_threshold=[0.1, 0.2]']
    expected = {'max_age': [5, 10], 'min_iou': [0.5], 'weigh_by_score': [True, False], 'high_threshold': [0.1, 0.2]}
    assert parse_space(texts, BYTE) == expected
    assert parse_space(['motion=kalman,none'], dict(type='MaskTrackTracker')) == {'motion': ['kalman', None]}
    assert parse_space([], BYTE) == DEFAULT_SPACES['ByteTracker']


BAD = {
    'no such argument': ('max_agee=5', "no key 'max_agee'. Did you mean 'max_age'"),
    'not of the tracker': ('model.detector.path=a', 'only arguments of the tracker'),
    'no value': ('max_age=[]', 'no values'),
}


@pytest.mark.parametrize(('text', 'message'), BAD.values(), ids=BAD)
def test_bad_options(text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        parse_space([text], BYTE)


RANGES = {
    'five values': ('0.08:0.13:0.01', [0.08, 0.09, 0.1, 0.11, 0.12]),
    'six values': ('0.38:0.44:0.01', [0.38, 0.39, 0.4, 0.41, 0.42, 0.43]),
    'an end that rounding might include': ('.35:.5:.05', [0.35, 0.4, 0.45]),
    'whole numbers stay whole': ('1:6:2', [1, 3, 5]),
    'a list': ('0.3,1', [0.3, 1]),
    'text with colons': ('a:b', ['a:b']),
}


@pytest.mark.parametrize(('text', 'values'), RANGES.values(), ids=RANGES)
def test_values(text: str, values: list) -> None:
    (found,) = parse_settings([f'model.lr={text}']).values()
    assert found == values and [type(v) for v in found] == [type(v) for v in values]


@pytest.mark.parametrize('text', ['1:x:3', '2:1:1', '1:2:0', '1:2:-1', 'nan:2:1', '0:inf:1'])
def test_bad_ranges(text: str) -> None:
    with pytest.raises(ConfigError, match='--param p='):
        parse_settings([f'p={text}'])


def test_a_tracker_without_a_default_space() -> None:
    with pytest.raises(ConfigError, match='has no default search space: give --param'):
        parse_space([], dict(type='MyTracker'))


SPACE = {'a': (1, 2, 3), 'b': ('x', 'y'), 'c': (None,)}


def test_grid() -> None:
    expected = [dict(zip('abc', values)) for values in itertools.product(*SPACE.values())]
    assert list(grid_points(SPACE)) == expected and size(SPACE) == 6


def test_random_points_are_different_points_of_the_grid_and_follow_the_seed() -> None:
    grid = list(grid_points(SPACE))
    assert sorted(map(str, random_points(SPACE, 99, 0))) == sorted(map(str, grid))
    few = random_points(SPACE, 4, 1)
    assert len({str(point) for point in few}) == 4 and all(point in grid for point in few)
    assert random_points(SPACE, 4, 1) == few
    assert any(random_points(SPACE, 4, seed) != few for seed in range(2, 6))
