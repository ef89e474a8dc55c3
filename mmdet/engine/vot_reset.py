"""The reset protocol of VOT (Kristan et al., 2016): a tracker that lost its target starts again five frames later.

The target is lost in a frame when the predicted region and the annotated one share no pixel. The test therefore looks
at the ground truth as it runs; the model never does, but for the box that it is started with.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from mmdet.datasets.base import ChunkIndex
from mmdet.datasets.clip import FramePrompts
from mmdet.datasets.transforms.packing import pack_prompts
from mmdet.engine.stop_signal import StopSignal
from mmdet.engine.video_test import VideoTester
from mmdet.errors import ConfigError
from mmdet.evaluation.region_overlap import raster_overlap
from mmdet.evaluation.video_result import FrameTracks, VideoResult, tracks_of
from mmdet.evaluation.vot_files import rectangle_corners
from mmdet.evaluation.vot_runs import SKIP
from mmdet.structures import FrameSample

__all__ = ['ResetTester', 'ResettableDataset', 'StreamModel', 'run_with_resets']


class Session(Protocol):
    """What a model opens for one video."""

    def step(self, frames: Tensor, samples: list[FrameSample]) -> list[FrameSample]:
        """Finished frames; a tracker that is reset must finish every frame at once."""


class StreamModel(Protocol):
    """A model that follows what samples carry as ``prompts``."""

    def start_video(self) -> Session: ...


class ResettableDataset(Protocol):
    """A data set with regions; :class:`mmdet.datasets.VOTDataset` is one."""

    videos: Any

    def __getitem__(self, index: Any) -> Any: ...
    def polygons(self, video: Any) -> np.ndarray: ...
    def restart_at(self, video: Any, frame: int) -> FramePrompts: ...


def run_with_resets(model: StreamModel, dataset: ResettableDataset, position: int) -> VideoResult:
    """Run a tracker over the video at ``position`` under the reset protocol.

    Returns:
        A result with ``states``; frames of a start, a failure or a pause have no tracks.

    Raises:
        ConfigError: the model holds frames back, or returns another number of tracks than the one object.
        DataError: a frame is missing or damaged.
    """
    video = dataset.videos[position]
    truth = dataset.polygons(video)
    result = VideoResult(video.id, video.height, video.width, video.length, list(video.file_names), [], [])
    states: list[str] = []
    session, start = None, 0  # a frame in which to start again
    for frame in range(video.length):
        if session is None and frame < start:
            states.append('skipped')
            result.frames.append(_nothing())
            continue
        clip = dataset[ChunkIndex(position, frame, frame + 1)]
        sample = clip['data_samples'][0]
        begins = session is None
        if session is None:
            session = model.start_video()
            sample.prompts = pack_prompts(dataset.restart_at(video, frame))
        elif 'prompts' in sample:
            del sample.prompts
        tracks = _only_track(session.step(clip['inputs'], [sample]), f'video {video.id}, frame {frame}')
        if begins:
            states.append('started')
            result.frames.append(_nothing())
        elif _overlap(tracks, truth[frame], (video.width, video.height)) > 0:
            states.append('tracked')
            result.frames.append(tracks)
        else:
            states.append('failed')
            result.frames.append(_nothing())
            session, start = None, frame + SKIP
    result.states = states
    return result


class ResetTester(VideoTester):
    """The test loop for metrics that want resets: frames come one by one, as each decides about the next."""

    @torch.no_grad()
    def infer(self, stop: StopSignal | None = None) -> bool:
        """Fill the result folder; False where a stop was requested before the end.

        Raises:
            ConfigError: the data set has no regions, or the model cannot be started on a region.
        """
        for owner, name in ((self.dataset, 'restart_at'), (self.model, 'start_video')):
            if not hasattr(owner, name):
                raise ConfigError(
                    f'{type(owner).__name__} cannot be tested with resets (it has no {name}); '
                    f"use VOTDataset and a model that follows prompts, or VOTMetric(protocol='one-pass')"
                )
        self.process.on_first(self.store.clear, 'emptying the result folder')
        self.model.eval()
        with self._progress_bar() as bar:
            for position in self._positions():
                if stop is not None and stop.requested:
                    break
                model: Any = self.model
                self.store.write(run_with_resets(model, self.dataset, position))
                bar.update(self.dataset.videos[position].length)
        requested = stop is not None and stop.requested
        return not any(self.process.gather(requested, 'waiting for the other processes to end the test', patient=True))

    def _positions(self) -> Iterator[int]:
        """Videos of this process, each once."""
        chunks = [index for indices in self.loader.batch_sampler or () for index in indices]
        yield from dict.fromkeys(chunk.video for chunk in chunks)


def _only_track(finished: list[FrameSample], where: str) -> FrameTracks:
    if len(finished) != 1:
        raise ConfigError(f'{where}: resets need a model that finishes each frame at once, it finished {len(finished)}')
    tracks = tracks_of(finished[0])
    if len(tracks) != 1:
        raise ConfigError(f'{where}: one object was given, the model returns {len(tracks)}; it has to return it always')
    return tracks


def _overlap(tracks: FrameTracks, truth: np.ndarray, bounds: tuple[int, int]) -> float:
    rotated = tracks.rotated_boxes
    corners = np.array(rotated[0]) if rotated is not None else rectangle_corners(np.array(tracks.bboxes[0]))
    return float(raster_overlap(corners[None], truth[None], bounds)[0])


def _nothing() -> FrameTracks:
    return FrameTracks([], [], [], [], [])
