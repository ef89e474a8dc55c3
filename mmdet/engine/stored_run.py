"""Runs a tracker over stored detections: what a whole model would give, without frames and without a network."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mmdet.evaluation import VideoResult, VideoResultCollector
from mmdet.models.detectors import PrecomputedDetector
from mmdet.models.video.session import to_host
from mmdet.models.video.slots import check_slots
from mmdet.structures import FrameSample

__all__ = ['frame_samples', 'track_videos']


def track_videos(dataset: Any, detector: PrecomputedDetector, tracker: Any) -> Iterator[VideoResult]:
    """Results of all videos of a data set, in its order, one in memory at a time.

    Equal to what ``tools/test_video.py`` gets from the same detector and tracker; no image file is opened.

    Raises:
        IncompatibleSlotsError: the tracker needs what the detections do not have.
        DataError: stored detections are damaged or do not fit a video.
    """
    check_slots(detector, None, None, tracker)
    return _tracked(dataset, detector, tracker)


def _tracked(dataset: Any, detector: PrecomputedDetector, tracker: Any) -> Iterator[VideoResult]:
    for video in dataset.videos:
        tracker.reset()
        collector = VideoResultCollector()
        for sample in frame_samples(dataset, video):
            (detections,) = to_host([detector.detections(sample)])
            sample.pred_tracks = tracker.update(detections, sample)
            result = collector.add(sample)
        if result is not None:
            yield result


def frame_samples(dataset: Any, video: Any) -> Iterator[FrameSample]:
    """A sample without pixels for every frame of a video."""
    for frame in range(video.length):
        yield FrameSample(
            metainfo={
                'video_id': video.id,
                'frame_id': frame,
                'video_length': video.length,
                'img_path': str(dataset.image_path(video, frame)),
                'ori_shape': (video.height, video.width),
                'blank': True,
            }
        )
