"""Draws, shows and writes the results of a stream as they come."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass

import numpy as np
from tqdm import tqdm

from mmdet.apis.frame_source import FrameSource
from mmdet.apis.inferencer import VideoInferencer
from mmdet.apis.interrupt import InterruptGuard
from mmdet.apis.prompts import Prompt
from mmdet.apis.result_file import StreamResultFile
from mmdet.errors import VideoSourceError
from mmdet.structures import FrameSample
from mmdet.visualization.overlay import OverlayStyle, draw_tracks
from mmdet.visualization.text import draw_caption
from mmdet.visualization.trails import Trails
from mmdet.visualization.video_writer import FrameWriter, open_writer
from mmdet.visualization.window import Window

__all__ = ['DemoOptions', 'show_stream']


@dataclass(frozen=True)
class DemoOptions:
    """Where results go and how they look.

    Attributes:
        out: overlay video or folder of images.
        json: file of the tracks, all of them whatever their score.
        show: open a window.
        score_thr: draw tracks from this score on.
        trails: frames that drawn paths reach back, 0 for none.
        speed: write frames per second and latency onto the pictures.
        max_frames: of the source.
        fps: of the overlay; None takes the source's.
        progress: show a progress bar with speed and latency.
    """

    out: str | None = None
    json: str | None = None
    show: bool = False
    score_thr: float = 0.3
    trails: int = 0
    speed: bool = False
    max_frames: int | None = None
    fps: float | None = None
    progress: bool = False


def show_stream(
    inferencer: VideoInferencer, source: FrameSource, options: DemoOptions, prompts: Sequence[Prompt] | None = None
) -> bool:
    """Run ``source`` through the model and do with the results what ``options`` say.

    With ``prompts`` the model follows what they mark.

    Ctrl-C, SIGTERM, or a source that breaks off end the run, not the outputs: those hold the frames until then.

    Returns:
        Whether a signal ended it.

    Raises:
        VideoSourceError: the source broke off (after the outputs are complete), or an output cannot be written.
        KeyboardInterrupt: a signal came before the first result.
    """
    failure: VideoSourceError | None = None
    with ExitStack() as stack:
        sink = _Sink(stack, inferencer, source, options)
        if prompts is None:
            stream = inferencer(source, options.max_frames)
        else:
            stream = inferencer.track(source, prompts, options.max_frames)
        stack.callback(stream.close)  # type: ignore[attr-defined]  # it is a generator
        guard = stack.enter_context(InterruptGuard())
        try:
            going = True
            while going and (item := next(stream, None)) is not None:
                with guard.shielded():
                    going = sink.take(*item)
                if guard.requested:
                    break
        except KeyboardInterrupt:
            if not sink.count:
                raise
            guard.requested = True
        except VideoSourceError as error:
            if sink.failed or not sink.count:
                raise
            failure = error  # of the source: what it gave before is worth keeping
    if failure is not None:
        kept = ' and '.join(filter(None, (options.out, options.json)))
        raise VideoSourceError(f'{failure}' + (f'. The {sink.count} frames before are in {kept}' if kept else ''))
    return guard.requested


class _Sink:
    """The outputs of one run.

    Attributes:
        count: results that all outputs have.
        failed: whether an output could not take one.
    """

    def __init__(
        self, stack: ExitStack, inferencer: VideoInferencer, source: FrameSource, options: DemoOptions
    ) -> None:
        self.count, self.failed = 0, False
        self._inferencer = inferencer
        self._style = OverlayStyle(score_thr=options.score_thr, min_short_side=360)
        self._speed = options.speed
        self._trails = Trails(options.trails) if options.trails else None
        self._writer: FrameWriter | None = None
        self._file: StreamResultFile | None = None
        self._window: Window | None = None
        if options.out:
            self._writer = stack.enter_context(open_writer(options.out, options.fps or source.fps))
        if options.json:
            self._file = stack.enter_context(StreamResultFile(options.json, source, inferencer.classes))
        if options.show:
            self._window = Window(source.name)
            stack.callback(self._window.close)
        total = min((n for n in (source.length, options.max_frames) if n is not None and n > 0), default=None)
        self._bar = stack.enter_context(tqdm(total=total, unit='frame', disable=not options.progress))

    def take(self, frame: np.ndarray, sample: FrameSample) -> bool:
        """Use one result; False once the user closes the window."""
        self.failed = True  # until all outputs have it
        if self._file is not None:
            self._file.write(sample)
        going = True
        if self._writer is not None or self._window is not None:
            image = draw_tracks(frame, sample.pred_tracks, self._inferencer.classes, self._style, self._trails)
            if self._speed:
                draw_caption(image, self._inferencer.stats.caption())
            if self._writer is not None:
                self._writer.write(image)
            if self._window is not None:
                going = self._window.show(image)
        self.failed = False
        self.count += 1
        stats = self._inferencer.stats
        self._bar.set_postfix_str(f'latency {stats.latency_now:.2f} s, {stats.dropped} dropped', refresh=False)
        self._bar.update(sample.source_frame + 1 - self._bar.n)
        return going
