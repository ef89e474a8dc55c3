"""How fast a stream went, and how old its results were."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass, field

import numpy as np

__all__ = ['StreamStats']

REMEMBERED = 1000  # latencies kept, so that an endless stream needs no more memory


@dataclass
class StreamStats:
    """Counts of one run; times in seconds.

    Attributes:
        frames: results handed out.
        dropped: frames that were skipped to keep up with a live source.
        seconds: from the start to the latest result.
        model_seconds: of these, spent in the model.
    """

    frames: int = 0
    dropped: int = 0
    seconds: float = 0.0
    model_seconds: float = 0.0
    _started: float = field(default_factory=time.perf_counter)
    _latencies: deque[float] = field(default_factory=lambda: deque(maxlen=REMEMBERED))

    def count(self, decoded_at: float) -> None:
        """Note one result whose frame was decoded at ``decoded_at`` (``time.perf_counter``)."""
        now = time.perf_counter()
        self.frames += 1
        self.seconds = now - self._started
        self._latencies.append(now - decoded_at)

    @property
    def fps(self) -> float:
        """Results per second over the whole run."""
        return self.frames / self.seconds if self.seconds > 0 else 0.0

    def latency(self, percentile: float = 50) -> float:
        """Seconds from decoded frame to result that ``percentile`` percent of the last results stayed below."""
        return float(np.percentile(self._latencies, percentile)) if self._latencies else 0.0

    def summary(self) -> str:
        """One line for people."""
        text = (
            f'{self.frames} frames in {self.seconds:.1f} s: {self.fps:.1f} frames/s, latency {self.latency():.3f} s '
            f'(95 %: {self.latency(95):.3f} s), model {self.model_seconds / max(self.frames, 1) * 1000:.0f} ms/frame'
        )
        return f'{text}, {self.dropped} frames dropped' if self.dropped else text
