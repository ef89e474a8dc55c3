"""Progress bars that suit a terminal and a log file alike."""

from __future__ import annotations

import sys

from tqdm import tqdm

__all__ = ['progress_bar']


def progress_bar(total: int, unit: str, desc: str = '', done: int = 0, shown: bool = True) -> tqdm:
    """A bar on standard error; a log file gets a line every half minute.

    Args:
        total: things to do.
        unit: what one is called.
        desc: what is done.
        done: things that were done before.
        shown: False for a bar that says nothing.
    """
    every = 0.1 if sys.stderr.isatty() else 30.0  # seconds
    return tqdm(total=total, initial=done, unit=unit, desc=desc, mininterval=every, disable=not shown)
