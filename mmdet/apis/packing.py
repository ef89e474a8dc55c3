"""Frames of a stream to model input, through the same transforms as the frames of a data set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from mmdet.datasets.annotations import AnnotationTable, VideoInfo
from mmdet.datasets.clip import ClipFrame, PipelineClip
from mmdet.errors import ConfigError
from mmdet.registry import TRANSFORMS
from mmdet.structures import VideoClip

__all__ = ['FramePacker']

LOADING = ('LoadFrames', 'LoadAnnotations')  # frames of a stream are loaded already
STREAM_ID = 1  # the one video of a stream


class FramePacker:
    """Turns frames into a clip as a test data set would.

    Args:
        pipeline: transforms as config dicts or objects, without those that load; the last one is ``PackClip``.
    """

    def __init__(self, pipeline: Sequence[Any]) -> None:
        self.transforms = [TRANSFORMS.build(transform) for transform in pipeline]

    @classmethod
    def from_config(cls, config: Mapping[str, Any] | None, pipeline: Sequence[Any] | None = None) -> FramePacker:
        """The packer of ``pipeline`` or, without one, of the config's test data.

        Raises:
            ConfigError: there is neither.
        """
        if pipeline is None:
            dataset = ((config or {}).get('test_dataloader') or {}).get('dataset') or {}
            pipeline = dataset.get('pipeline')
        if not pipeline:
            raise ConfigError(
                'nothing says how frames are prepared for the model: the config needs test_dataloader.dataset.pipeline'
            )
        return cls([step for step in pipeline if _type_name(step) not in LOADING])

    def __call__(
        self, frames: Sequence[np.ndarray], names: Sequence[str], indices: Sequence[int], frame_id: int
    ) -> VideoClip:
        """One chunk.

        Args:
            frames: T frames (H, W, 3) uint8 RGB.
            names: of the frames, for messages and result files.
            indices: of the frames in their source.
            frame_id: of the first; the others follow without gap, whatever was dropped between.
        """
        height, width = frames[0].shape[:2]
        video = VideoInfo(STREAM_ID, (), height, width, AnnotationTable([], {}, {}), range(0))
        parts = [ClipFrame(video, frame_id + t, names[t], image=frame) for t, frame in enumerate(frames)]
        result: Any = PipelineClip(parts, names[0], sample_seed=0)
        rng = np.random.default_rng(0)  # the same for all chunks of a video
        for transform in self.transforms:
            result = transform(result, rng)
        if isinstance(result, PipelineClip):
            raise ConfigError('the test pipeline must end with PackClip')
        for sample, index in zip(result['data_samples'], indices):
            sample.set_metainfo({'video_length': -1, 'source_frame': index})  # a stream ends when it ends
        return result


def _type_name(step: Any) -> str:
    kind = step.get('type') if isinstance(step, Mapping) else type(step)
    return kind if isinstance(kind, str) else getattr(kind, '__name__', '')
