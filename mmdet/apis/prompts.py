"""What a user marks: objects as boxes, masks or polygons, on any frame."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from mmdet.apis.frame_source import FrameSource
from mmdet.errors import PromptError
from mmdet.geometry import polygon_to_box
from mmdet.structures import FrameSample, InstanceData

__all__ = ['Prompt', 'PromptQueue']

_Marked = tuple[Sequence[float], NDArray[np.bool_] | None]  # box, mask


@dataclass(frozen=True, eq=False)
class Prompt:
    """One object to follow, marked in one frame by exactly one of ``box``, ``mask`` and ``polygon``.

    Attributes:
        box: x1, y1, x2, y2 in pixels of the frame, right and bottom exclusive; it may reach beyond the frame.
        mask: (H, W), not 0 on the object.
        polygon: x, y of its corners in turn, or (K, 2). Four corners are a rotated rectangle (VOT); any other number
            outlines the object itself and counts as a mask.
        frame: index in the source, from 0.
        instance_id: identity in the results, not negative. None takes the smallest number that no other prompt has, in
            their order from 0. One that was marked before starts anew.
    """

    box: Sequence[float] | None = None
    mask: NDArray | None = None
    polygon: Sequence[float] | NDArray | None = None
    frame: int = 0
    instance_id: int | None = None

    def __post_init__(self) -> None:
        given = [name for name in ('box', 'mask', 'polygon') if getattr(self, name) is not None]
        if len(given) != 1:
            raise PromptError(f'a prompt is one of box, mask and polygon, got {" and ".join(given) or "none of them"}')
        if self.frame < 0:
            raise PromptError(f'a prompt belongs to a frame from 0 on, got {self.frame}')
        if self.instance_id is not None and self.instance_id < 0:
            raise PromptError(f'an instance_id is a number from 0 on, got {self.instance_id}')
        if self.box is not None and np.shape(self.box) != (4,):
            raise PromptError(f'a box is x1, y1, x2, y2, got {self.box!r}')
        if self.mask is not None and np.ndim(self.mask) != 2:
            raise PromptError(f'a mask is an array (H, W), got one of shape {np.shape(self.mask)}')
        if self.polygon is not None and (np.size(self.polygon) < 6 or np.size(self.polygon) % 2):
            raise PromptError(f'a polygon has x, y of at least 3 corners, got {np.size(self.polygon)} numbers')

    @classmethod
    def from_xywh(cls, left: float, top: float, width: float, height: float, frame: int = 0) -> Prompt:
        """A box by its corner and size.

        Raises:
            PromptError: width or height is not positive.
        """
        if not (width > 0 and height > 0):
            raise PromptError(f'the box {left:g},{top:g},{width:g},{height:g} (x, y, width, height) has no area')
        return cls(box=(left, top, left + width, top + height), frame=frame)

    def resolve(self, height: int, width: int) -> _Marked:
        """The box x1 y1 x2 y2, and the mask (H, W) where there is one, in a frame of that size.

        Raises:
            PromptError: the mask is empty or of another size than the frame, or the polygon is not finite or has no
                area.
        """
        if self.box is not None:
            return self.box, None
        if self.polygon is not None:
            points = np.asarray(self.polygon, dtype=np.float64).reshape(-1, 2)
            if not np.isfinite(points).all():
                raise PromptError(f'the polygon {points.flatten().tolist()} is not finite')
            if len(points) == 4:
                if abs(_area(points)) < 1e-6:
                    raise PromptError(f'the polygon {points.flatten().tolist()} has no area')
                return polygon_to_box(points.flatten().tolist()), None
            mask = _filled(points, height, width)
        else:
            mask = np.asarray(self.mask) != 0
        if mask.shape != (height, width):
            raise PromptError(f'the mask is {mask.shape[0]} x {mask.shape[1]}, the frame {height} x {width}')
        if not mask.any():
            raise PromptError(f'the {"mask" if self.polygon is None else "polygon"} covers no pixel of the frame')
        left, top, extent_x, extent_y = cv2.boundingRect(mask.astype(np.uint8))
        return (left, top, left + extent_x, top + extent_y), mask


def _area(points: NDArray[np.float64]) -> float:
    """Of a polygon (K, 2); negative where its corners go round against the clock."""
    x, y = (points - points[0]).T
    return float(x @ np.roll(y, -1) - y @ np.roll(x, -1)) / 2


def _filled(points: NDArray[np.float64], height: int, width: int) -> NDArray[np.bool_]:
    canvas = np.zeros((height, width), np.uint8)
    cv2.fillPoly(canvas, [np.round(points.clip(-1e6, 1e6)).astype(np.int32)], 1)
    return canvas.astype(bool)


class PromptQueue:
    """The prompts of one video, given to its frames as they come.

    Args:
        prompts: at least one.
        source: its size is what masks and polygons are drawn for.

    Raises:
        PromptError: there is none, two with one identity on one frame, a mask is empty or of another size, or a frame
            lies far after the end of a source of known length, which some files only estimate.
    """

    def __init__(self, prompts: Sequence[Prompt], source: FrameSource) -> None:
        if not prompts:
            raise PromptError('nothing is marked: give at least one prompt')
        self._name = source.name
        last = max(prompt.frame for prompt in prompts)
        if source.length >= 0 and last >= source.length + max(source.length // 10, 10):
            raise PromptError(f'{source.name} has {source.length} frames; there is a prompt for frame {last} (from 0)')
        named = {prompt.instance_id for prompt in prompts}
        unused = (number for number in itertools.count() if number not in named)
        numbered = [(next(unused) if p.instance_id is None else p.instance_id, p) for p in prompts]
        places = [(prompt.frame, identity) for identity, prompt in numbered]
        for frame, identity in places:
            if places.count((frame, identity)) > 1:
                raise PromptError(f'frame {frame}: two prompts have the identity {identity}; give every object its own')
        self._waiting = sorted(
            ((prompt.frame, identity, *self._resolved(prompt, identity, source)) for identity, prompt in numbered),
            key=lambda row: row[0],
        )

    def _resolved(self, prompt: Prompt, identity: int, source: FrameSource) -> _Marked:
        try:
            return prompt.resolve(*source.size)
        except PromptError as error:
            raise PromptError(f'{self._name}, frame {prompt.frame}, object {identity}: {error}') from None

    def attach(self, samples: Sequence[FrameSample]) -> None:
        """Give the next frames of the video their ``prompts``: those of the frame, and of dropped ones before it."""
        for sample in samples:
            due: dict[int, _Marked] = {}
            while self._waiting and self._waiting[0][0] <= sample.source_frame:
                _, identity, box, mask = self._waiting.pop(0)
                due[identity] = box, mask
            if due:
                sample.prompts = _instances(due, *sample.ori_shape)

    def check_used(self, num_frames: int) -> None:
        """The video is over.

        Raises:
            PromptError: prompts are left for frames that never came.
        """
        if self._waiting:
            frames = ', '.join(str(row[0]) for row in self._waiting)
            raise PromptError(
                f'{num_frames} frames of {self._name} were read; there are prompts for frame {frames} (from 0)'
            )


def _instances(marked: dict[int, _Marked], height: int, width: int) -> InstanceData:
    """Prompts of one frame in the form of :mod:`mmdet.structures`."""
    given = [mask is not None for _, mask in marked.values()]
    prompts = InstanceData()
    prompts.instance_ids = torch.tensor(list(marked), dtype=torch.int64)
    prompts.bboxes = torch.tensor([list(map(float, box)) for box, _ in marked.values()], dtype=torch.float64)
    if any(given):
        nothing = np.zeros((height, width), bool)
        prompts.masks = torch.from_numpy(np.stack([nothing if m is None else m for _, m in marked.values()]))
        prompts.has_mask = torch.tensor(given)
    return prompts
