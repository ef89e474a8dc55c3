"""What all models of videos share: one session at a time for the frames that a test loader brings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from mmdet.errors import ConfigError, DataError
from mmdet.structures import FrameSample


class FrameOrder:
    """Base of sessions: knows its video, and checks that frames come in order, without gaps.

    Attributes:
        video_id: of the video, once its first frame has come.
        open_ended: whether the length of the video is unknown, so that only its session's ``finish`` ends it.
        forecast: frames ahead for which a tracker is asked where its tracks will be, to be set before the first step;
            0 for none. ``pred_tracks`` then have ``forecasts`` (N, forecast, 4) float32, NaN for tracks that there is
            no motion model of.
    """

    def __init__(self) -> None:
        self.video_id: int | None = None
        self.open_ended = False
        self.forecast = 0
        self._next_frame: int | None = None

    def check_order(self, samples: Sequence[FrameSample]) -> None:
        """Take note of the next frames.

        Raises:
            DataError: they do not follow those before.
        """
        if self.video_id is None:
            self.video_id, self._next_frame = samples[0].video_id, samples[0].frame_id
        for sample in samples:
            if (sample.video_id, sample.frame_id) != (self.video_id, self._next_frame):
                raise DataError(
                    f'expected frame {self._next_frame} of video {self.video_id}, got frame {sample.frame_id} of video '
                    f'{sample.video_id}: frames of a video must come in order, without gaps'
                )
            self._next_frame += 1  # type: ignore[operator]
        self.open_ended = samples[-1].get('video_length', -1) < 0


class StreamedModel(nn.Module):
    """A model whose ``start_video()`` gives sessions; ``predict`` opens and ends them as frames come."""

    def __init__(self) -> None:
        super().__init__()
        self._session: Any = None

    def start_video(self) -> Any:
        """A session that owns the state of one new video: ``step``, ``finish``, ``video_id`` and ``open_ended``."""
        raise NotImplementedError

    @torch.no_grad()
    def predict(self, inputs: Sequence[Tensor], data_samples: Sequence[Sequence[FrameSample]]) -> list[FrameSample]:
        """Finished frames, in order; keeps one session and opens a new one where a video begins.

        A video ends with the last frame of its ``video_length``; one of unknown length where the next one begins.
        """
        if len(inputs) != 1:
            raise ConfigError(f'testing takes one chunk of one video at a time, got a batch of {len(inputs)}')
        samples = data_samples[0]
        session, finished = self._session, []
        if session is None or samples[0].frame_id == 0 or session.video_id != samples[0].video_id:
            if session is not None and session.open_ended:
                finished = session.finish()
            session = self._session = self.start_video()
        finished += session.step(inputs[0], samples)
        if samples[-1].frame_id + 1 == samples[-1].video_length:
            finished += session.finish()
            self._session = None
        return finished
