"""SiamMask with refined masks, set up for DAVIS: the original's network and tracks on a real clip."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

CHECKS = (
    'check_network',
    'check_anchors',
    'check_crops',
    'check_boxes_and_scores',
    'check_masks',
    'check_polygons',
    'check_vos',
)


@pytest.fixture(scope='module')
def parity(siammask_parity: Callable[[str], Any]) -> Any:
    return siammask_parity('siammask_sharp_davis')


@pytest.mark.parametrize('check', CHECKS)
def test_parity(parity: Any, check: str) -> None:
    getattr(parity, check)()


def test_every_tensor_is_converted(parity: Any) -> None:
    assert len(parity.report.renamed) == 356 and not parity.report.dropped
