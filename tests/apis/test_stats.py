"""Speed and age of results, by a clock that the test moves."""

from __future__ import annotations

import pytest

from mmdet.apis import stats
from mmdet.apis.stats import StreamStats


class Clock:
    now = 0.0

    def perf_counter(self) -> float:
        return self.now


def test_speed_and_latency(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    monkeypatch.setattr(stats, 'time', clock)
    found = StreamStats(_started=0.0)
    assert found.caption() == '0.0 frames/s  0 ms'
    for index in range(100):
        step = 0.1 if index < 50 else 0.02  # it gets faster
        clock.now += step
        found.given()
        decoded, clock.now = clock.now - 0.03, clock.now + step / 4
        found.used(decoded)
    assert found.frames == 100 and found.caller_seconds == pytest.approx(50 * 0.025 + 50 * 0.005)
    assert found.fps_now == pytest.approx(1 / 0.025) and found.fps == pytest.approx(100 / 7.495, rel=1e-3)
    assert found.latency_now == pytest.approx(0.035) and found.latency(95) == pytest.approx(0.055)
    found.dropped = 3
    assert found.caption() == '40.0 frames/s  35 ms  3 dropped'
    assert found.summary().endswith('decoding 0, model 0, output 15 ms, 3 frames dropped')
