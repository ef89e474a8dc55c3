"""All state of one video in which marked objects are followed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from mmdet.errors import ConfigError, DataError
from mmdet.models.siammask.crops import Image
from mmdet.models.siammask.follow import Found, follow, start_targets
from mmdet.models.siammask.placing import (
    FloatArray,
    PlacedMask,
    encode_placed,
    filled_box,
    resolve_overlaps,
    rotated_box,
    upright_corners,
    whole_frame,
)
from mmdet.models.siammask.search import limited_to_frame
from mmdet.models.siammask.target import Kernels, ObjectPrompt, Target, prompts_of, stack_kernels
from mmdet.models.video.stream import FrameOrder
from mmdet.structures import FrameSample, InstanceData

if TYPE_CHECKING:
    from mmdet.models.siammask.model import SiamMask


@dataclass(frozen=True)
class _Row:
    """The result of one object in one frame before masks are made disjoint and encoded.

    Attributes:
        target: the object, where it is now.
        score: of the chosen anchor.
        mask: values in the frame.
        corners: (4, 2) of the rotated box.
        given: whether it was marked in this frame.
    """

    target: Target
    score: float
    mask: PlacedMask
    corners: FloatArray
    given: bool


class SiamMaskSession(FrameOrder):
    """Follows the objects that ``sample.prompts`` mark, on whichever frame, until the video ends.

    An object that ``sample.ended_ids`` names is forgotten before that frame.
    Every frame is one pass of the search crops of all objects. On the frame where an object is marked its box is the
    one given, and its mask too; where none was given it is what the model sees inside. Marking an identity again
    starts it anew there.

    Args:
        model: read only; any number of sessions can use one model.
    """

    def __init__(self, model: SiamMask) -> None:
        super().__init__()
        self.model = model
        self.targets: dict[int, Target] = {}
        self._shape: tuple[int, int] | None = None
        self._stacked: tuple[list[Target], Kernels] | None = None

    @torch.no_grad()
    def step(self, frames: Tensor, samples: Sequence[FrameSample]) -> list[FrameSample]:
        """Take the next T >= 1 frames, (T, 3, H, W) uint8 RGB at their original size; return them all, finished.

        Returned samples carry ``pred_tracks`` on the CPU: ``instance_ids``, ``labels`` (0), ``scores`` (of the chosen
        anchor; 1 where marked), ``bboxes``, ``masks`` as RLE, ``rotated_boxes`` (N, 4, 2) float32 corners x, y, and
        ``lost`` (N,) bool.

        Raises:
            DataError: the frames do not follow those of the step before, or have another size.
            PromptError: a prompt cannot be followed; see :func:`~mmdet.models.siammask.target.prompts_of`.
            ConfigError: the frames were resized.
        """
        self.check_order(samples)
        return [self._frame(frame, sample) for frame, sample in zip(frames, samples)]

    def finish(self) -> list[FrameSample]:
        """End of the video; no frame ever waits."""
        return []

    def _frame(self, frame: Tensor, sample: FrameSample) -> FrameSample:
        self._check_size(frame, sample)
        image = frame.permute(1, 2, 0).contiguous().cpu().numpy()
        prompts = prompts_of(sample)
        for identity in sample.get('ended_ids', ()):
            self.targets.pop(identity, None)
        rows = self._rows(image, prompts)
        if self.model.options.fuse_masks:
            resolve_overlaps([row.mask for row in rows], *image.shape[:2])
        result = FrameSample(metainfo=sample.metainfo)
        result.pred_tracks = self._instances(rows, (image.shape[0], image.shape[1]))
        return result

    def _check_size(self, frame: Tensor, sample: FrameSample) -> None:
        shape = (int(frame.shape[-2]), int(frame.shape[-1]))
        where = f'video {sample.video_id}, frame {sample.frame_id}'
        if shape != tuple(sample.ori_shape):
            raise ConfigError(
                f'{where} comes as {shape[0]} x {shape[1]} but is {" x ".join(map(str, sample.ori_shape))}: SiamMask '
                'cuts its crops from the original frame, so its pipeline must not resize'
            )
        if self._shape is not None and shape != self._shape:
            raise DataError(
                f'{where} is {shape[0]} x {shape[1]} (height x width), the frames before are {self._shape[0]} x '
                f'{self._shape[1]}: frames of a video have one size'
            )
        self._shape = shape

    def _rows(self, image: Image, prompts: list[ObjectPrompt]) -> list[_Row]:
        """Results of all objects in the order in which they were first marked."""
        marked = {prompt.instance_id: prompt for prompt in prompts}
        if prompts:
            started = start_targets(self.model, image, prompts)
            self.targets |= {target.instance_id: target for target in started}
        searched = [t for i, t in self.targets.items() if i not in marked or marked[i].mask is None]
        found = follow(self.model, image, searched, self._kernels(searched)) if searched else None
        position = {target.instance_id: index for index, target in enumerate(searched)}
        rows = []
        for identity, target in self.targets.items():
            seen = (found, position[identity]) if found is not None and identity in position else None
            if identity in marked or seen is None:
                rows.append(self._as_marked(image, target, marked[identity], seen))
            else:
                rows.append(self._moved(image, target, *seen))
        return rows

    def _kernels(self, targets: list[Target]) -> Kernels:
        """Stacked kernels, kept as long as the same objects are followed."""
        if self._stacked is None or [id(t) for t in self._stacked[0]] != [id(t) for t in targets]:
            self._stacked = targets, stack_kernels(targets)
        return self._stacked[1]

    def _as_marked(
        self, image: Image, target: Target, prompt: ObjectPrompt, seen: tuple[Found, int] | None
    ) -> _Row:
        """The frame in which an object was marked: what was given, and what is seen where no mask was."""
        corners = upright_corners(target.centre, target.size)
        if prompt.mask is not None:
            mask = whole_frame(prompt.mask)
            around = rotated_box(prompt.mask, (0, 0), self.model.options.min_mask_area)
            corners = corners if around is None else around
        elif seen is not None and seen[0].masks is not None:
            mask = seen[0].masks[seen[1]]
        else:
            mask = filled_box(corners, *image.shape[:2])
        return _Row(target, 1.0, mask, corners, given=True)

    def _moved(self, image: Image, target: Target, found: Found, index: int) -> _Row:
        """Update one target with what was found of it."""
        options = self.model.options
        centre, size, height, width = found.centres[index], found.sizes[index], *image.shape[:2]
        corners = upright_corners(centre, size)
        target.centre, target.size = limited_to_frame(centre, size, height, width, options.min_size)
        score = float(found.scores[index])
        if found.masks is None:
            return _Row(target, score, filled_box(corners, height, width), corners, given=False)
        mask = found.masks[index]
        around = rotated_box(mask.values > self._threshold, mask.region[:2], options.min_mask_area)
        return _Row(target, score, mask, corners if around is None else around, given=False)

    @property
    def _threshold(self) -> float:
        head = self.model.stage2_head
        return self.model.options.mask_threshold if head is None else head.frame_threshold

    def _instances(self, rows: list[_Row], canvas: tuple[int, int]) -> InstanceData:
        centres = np.array([row.target.centre for row in rows]).reshape(-1, 2)
        sizes = np.array([row.target.size for row in rows]).reshape(-1, 2)
        present = [bool((row.mask.values > self._threshold).any()) for row in rows]
        low = self.model.options.lost_score
        lost = [not row.given and (row.score < low or not seen) for row, seen in zip(rows, present)]
        tracks = InstanceData()
        tracks.instance_ids = torch.tensor([row.target.instance_id for row in rows], dtype=torch.int64)
        tracks.labels = torch.zeros(len(rows), dtype=torch.int64)
        tracks.scores = torch.tensor([row.score for row in rows], dtype=torch.float32)
        tracks.bboxes = torch.from_numpy(np.concatenate([centres - sizes / 2, centres + sizes / 2], 1)).float()
        tracks.masks = [encode_placed(row.mask, self._threshold, canvas) for row in rows]
        tracks.rotated_boxes = torch.from_numpy(np.array([row.corners for row in rows], np.float32).reshape(-1, 4, 2))
        tracks.lost = torch.tensor(lost, dtype=torch.bool)
        return tracks
