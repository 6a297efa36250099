from __future__ import annotations

import pytest

from socklat_gate.measured.histogram import Histogram
from socklat_gate.trace.last_minute import LastMinute, Minute
from tests.unit.trace.snapshots import STARTED_NS, snapshot

SECOND = 10**9


def after(seconds: float, exchanges: int, minutes: LastMinute) -> Minute:
    """A second exchange a second, each as many ms long as it is old."""
    total = Histogram.of([(at + 1) * 1_000_000 for at in range(exchanges)])
    taken_at_ns = STARTED_NS + int(seconds * SECOND)
    return minutes.add(snapshot(taken_at_ns=taken_at_ns, total={"response": total}))


def test_it_is_all_there_is_within_the_first_minute() -> None:
    minutes = LastMinute()
    for second in (0, 1, 30, 59):
        found = after(second, second, minutes)
        assert found.seconds == second
        assert found.recent["response"].total == second


@pytest.mark.parametrize("apart_s", [0.1, 1.0, 7.0, 60.0])
def test_it_is_a_minute_and_little_more_afterwards(apart_s: float) -> None:
    minutes = LastMinute()
    for step in range(1 + int(300 / apart_s)):
        at_s = step * apart_s
        found = after(at_s, int(at_s), minutes)
        if at_s >= 70:
            assert 60 <= found.seconds <= 65 + 2 * apart_s
            assert found.recent["response"].total == pytest.approx(found.seconds, abs=1)
            assert found.recent["response"].quantile_ns(0.01) > 1e6 * (at_s - found.seconds)
        assert len(minutes._kept) <= 15
