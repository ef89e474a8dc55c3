"""Refuses masks that are not of the size of their frame, which would otherwise be read at wrong places."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from mmdet.errors import DataError
from mmdet.structures import FrameSample

__all__ = ['check_mask_size']


def check_mask_size(masks: Tensor, size: Sequence[int], sample: FrameSample, advice: str) -> None:
    """Compare (N, H, W) masks with the (height, width) that they should have.

    Raises:
        DataError: another size; file, frame and video are named.
    """
    if tuple(masks.shape[1:]) != tuple(size):
        raise DataError(
            f'{sample.get("img_path")}, frame {sample.get("frame_id")} of video {sample.get("video_id")}: masks are '
            f'{tuple(masks.shape[1:])} and the frame is {tuple(size)} (height, width); {advice}'
        )
