"""All state of one video on its way through a model; what demo and test loop both drive."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from mmdet.models.detectors import Clip
from mmdet.models.video.stream import FrameOrder
from mmdet.models.video.window import ReferenceWindow
from mmdet.structures import FrameSample, InstanceData, InstanceMasks

if TYPE_CHECKING:
    from mmdet.models.video.segmenter import VideoInstanceSegmenter


class VideoSession(FrameOrder):
    """Feeds chunks of one video through a model's slots, in order.

    With a calibration head, frames leave late: each waits for the neighbours that it is calibrated with. Every frame is
    encoded once and kept until it is nobody's neighbour any more.

    Args:
        model: the segmenter; its tracker is reset.
    """

    def __init__(self, model: VideoInstanceSegmenter) -> None:
        super().__init__()
        self.model = model
        self._num_seen = 0  # identities given out where there is no tracker
        head = model.calibration_head
        self._window: ReferenceWindow[Clip] | None = (
            None if head is None else ReferenceWindow(head.reference_range, head.max_references)
        )
        if model.tracker is not None:
            model.tracker.reset()

    @torch.no_grad()
    def step(self, frames: Tensor, samples: Sequence[FrameSample]) -> list[FrameSample]:
        """Take the next T >= 1 frames, (T, 3, H, W) uint8 RGB; return the frames that are finished, in order.

        Returned samples carry ``pred_instances`` (all detections) and ``pred_tracks`` (those with an identity): CPU
        tensors, boxes in original pixels, masks as a list of RLE.

        Raises:
            DataError: the frames do not follow those of the step before.
        """
        self.check_order(samples)
        if samples[0].get('blank', False):
            self.model.check_blank_frames_suffice()
        images = self.model.data_preprocessor([frames])[0]
        clip = Clip(images, samples, self.model.detector.extract_feat(images), self.model.detector.convention, frames)
        return self._results(self._ready(clip))

    @torch.no_grad()
    def finish(self) -> list[FrameSample]:
        """End of the video: the frames that still waited, in order."""
        return self._results(self._window.finish() if self._window is not None else [])

    def _ready(self, clip: Clip) -> Iterator[tuple[Clip, Sequence[Clip] | None]]:
        """What can be detected in, and the frames it is calibrated with; one by one, so that the window stays small."""
        if self._window is None:
            yield clip, None
            return
        for index in range(len(clip.samples)):
            yield from self._window.push(clip.frame(index))

    def _results(self, ready: Iterable[tuple[Clip, Sequence[Clip] | None]]) -> list[FrameSample]:
        found: list[InstanceData] = []
        samples: list[FrameSample] = []
        for frames, references in ready:
            found += self.model.detect(frames, references)
            samples += frames.samples
        return [self._associate(own, sample) for own, sample in zip(to_host(found), samples)]

    def _associate(self, detections: InstanceData, sample: FrameSample) -> FrameSample:
        result = FrameSample(metainfo=sample.metainfo)
        result.pred_instances = detections
        if self.model.tracker is not None:
            result.pred_tracks = self.model.tracker.update(detections, sample)
        else:
            tracks = detections.new()
            for name, value in detections.items():
                setattr(tracks, name, value)
            tracks.instance_ids = torch.arange(self._num_seen, self._num_seen + len(detections.bboxes))
            self._num_seen += len(detections.bboxes)
            result.pred_tracks = tracks
        if self.forecast:
            result.pred_tracks.forecasts = self._forecasts(result.pred_tracks.instance_ids)
        return result

    def _forecasts(self, ids: Tensor) -> Tensor:
        """Expected boxes (N, forecast, 4) of the tracks ``ids`` (N,); the next frame moves the tracker on."""
        known = {} if self.model.tracker is None else self.model.tracker.forecast(self.forecast)
        unknown = np.full((self.forecast, 4), np.nan)
        rows = [known.get(identity, unknown) for identity in ids.tolist()]
        return torch.from_numpy(np.array(rows, np.float32).reshape(-1, self.forecast, 4))


def to_host(chunk: Sequence[InstanceData]) -> list[InstanceData]:
    """Detections of T frames as CPU tensors with masks as RLE; the only place where results leave the device."""
    tensors = [tensor for instances in chunk for value in instances.values() for tensor in _tensors_of(value)]
    moved = iter(tensors if _in_host_memory(tensors) else copy_together(tensors))
    return [_rebuild(instances, moved) for instances in chunk]


def _in_host_memory(tensors: Sequence[Tensor]) -> bool:
    return all(tensor.device.type == 'cpu' for tensor in tensors)


def copy_together(tensors: Sequence[Tensor]) -> list[Tensor]:
    """CPU copies of one or more tensors of one device, made by a single transfer of all their bytes."""
    parts = [tensor.detach().reshape(-1).contiguous().view(torch.uint8) for tensor in tensors]
    block = torch.cat(parts).cpu()
    pieces = block.split([len(part) for part in parts])
    # cloned, so that every piece is aligned for its type and a small one does not keep the whole block
    return [piece.clone().view(tensor.dtype).view(tensor.shape) for piece, tensor in zip(pieces, tensors)]


def _tensors_of(value: object) -> list[Tensor]:
    if isinstance(value, InstanceMasks):
        return list(value.tensors())
    return [value] if isinstance(value, Tensor) else []


def _rebuild(instances: InstanceData, moved: Iterator[Tensor]) -> InstanceData:
    """``instances`` with its tensors replaced by the next ones of ``moved``, which come in the same order."""
    host = InstanceData()
    for name, value in instances.items():
        if isinstance(value, InstanceMasks):
            value = value.with_tensors(*(next(moved) for _ in value.tensors())).to_rle()
        elif isinstance(value, Tensor):
            value = next(moved)
        setattr(host, name, value)
    if 'masks' not in host:
        host.masks = [None] * len(host.bboxes)
    return host
