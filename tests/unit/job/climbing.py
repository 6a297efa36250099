"""Services of known capacities for staircases, in place of containers and of a load driver."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from socklat_gate.load.load_driver import Endpoint
from socklat_gate.load.step import Step
from socklat_gate.measured.histogram import Histogram
from socklat_gate.measured.load_counts import Answers
from socklat_gate.service.arm import ArmSpec, RunningArm

PORTS = {"baseline": 1, "candidate": 2}
PLANNED = 1000


class FakeSession:
    """Starts nothing; the port says which arm it is."""

    running = 0
    opened = 0

    def __init__(self, *arguments: object) -> None:
        del arguments

    def __enter__(self) -> FakeSession:
        type(self).opened += 1
        return self

    def __exit__(self, *arguments: object) -> None:
        type(self).opened -= 1
        assert not type(self).running

    def start(self, specs: Sequence[ArmSpec]) -> tuple[RunningArm, ...]:
        type(self).running += 1
        return tuple(
            RunningArm(s.arm, "c", "n", 1, 1, "127.0.0.1", PORTS[s.arm], s.image) for s in specs
        )

    def stop(self) -> None:
        type(self).running = 0

    def check_alive(self) -> None:
        pass


@dataclass
class Services:
    """What the arms carry, with a noise of 3% in each step, and how else they behave.

    ``fast_errors`` of the arms: all above their capacity fails, at once.  ``status`` and
    ``size_bytes`` are what each responds with; ``on_step`` may raise.  ``tried`` and ``seeds`` are
    those of the steps, by arm.
    """

    capacity: Mapping[str, float]
    driver_late: frozenset[str] = frozenset()
    fast_errors: frozenset[str] = frozenset()
    status: Mapping[str, str] = field(default_factory=dict)
    size_bytes: Mapping[str, int] = field(default_factory=dict)
    on_step: Callable[[str, float], None] = lambda arm, rate: None
    tried: dict[str, list[float]] = field(default_factory=lambda: {arm: [] for arm in PORTS})
    seeds: dict[str, list[int]] = field(default_factory=lambda: {arm: [] for arm in PORTS})
    fresh: dict[str, list[bool]] = field(default_factory=lambda: {arm: [] for arm in PORTS})

    def install(self, monkeypatch: pytest.MonkeyPatch) -> None:
        rng = np.random.default_rng(5)
        arms = {port: arm for arm, port in PORTS.items()}

        def step(
            load: Any, where: Endpoint, rate: float, seed: int, ns: int, poll: Any, *, fresh: bool
        ) -> Step:
            del load, ns
            poll()
            arm = arms[where.port]
            self.on_step(arm, rate)
            self.fresh[arm].append(fresh)
            self.tried[arm].append(rate)
            self.seeds[arm].append(seed)
            carried = rate <= self.capacity[arm] * math.exp(rng.normal(0.0, 0.03))
            in_time = PLANNED if carried else PLANNED // 2
            errors = PLANNED // 2 if not carried and arm in self.fast_errors else 0
            late = arm in self.driver_late and not carried
            status, size = self.status.get(arm, "200"), self.size_bytes.get(arm, 1000)
            answers = Answers({status: in_time}, Histogram.of([size] * in_time), {}, 8, 0)
            return Step(rate, PLANNED, in_time, errors, late, 1e6, 3e6, {"": answers})

        monkeypatch.setattr("socklat_gate.job.capacity_rounds.ServiceSession", FakeSession)
        monkeypatch.setattr("socklat_gate.job.capacity_rounds.run_step", step)
