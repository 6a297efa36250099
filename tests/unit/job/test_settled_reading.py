"""When a run's reading is final: exchanges with a response are waited for, others hardly."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from socklat_gate.job.settled_reading import OPEN_WITHIN_S, RESPONDING_WITHIN_S, settled_reading
from socklat_gate.measured.run import Bands
from socklat_gate.probe.reading import Reading

NO_BANDS = Bands((), np.zeros(0, np.uint64), np.zeros((0, 0), np.uint64))
BALANCED = dict.fromkeys(("seen", "filtered", "no_response", "dropped_map_full"), 0)
EMPTY = Reading({}, NO_BANDS, {**BALANCED, "seen": 9, "recorded": 9, "pending": 0}, {}, ())


class Machine:
    """A probe, and the time: exchanges are open until ``ends_s``, ``responding`` of them."""

    def __init__(self, ends_s: float, pending: int, responding: int) -> None:
        self.time_s = 100.0
        self.ends_s = self.time_s + ends_s
        counters = {**EMPTY.counters, "recorded": 9 - pending, "pending": pending}
        self.reading = replace(EMPTY, counters=counters, responding=responding)

    def read(self, slot: int) -> Reading:
        assert slot == 1
        return self.reading if self.time_s < self.ends_s else EMPTY

    def now_s(self) -> float:
        return self.time_s

    def sleep(self, for_s: float) -> None:
        self.time_s += for_s

    def settled(self) -> tuple[int, float]:
        """What is open in the reading that counts, and when that was."""
        reading = settled_reading(self, 1, self.now_s, self.sleep)  # type: ignore[arg-type]
        return reading.counters["pending"], self.time_s - 100.0


@pytest.mark.parametrize(
    ("ends_s", "pending", "responding", "is_open", "after_s"),
    [
        (0.0, 3, 3, 0, 0.0),
        (0.3, 3, 0, 0, 0.3),
        (2.0, 3, 1, 0, 2.0),
        (2.0, 3, 0, 3, OPEN_WITHIN_S),
        (60.0, 3, 1, 3, RESPONDING_WITHIN_S),
    ],
)
def test_exchanges_with_a_response_are_waited_for(ends_s, pending, responding, is_open, after_s):
    left, waited_s = Machine(ends_s, pending, responding).settled()
    assert left == is_open
    assert waited_s == pytest.approx(after_s, abs=0.05)


def test_what_ended_between_two_maps_is_read_again() -> None:
    """Its histogram was read before that, the open exchanges after it."""
    machine = Machine(0.04, 0, 0)
    machine.reading = replace(EMPTY, counters={**EMPTY.counters, "recorded": 8})
    reading = settled_reading(machine, 1, machine.now_s, machine.sleep)  # type: ignore[arg-type]
    assert reading.counters["recorded"] == 9
