"""Runs a model over any source of frames as a stream: decoding, model and the caller's own work overlap."""

from __future__ import annotations

import itertools
import threading
import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

from mmdet.apis.channel import Channel, start_stage
from mmdet.apis.frame_source import FrameSource
from mmdet.apis.init_model import init_model
from mmdet.apis.packing import FramePacker
from mmdet.apis.prompts import Prompt, PromptQueue
from mmdet.apis.source import SourceSpec, open_source
from mmdet.apis.stats import StreamStats
from mmdet.errors import ConfigError, MMDetError
from mmdet.structures import FrameSample

__all__ = ['VideoInferencer']

JOIN_SECONDS = 5.0  # to wait for a thread that hangs in a device driver


class _Decoded(NamedTuple):
    frame: np.ndarray
    source_frame: int
    time: float


class _Finished(NamedTuple):
    decoded: _Decoded
    sample: FrameSample


class VideoInferencer:
    """Tracks objects through videos, cameras and arrays, frame by frame, in constant memory.

    >>> inferencer = VideoInferencer('config.py', 'weights.safetensors')      # doctest: +SKIP
    >>> for frame, sample in inferencer('street.mp4'):                        # doctest: +SKIP
    ...     print(sample.frame_id, sample.pred_tracks.instance_ids)

    Frames go through the test pipeline of the config and the ``step`` of a video session, as they do when testing.

    Args:
        model: config file, or a model from :func:`mmdet.apis.init_model`.
        checkpoint: weights, with a config file.
        device: with a config file: see :func:`mmdet.apis.init_model`.
        chunk: frames that go through the detector together.
        live: drop frames that the model has no time for instead of letting them wait; a file then runs at its own
            frame rate. None does so for cameras and network streams only.
        cfg_options: with a config file: values to override.
        trust_checkpoint: with a config file: see :func:`mmdet.apis.init_model`.
        pipeline: transforms from frames to model input; None takes ``test_dataloader.dataset.pipeline`` of the config.

    Attributes:
        model: the model in use.
        stats: of the latest run.

    Raises:
        ConfigError: the model takes no video, or nothing says how frames are to be prepared.
        CheckpointError: the weights cannot be loaded.
    """

    def __init__(
        self,
        model: Any,
        checkpoint: str | Path | None = None,
        device: str | torch.device = 'auto',
        *,
        chunk: int = 4,
        live: bool | None = None,
        cfg_options: Mapping[str, Any] | None = None,
        trust_checkpoint: bool = False,
        pipeline: Sequence[Any] | None = None,
    ) -> None:
        if chunk < 1:
            raise ConfigError(f'chunk is a number of frames, at least 1, got {chunk}')
        if isinstance(model, str | Path):
            model = init_model(model, checkpoint, device, cfg_options, trust_checkpoint)
        elif checkpoint is not None or cfg_options:
            raise ConfigError('checkpoint and cfg_options go with a config file; this model is built already')
        if not hasattr(model, 'start_video'):
            raise ConfigError(f'{type(model).__name__} takes no video: it has no start_video()')
        self.model, self.chunk, self.live = model, chunk, live
        self.stats = StreamStats()
        if pipeline is None:
            pipeline = getattr(model, 'frame_pipeline', None)  # of a model that works on original frames
        self._packer = FramePacker.from_config(getattr(model, 'cfg', None), pipeline)
        self._busy = threading.Lock()

    @property
    def classes(self) -> tuple[str, ...] | None:
        """Names of the labels, where they are known."""
        return getattr(self.model, 'classes', None)

    def __call__(self, source: SourceSpec, max_frames: int | None = None) -> Iterator[tuple[np.ndarray, FrameSample]]:
        """Yield every frame, (H, W, 3) uint8 RGB, with its result, in order.

        A sample has ``pred_tracks`` (CPU, boxes in pixels of the frame, masks as RLE), ``frame_id`` counting results
        from 0, and ``source_frame``, the frame's index in the source, which is larger once frames were dropped. Close
        the generator, or use it up, before the next video.

        Args:
            source: as :func:`mmdet.apis.open_source` takes it. A :class:`FrameSource` stays open for its owner.
            max_frames: stop after so many frames of the source.

        Raises:
            VideoSourceError: the source cannot be opened (at once), or fails later (after the results of all frames
                that it gave).
            ConfigError: another video is still running; its state is in the model. Or the model follows what a user
                marks, which is :meth:`track`.
        """
        if getattr(self.model, 'needs_prompts', False):
            raise ConfigError(
                f'{type(self.model).__name__} follows what you mark: call track(video, prompts), or use '
                'demo/sot_demo.py with --init-box'
            )
        frames = open_source(source)
        return self._stream(frames, max_frames, owned=frames is not source)

    def track(
        self, source: SourceSpec, prompts: Prompt | Sequence[Prompt], max_frames: int | None = None
    ) -> Iterator[tuple[np.ndarray, FrameSample]]:
        """Follow marked objects; yields every frame, (H, W, 3) uint8 RGB, with its result, in order.

        >>> for frame, sample in inferencer.track('tennis.mp4', Prompt(box=(310, 120, 450, 360))):  # doctest: +SKIP
        ...     print(sample.pred_tracks.scores, sample.pred_tracks.lost)

        Besides the fields of other results, ``pred_tracks`` has ``rotated_boxes`` (N, 4, 2) and ``lost`` (N,). Frames
        before the first prompt have no tracks. Where frames are dropped (``live``), a prompt counts on the next one
        that is not.

        Args:
            source: as for a call.
            prompts: what to follow, on any frames; see :class:`mmdet.apis.Prompt`.
            max_frames: stop after so many frames of the source.

        Raises:
            PromptError: nothing is marked, something that cannot be followed, or on a frame that never comes (once the
                source has ended).
            VideoSourceError: as for a call.
            ConfigError: the model finds its objects itself, or another video is still running.
        """
        if not getattr(self.model, 'needs_prompts', False):
            name = type(self.model).__name__
            raise ConfigError(f'{name} finds its objects itself: call the inferencer without prompts')
        frames = open_source(source)
        queue = PromptQueue([prompts] if isinstance(prompts, Prompt) else prompts, frames)
        return self._stream(frames, max_frames, frames is not source, queue)

    def _stream(
        self, source: FrameSource, max_frames: int | None, owned: bool, prompts: PromptQueue | None = None
    ) -> Iterator[tuple[np.ndarray, FrameSample]]:
        if not self._busy.acquire(blocking=False):
            raise ConfigError('this inferencer is running another video: use that one up, or close its generator')
        self.stats = stats = StreamStats()
        live = source.live if self.live is None else self.live
        decoded: Channel[_Decoded] = Channel(self.chunk if live else 2 * self.chunk, drop_oldest=live)
        finished: Channel[_Finished] = Channel(2 * self.chunk)
        threads = [
            start_stage(_decode(source, max_frames, paced=live and not source.live), decoded, 'decode'),
            start_stage(self._infer(source, decoded, stats, 1 if live else self.chunk, prompts), finished, 'model'),
        ]
        try:
            while results := finished.take():
                for item, sample in results:
                    stats.dropped = decoded.dropped
                    stats.count(item.time)
                    yield item.frame, sample
        finally:
            decoded.close()
            finished.close()
            for thread in threads:
                thread.join(JOIN_SECONDS)
            if owned:
                source.close()
            self._busy.release()

    def _infer(
        self,
        source: FrameSource,
        decoded: Channel[_Decoded],
        stats: StreamStats,
        least: int,
        prompts: PromptQueue | None,
    ) -> Iterator[_Finished]:
        """The model's stage: chunks in, finished frames out, and the session's rest even where the source fails."""
        session = self.model.start_video()
        waiting: deque[_Decoded] = deque()  # frames whose result is still to come
        frame_id = 0
        failure: MMDetError | None = None
        while True:
            chunk: list[_Decoded] = []
            try:
                chunk = decoded.take(self.chunk, least)
            except MMDetError as error:
                failure = error
            if not chunk:
                break
            names = [source.frame_name(item.source_frame) for item in chunk]
            clip = self._packer([item.frame for item in chunk], names, [item.source_frame for item in chunk], frame_id)
            frame_id += len(chunk)
            if prompts is not None:
                prompts.attach(clip['data_samples'])
            waiting.extend(chunk)
            started = time.perf_counter()
            samples = session.step(clip['inputs'], clip['data_samples'])
            stats.model_seconds += time.perf_counter() - started
            yield from _pair(waiting, samples)
        yield from _pair(waiting, session.finish())
        if failure is not None:
            raise failure
        if prompts is not None:
            prompts.check_used(frame_id)
        if waiting:
            raise RuntimeError(f'the session ended without results for {len(waiting)} frames')


def _decode(source: FrameSource, max_frames: int | None, paced: bool) -> Iterator[_Decoded]:
    start = time.perf_counter()
    for index, frame in enumerate(itertools.islice(source, max_frames)):
        if paced:
            time.sleep(max(start + index / source.fps - time.perf_counter(), 0))
        yield _Decoded(frame, index, time.perf_counter())


def _pair(waiting: deque[_Decoded], samples: Sequence[FrameSample]) -> Iterator[_Finished]:
    for sample in samples:
        item = waiting.popleft()
        if sample.get('source_frame') != item.source_frame:
            got = sample.get('source_frame')
            raise RuntimeError(f'a session returned frame {got} where {item.source_frame} was next')
        yield _Finished(item, sample)
