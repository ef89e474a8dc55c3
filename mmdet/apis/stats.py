"""How fast a stream went, and how old its results were."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass, field

import numpy as np

__all__ = ['StreamStats']

REMEMBERED = 1000  # latencies kept, so that an endless stream needs no more memory
RECENT = 30  # results that speed and latency 'now' are measured over


@dataclass
class StreamStats:
    """Counts of one run; times in seconds.

    Stages run side by side, so the seconds of decoding, model and caller may add up to more than those of the run; the
    largest is what limits the speed.

    Attributes:
        frames: results handed out.
        dropped: frames that were skipped to keep up with a live source.
        seconds: from the start to the latest result.
        decode_seconds: spent waiting for frames of the source.
        model_seconds: spent in the model.
        caller_seconds: spent by the caller on the results: drawing, writing, showing.
    """

    frames: int = 0
    dropped: int = 0
    seconds: float = 0.0
    decode_seconds: float = 0.0
    model_seconds: float = 0.0
    caller_seconds: float = 0.0
    _started: float = field(default_factory=time.perf_counter)
    _given: deque[float] = field(default_factory=lambda: deque(maxlen=RECENT + 1))
    _latencies: deque[float] = field(default_factory=lambda: deque(maxlen=REMEMBERED))

    def given(self) -> None:
        """Note that one result is handed out now."""
        self.frames += 1
        self._given.append(time.perf_counter())
        self.seconds = self._given[-1] - self._started

    def used(self, decoded_at: float) -> None:
        """Note that the caller is done with the latest result, whose frame was decoded at that ``perf_counter``."""
        now = time.perf_counter()
        self.caller_seconds += now - self._given[-1]
        self._latencies.append(now - decoded_at)

    @property
    def fps(self) -> float:
        """Results per second over the whole run."""
        return self.frames / self.seconds if self.seconds > 0 else 0.0

    @property
    def fps_now(self) -> float:
        """Results per second over the last results; 0 before there are two."""
        span = self._given[-1] - self._given[0] if self._given else 0.0
        return (len(self._given) - 1) / span if span > 0 else 0.0

    @property
    def latency_now(self) -> float:
        """Median of the latest latencies, see :meth:`latency`."""
        return float(np.median(list(self._latencies)[-RECENT:])) if self._latencies else 0.0

    def latency(self, percentile: float = 50) -> float:
        """Seconds from decoded to drawn, written and shown that ``percentile`` percent of the last frames kept to."""
        return float(np.percentile(self._latencies, percentile)) if self._latencies else 0.0

    def caption(self) -> str:
        """Speed and latency now, for a picture."""
        text = f'{self.fps_now:.1f} frames/s  {self.latency_now * 1000:.0f} ms'
        return f'{text}  {self.dropped} dropped' if self.dropped else text

    def summary(self) -> str:
        """One line for people."""
        stages = (self.decode_seconds, self.model_seconds, self.caller_seconds)
        decode, model, caller = (seconds / max(self.frames, 1) * 1000 for seconds in stages)
        text = (
            f'{self.frames} frames in {self.seconds:.1f} s: {self.fps:.1f} frames/s, latency {self.latency():.3f} s '
            f'(95 %: {self.latency(95):.3f} s), side by side per frame: decoding {decode:.0f}, model {model:.0f}, '
            f'output {caller:.0f} ms'
        )
        return f'{text}, {self.dropped} frames dropped' if self.dropped else text
