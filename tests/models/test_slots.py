"""Words of slots: what fits, and what is said where something is missing."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from mmdet.errors import IncompatibleSlotsError
from mmdet.models.video.slots import EXPLANATIONS, check_slots


class Slot:
    def __init__(self, requires: Iterable[str] = (), provides: Iterable[str] = ()) -> None:
        self.requires, self.provides = frozenset(requires), frozenset(provides)


class Head(Slot):
    pass


class Follower(Slot):
    pass


def test_the_words() -> None:
    assert set(EXPLANATIONS) == {'pyramid', 'masks', 'embeddings', 'frames'}


FITTING = {
    'boxes only': (set(), None, set()),
    'features': ({'pyramid'}, {'pyramid'}, {'embeddings'}),
    'heads see frames without a pyramid': (set(), {'frames'}, {'embeddings'}),
    'masks pass the head': ({'masks'}, {'masks', 'frames'}, {'masks', 'embeddings'}),
}


@pytest.mark.parametrize(('provides', 'head', 'tracker'), FITTING.values(), ids=FITTING)
def test_fitting(provides: set, head: set | None, tracker: set) -> None:
    check_slots(Slot(provides=provides), None, None if head is None else Head(head), Follower(tracker))


MISSING = {
    'no pyramid': ({'masks'}, {'pyramid'}, set(), 'Head needs features of a pyramid.* Slot detector does not'),
    'no masks': ({'pyramid'}, {'pyramid'}, {'masks'}, 'Follower needs instance masks.* Slot detector and Head does'),
    'no head': ({'pyramid'}, None, {'embeddings'}, 'Follower needs one embedding per detection'),
    'trackers do not see frames': (set(), None, {'frames'}, 'Follower needs .*8-bit frames'),
}


@pytest.mark.parametrize(('provides', 'head', 'tracker', 'message'), MISSING.values(), ids=MISSING)
def test_missing(provides: set, head: set | None, tracker: set, message: str) -> None:
    with pytest.raises(IncompatibleSlotsError, match=message):
        check_slots(Slot(provides=provides), None, None if head is None else Head(head), Follower(tracker))
