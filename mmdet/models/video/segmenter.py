"""The video instance segmenter: four slots joined into one model, fed by a stream of chunks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import torch
from torch import Tensor, nn

from mmdet.errors import ConfigError
from mmdet.models.detectors import Clip, Detector
from mmdet.models.video.session import VideoSession
from mmdet.models.video.slots import check_slots
from mmdet.registry import MODELS, TRACKERS
from mmdet.structures import Features, FrameSample, InstanceData


@MODELS.register_module()
class VideoInstanceSegmenter(nn.Module):
    """Detector, optional calibration head, optional track head, optional tracker.

    MaskTrack R-CNN is ``MaskRCNN`` + ``MaskTrackHead`` + ``MaskTrackTracker``. Without track head and tracker the model
    is the plain detector: every detection then becomes an instance of its own (image data sets).

    Args:
        data_preprocessor, detector, track_head, tracker: config dicts.
        detector_trains_on: ``key`` trains the detector on key frames alone, as published; ``all`` also on the reference
            frames, which are encoded anyway: more supervision per second where time is short.
        classes: names of the detector's classes, if known; a checkpoint brings them otherwise.

    Raises:
        IncompatibleSlotsError: two slots cannot work together; the message says why and what fits.
    """

    def __init__(
        self,
        detector: dict,
        data_preprocessor: dict | None = None,
        track_head: dict | None = None,
        tracker: dict | None = None,
        detector_trains_on: Literal['key', 'all'] = 'key',
        classes: Sequence[str] | None = None,
    ) -> None:
        super().__init__()
        self.data_preprocessor = MODELS.build(data_preprocessor or dict(type='VideoDataPreprocessor'))
        self.detector: Detector = MODELS.build(detector)
        self.track_head = MODELS.build(track_head) if track_head else None
        self.tracker = TRACKERS.build(tracker) if tracker else None
        if detector_trains_on not in ('key', 'all'):
            raise ConfigError(f"detector_trains_on {detector_trains_on!r} does not exist; use 'key' or 'all'")
        self.detector_trains_on = detector_trains_on
        self.classes = tuple(classes) if classes else None
        self._session: VideoSession | None = None
        check_slots(self.detector, self.track_head, self.tracker)

    def forward(
        self,
        inputs: Sequence[Tensor],
        data_samples: Sequence[Sequence[FrameSample]],
        mode: Literal['loss', 'predict', 'tensor'] = 'tensor',
    ) -> Any:
        """One step on a batch of clips.

        Args:
            inputs: B clips (T, 3, H, W) uint8 RGB.
            data_samples: B lists of T samples.
            mode: ``loss`` -> dict of scalars; ``predict`` -> finished frames of the current video (B must be 1);
                ``tensor`` -> the pyramid of all B * T frames.
        """
        if mode == 'loss':
            return self.loss(inputs, data_samples)
        if mode == 'predict':
            return self.predict(inputs, data_samples)
        if mode == 'tensor':
            return self.detector.extract_feat(self.data_preprocessor(inputs).flatten(0, 1))
        raise ConfigError(f"mode {mode!r} does not exist; use 'loss', 'predict' or 'tensor'")

    def loss(self, inputs: Sequence[Tensor], data_samples: Sequence[Sequence[FrameSample]]) -> dict[str, Tensor]:
        """Losses of key frames (frame 0 of each clip) and, with a track head, of pairs (frames 0 and 1)."""
        images = self.data_preprocessor(inputs)  # (B, T, 3, H, W)
        length = images.shape[1]
        if self.track_head is not None and length < 2:
            raise ConfigError('a track head trains on pairs: give the train data set num_ref_frames=1 or more')
        if self.track_head is not None and length > 2 and self.detector_trains_on == 'key':
            raise ConfigError(
                f'a track head trains on exactly one reference frame, but clips bring {length - 1}: give the train '
                "data set num_ref_frames=1, or let the detector train on all of them with detector_trains_on='all'"
            )
        if self.track_head is None:
            images, length = images[:, :1], 1
        samples = [[_on(sample, images.device) for sample in clip[:length]] for clip in data_samples]
        features = self.detector.extract_feat(images.flatten(0, 1))
        key = self._clip_at(images, samples, features, 0)
        if self.detector_trains_on == 'all':
            losses, sampled = self.detector.loss(features, [sample for clip in samples for sample in clip])
            sampled = sampled[::length]
        else:
            losses, sampled = self.detector.loss(key.features, key.samples)
        if self.track_head is not None:
            losses.update(self.track_head.loss(key, self._clip_at(images, samples, features, 1), sampled))
        return losses

    def _clip_at(
        self, images: Tensor, samples: Sequence[Sequence[FrameSample]], features: Features, position: int
    ) -> Clip:
        """Frame ``position`` of every clip of a batch, as one clip of B frames."""
        length = images.shape[1]
        own = tuple(level[position::length] for level in features)
        return Clip(images[:, position], [clip[position] for clip in samples], own, self.detector.convention)

    @torch.no_grad()
    def predict(self, inputs: Sequence[Tensor], data_samples: Sequence[Sequence[FrameSample]]) -> list[FrameSample]:
        """Finished frames, in order; keeps one session and opens a new one where a video begins."""
        if len(inputs) != 1:
            raise ConfigError(f'testing takes one chunk of one video at a time, got a batch of {len(inputs)}')
        samples = data_samples[0]
        if self._session is None or samples[0].frame_id == 0 or self._session.video_id != samples[0].video_id:
            self._session = self.start_video()
        finished = self._session.step(inputs[0], samples)
        if samples[-1].frame_id + 1 == samples[-1].video_length:
            finished += self._session.finish()
            self._session = None
        return finished

    def start_video(self) -> VideoSession:
        """A session that owns the state of one new video."""
        return VideoSession(self)

    @torch.no_grad()
    def detect(self, clip: Clip) -> list[InstanceData]:
        """Detections of T frames, with embeddings where there is a track head. Device tensors."""
        detections = self.detector.predict(clip)
        if self.track_head is not None:
            for instances, embeddings in zip(detections, self.track_head.embed(clip, detections)):
                instances.embeddings = embeddings.float()
        return detections


def _on(sample: FrameSample, device: torch.device) -> FrameSample:
    return sample if device.type == 'cpu' else sample.to(device)
