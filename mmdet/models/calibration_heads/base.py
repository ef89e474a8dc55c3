"""What every calibration head offers: a pyramid repaired with that of another frame."""

from __future__ import annotations

from collections.abc import Sequence

from torch import nn

from mmdet.errors import ConfigError
from mmdet.structures import Features


class CalibrationHead(nn.Module):
    """Base of calibration heads.

    Args:
        reference_range: while testing, frames at most this far away are references; later results wait for them.
        max_references: use only so many of them, the nearest; None uses all.

    Attributes:
        requires: what the detector must provide.

    Raises:
        ConfigError: a number is too small.
    """

    requires: frozenset[str] = frozenset({'pyramid'})

    def __init__(self, reference_range: int = 5, max_references: int | None = None) -> None:
        super().__init__()
        if reference_range < 1:
            raise ConfigError(f'reference_range is a number of frames, at least 1, got {reference_range}')
        if max_references is not None and max_references < 1:
            raise ConfigError(f'max_references is a number of frames, at least 1, or None, got {max_references}')
        self.reference_range, self.max_references = reference_range, max_references

    def fuse(self, features: Features, reference_features: Features) -> Features:
        """The pyramid of B frames, each repaired with the reference frame at the same place of the other pyramid."""
        raise NotImplementedError(f'{type(self).__name__} needs a method fuse')

    def variants(self, features: Features, references: Sequence[Features]) -> list[Features]:
        """The pyramid of one frame fused with each reference separately; itself where there is no reference."""
        return [self.fuse(features, reference) for reference in references] or [features]
