"""The hold-out rule; its members are fixed for ever."""

import hashlib

import pytest

from mmdet import datasets, holdout
from mmdet.errors import ConfigError
from mmdet.holdout import holdout_ids, split_ids


def slow_member(video_id, fraction, version=1):
    """The documented rule, written with the hexadecimal digest."""
    return int(hashlib.sha256(f'{version}:{video_id}'.encode()).hexdigest()[:16], 16) / 16**16 < fraction


def test_rule():
    ids = range(1, 2239)
    assert holdout_ids(ids, 0.1) == {i for i in ids if slow_member(i, 0.1)}
    assert holdout_ids(ids, 0.1, version=2) == {i for i in ids if slow_member(i, 0.1, 2)}
    assert 190 < len(holdout_ids(ids)) < 260


def test_members_of_version_1_never_change():
    assert sorted(holdout_ids(range(1, 101))) == [29, 30, 38, 39, 49, 56, 71, 72, 90, 100]


def test_independent_of_other_videos_and_nested():
    small, large = holdout_ids(range(500), 0.1), holdout_ids(range(500), 0.3)
    assert small < large
    assert holdout_ids(range(100, 200), 0.1) == {i for i in small if 100 <= i < 200}


@pytest.mark.parametrize('fraction', [0, 1, -0.1, 2])
def test_fraction_is_checked(fraction):
    with pytest.raises(ConfigError, match='between 0 and 1'):
        split_ids(range(10), 'holdout', fraction)


def test_data_sets_use_the_same_rule():
    assert datasets.holdout_ids is holdout.holdout_ids
