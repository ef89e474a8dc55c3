"""How much a track is hidden, and how many tracks are."""

import pytest

from mmdet.errors import DataError
from mmdet.occlusion import class_counts, track_occlusion

NO, SLIGHT, SEVERE = 'no_occlusion', 'slight_occlusion', 'severe_occlusion'


@pytest.mark.parametrize(
    ('flags', 'share'),
    [
        ([NO, NO, SLIGHT, SEVERE, None], 0.5),
        ([NO, SLIGHT, SEVERE], 0.5),
        ([NO, NO], 0.0),
        ([SEVERE], 0.75),
        ([None, None], 0.0),
        ([SLIGHT, NO, NO], 0.125),
    ],
    ids=['absent frames do not count', 'odd', 'never', 'one frame', 'never there', 'mostly free'],
)
def test_track_occlusion(flags: list, share: float) -> None:
    assert track_occlusion(flags, len(flags)) == share


@pytest.mark.parametrize(
    ('flags', 'message'), [(None, 'has no'), ([NO], 'has 1'), ([NO, 'much'], "'much' is none of no_occlusion")]
)
def test_bad_flags(flags: object, message: str) -> None:
    with pytest.raises(DataError, match=f'annotation 7: .*{message}'):
        track_occlusion(flags, 2, 'annotation 7')


def test_limits_belong_to_both_classes() -> None:
    assert class_counts([0, 0.125, 0.25, 0.3, 0.5, 0.75]) == {'light': 3, 'moderate': 3, 'heavy': 2}
    assert class_counts([]) == {'light': 0, 'moderate': 0, 'heavy': 0}
