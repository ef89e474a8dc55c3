"""The video instance segmenter: four slots joined into one model, fed by a stream of chunks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import torch
from torch import Tensor

from mmdet.errors import ConfigError
from mmdet.models.calibration_heads import CalibrationHead
from mmdet.models.detectors import Clip, Detector
from mmdet.models.video.session import VideoSession
from mmdet.models.video.slots import check_slots
from mmdet.models.video.stream import StreamedModel
from mmdet.registry import MODELS, TRACKERS
from mmdet.structures import Features, FrameSample, InstanceData


@MODELS.register_module()
class VideoInstanceSegmenter(StreamedModel):
    """Detector, optional calibration head, optional track head, optional tracker.

    MaskTrack R-CNN is ``MaskRCNN`` + ``MaskTrackHead`` + ``MaskTrackTracker``; CMaskTrack R-CNN is the same with a
    ``CorrelationCalibrationHead``, whose features box and mask heads use; proposals and embeddings come from the
    frame's own. Without track head and tracker the model is the plain detector: every detection then becomes an
    instance of its own (image data sets).

    Args:
        data_preprocessor, detector, calibration_head, track_head, tracker: config dicts.
        detector_trains_on: ``key`` trains the detector on key frames alone, as published; ``all`` also on the reference
            frames, which are encoded anyway: more supervision per second where time is short. A calibration head then
            repairs a key frame with its first reference and every reference with its key frame.
        classes: names of the detector's classes, if known; a checkpoint brings them otherwise.

    Raises:
        IncompatibleSlotsError: two slots cannot work together; the message says why and what fits.
    """

    def __init__(
        self,
        detector: dict,
        data_preprocessor: dict | None = None,
        calibration_head: dict | None = None,
        track_head: dict | None = None,
        tracker: dict | None = None,
        detector_trains_on: Literal['key', 'all'] = 'key',
        classes: Sequence[str] | None = None,
    ) -> None:
        super().__init__()
        self.data_preprocessor = MODELS.build(data_preprocessor or dict(type='VideoDataPreprocessor'))
        self.detector: Detector = MODELS.build(detector)
        self.calibration_head: CalibrationHead | None = MODELS.build(calibration_head) if calibration_head else None
        self.track_head = MODELS.build(track_head) if track_head else None
        self.tracker = TRACKERS.build(tracker) if tracker else None
        if detector_trains_on not in ('key', 'all'):
            raise ConfigError(f"detector_trains_on {detector_trains_on!r} does not exist; use 'key' or 'all'")
        self.detector_trains_on = detector_trains_on
        self.classes = tuple(classes) if classes else None
        check_slots(self.detector, self.calibration_head, self.track_head, self.tracker)

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
        """Losses of key frames (frame 0 of each clip) and, with a track or calibration head, of pairs (frames 0, 1)."""
        images = self.data_preprocessor(inputs)  # (B, T, 3, H, W)
        images = images[:, : self._training_length(images.shape[1])]
        length = images.shape[1]
        samples = [[_on(sample, images.device) for sample in clip[:length]] for clip in data_samples]
        features = self.detector.extract_feat(images.flatten(0, 1))
        key = self._clip_at(images, samples, features, 0)
        fused = self._fused(features, length)
        if self.detector_trains_on == 'all':
            losses, sampled = self.detector.loss(features, [sample for clip in samples for sample in clip], fused)
            sampled = sampled[::length]
        else:
            losses, sampled = self.detector.loss(key.features, key.samples, fused)
        if self.track_head is not None:
            losses.update(self.track_head.loss(key, self._clip_at(images, samples, features, 1), sampled))
        return losses

    def _training_length(self, length: int) -> int:
        """How many of a training clip's frames are used."""
        paired = {'track': self.track_head, 'calibration': self.calibration_head}
        needing = [name for name, head in paired.items() if head is not None]
        if needing and length < 2:
            raise ConfigError(f'a {needing[0]} head trains on pairs: give the train data set num_ref_frames=1 or more')
        if needing and length > 2 and self.detector_trains_on == 'key':
            raise ConfigError(
                f'a {needing[0]} head trains on exactly one reference frame, but clips bring {length - 1}: give the '
                "train data set num_ref_frames=1, or let the detector train on all with detector_trains_on='all'"
            )
        return length if needing else 1

    def _fused(self, features: Features, length: int) -> Features | None:
        """Calibrated features of the frames that the detector trains on."""
        if self.calibration_head is None:
            return None
        if self.detector_trains_on == 'all':
            return self.calibration_head.fuse(features, partner_frames(features, length))
        return self.calibration_head.fuse(every(features, length, 0), every(features, length, 1))

    def _clip_at(
        self, images: Tensor, samples: Sequence[Sequence[FrameSample]], features: Features, position: int
    ) -> Clip:
        """Frame ``position`` of every clip of a batch, as one clip of B frames."""
        own = every(features, images.shape[1], position)
        return Clip(images[:, position], [clip[position] for clip in samples], own, self.detector.convention)

    def start_video(self) -> VideoSession:
        """A session that owns the state of one new video."""
        return VideoSession(self)

    @torch.no_grad()
    def detect(self, clip: Clip, references: Sequence[Clip] | None = None) -> list[InstanceData]:
        """Detections of T frames, with embeddings where there is a track head. Device tensors.

        Args:
            clip: the frames.
            references: clips of one frame each; the frame of ``clip``, which must be a single one then, is calibrated
                with every one of them, or stays as it is if there is none. None: no calibration.
        """
        variants = None
        if references is not None and self.calibration_head is not None:
            variants = [self.calibration_head.variants(clip.features, [other.features for other in references])]
        detections = self.detector.predict(clip, variants)
        if self.track_head is not None:
            for instances, embeddings in zip(detections, self.track_head.embed(clip, detections)):
                instances.embeddings = embeddings.float()
        return detections


def every(features: Features, length: int, position: int) -> Features:
    """Frame ``position`` of every clip, out of a pyramid (B * length, ...) of B clips."""
    return tuple(level[position::length] for level in features)


def partner_frames(features: Features, length: int) -> Features:
    """What each frame of B clips is calibrated with in training: frame 0 of its clip; for frame 0 itself, frame 1."""
    partners = [1] + [0] * (length - 1)
    return tuple(level.unflatten(0, (-1, length))[:, partners].flatten(0, 1) for level in features)


def _on(sample: FrameSample, device: torch.device) -> FrameSample:
    return sample if device.type == 'cpu' else sample.to(device)
