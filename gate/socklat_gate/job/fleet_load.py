"""The load of replicas: light, the same requests as the scenario's, as long as the job lasts."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from types import TracebackType

from socklat_gate.load.bounds import max_connections_of
from socklat_gate.load.load_driver import Endpoint, Window
from socklat_gate.load.process import LoadProcess
from socklat_gate.measured.load_counts import LoadCounts
from socklat_gate.scenario import Load, Scenario
from socklat_gate.scenario.watch import most_replicas
from socklat_gate.service.arm import RunningArm

__all__ = ["FleetLoad", "light_load", "most_connections"]

CONNECTIONS = 8
"""Of each replica: at 8 requests a second a stop of a second finds one free for each of them."""

LEAD_NS = 50_000_000
SHORTEST_S = 0.1
"""The load can be ended as soon as this."""


def light_load(load: Load, rate: float, longest_s: float) -> Load:
    """``[load]`` for one replica at ``rate``, which can be ended at any time up to ``longest_s``.

    One request a connection at a time: else the kernel could not tell exchanges apart.
    """
    return load.model_copy(
        update={
            "rate": rate,
            "connections": min(CONNECTIONS, load.connections),
            "duration_s": SHORTEST_S,
            "max_duration_s": max(SHORTEST_S, longest_s),
            "warmup_s": 0.0,
            "workers": 1,
            "streams": 1,
        }
    )


def most_connections(scenario: Scenario) -> int:
    """To all replicas of both arms together."""
    watch = scenario.gate.watch
    each = max_connections_of(light_load(scenario.load, watch.rate, SHORTEST_S))
    return 2 * most_replicas(watch) * each


class FleetLoad:
    """The load of replicas that were started together; a context manager.

    Raises `InvalidMeasurement` as `LoadProcess` does.
    """

    def __init__(self, load: Load, arms: Sequence[RunningArm], seed: int) -> None:
        endpoints = [Endpoint(arm.host, arm.port, arm.label) for arm in arms]
        self._process = LoadProcess(load, endpoints, seed)
        self._window = Window(0, 0, 0)

    def __enter__(self) -> FleetLoad:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._process.__exit__(kind, error, trace)

    @property
    def from_ns(self) -> int:
        """When it began (CLOCK_MONOTONIC)."""
        return self._window.from_ns

    @property
    def to_ns(self) -> int:
        """When it ends, or has ended."""
        return self._window.to_ns

    def pids(self) -> tuple[int, ...]:
        """Its processes."""
        return self._process.pids()

    def begin(self) -> None:
        """Connects and starts."""
        self._process.connect()
        self._window = self._process.start(time.monotonic_ns() + LEAD_NS)

    def listen(self) -> None:
        """To be called every few seconds while it runs."""
        self._process.listen()

    def end(self) -> None:
        """Sends no more from now on."""
        self._window = self._process.end_at(time.monotonic_ns())

    def counts(self, poll: Callable[[], None]) -> tuple[LoadCounts, ...]:
        """What the driver counted, by replica; waits for the last responses after `end`."""
        return self._process.wait(poll=poll)
