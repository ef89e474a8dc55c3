"""The video instance segmenter: four slots joined into one model, fed by a stream of chunks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from mmdet.errors import ConfigError
from mmdet.models.calibration_heads import CalibrationHead
from mmdet.models.detectors import Clip, Detector
from mmdet.models.detectors.ground_truth import annotated_rois
from mmdet.models.samplers import SampledRoIs
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
            repairs a key frame with its first reference and every reference with its key frame. ``none`` keeps the
            detector as it was loaded and trains the track head alone, on annotated boxes and masks.
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
        detector_trains_on: Literal['key', 'all', 'none'] = 'key',
        classes: Sequence[str] | None = None,
    ) -> None:
        super().__init__()
        self.data_preprocessor = MODELS.build(data_preprocessor or dict(type='VideoDataPreprocessor'))
        self.detector: Detector = MODELS.build(detector)
        self.calibration_head: CalibrationHead | None = MODELS.build(calibration_head) if calibration_head else None
        self.track_head = MODELS.build(track_head) if track_head else None
        self.tracker = TRACKERS.build(tracker) if tracker else None
        if detector_trains_on not in ('key', 'all', 'none'):
            raise ConfigError(f"detector_trains_on {detector_trains_on!r} does not exist; use 'key', 'all' or 'none'")
        self.detector_trains_on = detector_trains_on
        self.classes = tuple(classes) if classes else None
        check_slots(self.detector, self.calibration_head, self.track_head, self.tracker)
        if detector_trains_on == 'none':
            self._freeze_detector()

    def _freeze_detector(self) -> None:
        if self.track_head is None or self.calibration_head is not None:
            raise ConfigError("detector_trains_on='none' trains a track head alone: give one, and no calibration head")
        self.detector.requires_grad_(False)

    @property
    def stays_as_loaded(self) -> tuple[str, ...]:
        """Beginnings of the names of weights that training does not change, so that they must be there before it."""
        frozen = self.detector_trains_on == 'none' and bool(self.detector.state_dict())
        return ('detector.',) if frozen else ()

    def train(self, mode: bool = True) -> VideoInstanceSegmenter:
        """Training or test mode; a detector that does not train stays in test mode, its norms' statistics too."""
        super().train(mode)
        if self.detector_trains_on == 'none':
            self.detector.eval()
        return self

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
        features = self._training_features(images)
        key = self._clip_at(inputs, images, samples, features, [0])
        losses, sampled = self._detector_loss(features, samples, key)
        if self.track_head is not None and self.track_head.trains:
            last = 1 if self.track_head.max_references == 1 else length - 1
            references = self._clip_at(inputs, images, samples, features, range(1, last + 1))
            losses.update(self.track_head.loss(key, references, sampled))
        return losses

    def _training_features(self, images: Tensor) -> Features:
        """Pyramid of all B * T frames; of a detector that does not train, without gradients and only where used."""
        if self.detector_trains_on != 'none':
            return self.detector.extract_feat(images.flatten(0, 1))
        if 'pyramid' not in self.track_head.requires:  # type: ignore[union-attr]
            return ()
        with torch.no_grad():
            return self.detector.extract_feat(images.flatten(0, 1))

    def _detector_loss(
        self, features: Features, samples: Sequence[Sequence[FrameSample]], key: Clip
    ) -> tuple[dict[str, Tensor], list[SampledRoIs]]:
        """The detector's losses, and the boxes of the key frames for a track head."""
        length = len(samples[0])
        if self.detector_trains_on == 'none':
            return {}, [annotated_rois(sample) for sample in key.samples]
        fused = self._fused(features, length)
        if self.detector_trains_on == 'all':
            losses, sampled = self.detector.loss(features, [sample for clip in samples for sample in clip], fused)
            return losses, sampled[::length]
        return self.detector.loss(key.features, key.samples, fused)

    def _training_length(self, length: int) -> int:
        """How many of a training clip's frames are used."""
        track = self.track_head if self.track_head is not None and self.track_head.trains else None
        paired = {'track': track, 'calibration': self.calibration_head}
        needing = [name for name, head in paired.items() if head is not None]
        if needing and length < 2:
            raise ConfigError(f'a {needing[0]} head trains on pairs: give the train data set num_ref_frames=1 or more')
        takes_all = track is not None and track.max_references != 1
        if needing and length > 2 and self.detector_trains_on != 'all' and not takes_all:
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
        self,
        inputs: Sequence[Tensor],
        images: Tensor,
        samples: Sequence[Sequence[FrameSample]],
        features: Features,
        positions: Sequence[int],
    ) -> Clip:
        """Frames ``positions`` of every clip of a batch as one clip of B * len(positions) frames, clip by clip."""
        length, chosen = images.shape[1], list(positions)
        own = tuple(level.unflatten(0, (-1, length))[:, chosen].flatten(0, 1) for level in features)
        frames = None
        if self.track_head is not None and 'frames' in self.track_head.requires:
            frames = pad_frames(inputs, chosen, images.shape[-2:])
        picked = [clip[position] for clip in samples for position in chosen]
        return Clip(images[:, chosen].flatten(0, 1), picked, own, self.detector.convention, frames)

    def check_blank_frames_suffice(self) -> None:
        """Refuse to run on frames whose files were not read, if a part of the model looks at pixels.

        Raises:
            ConfigError: naming the part.
        """
        parts: list[nn.Module | None] = [self.calibration_head, self.track_head]
        if self.detector.reads_pixels:
            parts.append(self.detector)
        parts = [part for part in parts if part is not None]
        if parts:
            raise ConfigError(
                f'{type(parts[0]).__name__} looks at pixels, but the pipeline has BlankFrames; load the frames instead'
            )

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


def pad_frames(inputs: Sequence[Tensor], positions: Sequence[int], size: Sequence[int]) -> Tensor:
    """Frames ``positions`` of B clips (T, 3, h, w) uint8, padded right and bottom with zeros to (height, width)."""
    height, width = size
    frames = [clip[list(positions)] for clip in inputs]
    return torch.cat([functional.pad(f, (0, width - f.shape[-1], 0, height - f.shape[-2])) for f in frames])


def partner_frames(features: Features, length: int) -> Features:
    """What each frame of B clips is calibrated with in training: frame 0 of its clip; for frame 0 itself, frame 1."""
    partners = [1] + [0] * (length - 1)
    return tuple(level.unflatten(0, (-1, length))[:, partners].flatten(0, 1) for level in features)


def _on(sample: FrameSample, device: torch.device) -> FrameSample:
    return sample if device.type == 'cpu' else sample.to(device)
