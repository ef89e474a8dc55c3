"""Plots: lines where the numbers are, gaps where there are none."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from mmdet.errors import DataError
from mmdet.visualization.colours import identity_colour
from mmdet.visualization.plots import line_plot, write_line_plot


def rows_of(picture: np.ndarray, colour: tuple[int, int, int]) -> np.ndarray:
    """Rows of the plot's area (not the legend's) that hold a colour."""
    return np.flatnonzero((picture[:420] == colour).all(2).any(1))


def test_a_higher_value_stands_higher() -> None:
    picture = line_plot({'low': [0.1] * 50, 'high': [0.9] * 50}, y_range=(0, 1))
    low, high = rows_of(picture, identity_colour(0)), rows_of(picture, identity_colour(1))
    assert len(low) and len(high) and high.max() < low.min()


def test_gaps() -> None:
    values = np.full(60, 0.5)
    values[20:40] = np.nan
    picture = line_plot({'v': values}, y_range=(0, 1))
    columns = np.flatnonzero((picture[:420] == identity_colour(0)).all(2).any(0))
    assert np.diff(columns).max() > 200


ODD = {'one value': [0.3], 'constant': [2.0, 2.0], 'nothing finite': [np.nan, np.nan]}


@pytest.mark.parametrize('values', ODD.values(), ids=ODD)
def test_odd_series(values: list[float]) -> None:
    assert line_plot({'v': values}).shape == (438, 800, 3)


def test_file(tmp_path: Path) -> None:
    path = write_line_plot(tmp_path / 'new/p.png', {'v': [1, 2, 3]}, 'title', 'epoch', x_names=['a', 'b', 'c'])
    assert cv2.imread(str(path)).shape == (438, 800, 3)
    with pytest.raises(DataError, match='one length'):
        write_line_plot(tmp_path / 'q.png', {'v': [1], 'w': [1, 2]})
