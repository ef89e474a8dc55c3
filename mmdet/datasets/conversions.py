"""What ``tools/convert_dataset.py`` can do: one entry per conversion, each with its options and its work.

A new conversion is a function that adds its options, a function that does the work, and a row in :data:`CONVERSIONS`.
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from dataclasses import dataclass

from mmdet.datasets.siam import command as siam_crops


@dataclass(frozen=True)
class Conversion:
    """One conversion: what it is, which options it takes, and its work; ``run`` returns a sentence on the outcome."""

    help: str
    add_options: Callable[[ArgumentParser], None]
    run: Callable[[Namespace], str]


CONVERSIONS: dict[str, Conversion] = {
    'siam-crops': Conversion(
        'Cut the square around every object out of annotated frames, to train SiamMask on.',
        siam_crops.add_options,
        siam_crops.convert,
    ),
}
