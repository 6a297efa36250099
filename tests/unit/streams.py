"""Runs of connections with several streams, as a measurement makes them, from simulated calls."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from socklat_gate.job.driver_clock import DriverClock
from socklat_gate.load.load_driver import Window
from socklat_gate.measured.histogram import Histogram
from socklat_gate.measured.load_counts import Answers, LoadCounts, RequestCounts, StreamCounts
from socklat_gate.measured.pair import Pair
from socklat_gate.measured.records import CALL, STALL, Records
from socklat_gate.measured.run import Run
from tests.unit.factories import make_pair, make_run

MS = 1_000_000
S = 1_000_000_000
WINDOW = Window(0, S, 11 * S)
RATE = 1000
NO_STALLS = np.zeros(0, STALL)


def make_calls(
    seed: int = 1, scale: float = 1.0, arm: int = 0, names: int = 1, window: Window = WINDOW
) -> Records:
    """`RATE` requests a second of about 1 ms times ``scale``, the warm-up included."""
    rng = np.random.default_rng(seed)
    n = RATE * (window.to_ns - window.start_ns) // S
    calls = np.zeros(n, CALL)
    calls["due_ns"] = np.sort(rng.integers(window.start_ns, window.to_ns, n))
    calls["sent_ns"] = calls["due_ns"] + 20_000
    calls["done_ns"] = calls["due_ns"] + (scale * rng.lognormal(np.log(1e6), 0.3, n)).astype("i8")
    calls["kind"] = rng.integers(0, names, n)
    calls["arm"] = arm
    return calls


def make_clock(*calls: Records, shares: dict[str, float] | None = None) -> DriverClock:
    return DriverClock.of(np.concatenate(calls), len(calls), WINDOW, shares or {})


def make_load_of(calls: Records, names: tuple[str, ...] = (), allowed: int = 16) -> LoadCounts:
    """What `load.request_counts` makes of them."""
    inside = calls[(calls["due_ns"] >= WINDOW.from_ns) & (calls["due_ns"] < WINDOW.to_ns)]
    whole = _counts(inside)
    done = int(np.count_nonzero(calls["done_ns"]))
    return LoadCounts(
        planned=whole.planned,
        sent=whole.sent,
        starved=0,
        responded=whole.responded,
        errors=whole.errors,
        responded_total=done,
        late_p99_ns=60_000,
        lag_p99_ns=70_000,
        client=whole.client,
        answers=replace(whole.answers, opened=4),
        no_response_total=int(np.count_nonzero(calls["sent_ns"])) - done,
        requests={name: _counts(inside[inside["kind"] == at]) for at, name in enumerate(names)},
        streams=StreamCounts(16, allowed, min(9, allowed)),
    )


def _counts(calls: Records) -> RequestCounts:
    responded = calls[calls["done_ns"] > 0]
    lost = int(calls.size - responded.size)
    answers = Answers(
        {"200": int(responded.size)},
        Histogram.of([180] * responded.size),
        {"reset": lost} if lost else {},
        0,
        0,
    )
    times = Histogram.of(responded["done_ns"] - responded["due_ns"])
    return RequestCounts(calls.size, calls.size, int(responded.size), lost, times, answers)


def make_stream_pair(
    index: int,
    ours: float = 1.0,
    shares: dict[str, float] | None = None,
    spike_ns: int = 0,
    stalls: Records = NO_STALLS,
) -> Pair:
    """A candidate of ``ours`` times the baseline's latencies."""
    names = tuple(shares or {})
    n = max(1, len(names))
    both = [make_calls(2 * index + arm, scale, arm, n) for arm, scale in enumerate((1.0, ours))]
    return pair_of_calls(index, *both, shares=shares, spike_ns=spike_ns, stalls=stalls)


def pair_of_calls(
    index: int,
    baseline: Records,
    candidate: Records,
    shares: dict[str, float] | None = None,
    spike_ns: int = 0,
    stalls: Records = NO_STALLS,
) -> Pair:
    clock = make_clock(baseline, candidate, shares=shares)
    correction = clock.correct(stalls, [0], WINDOW.to_ns, 0)
    runs: list[Run] = []
    for arm, calls in enumerate((baseline, candidate)):
        kernel = make_run(7)
        run = replace(
            kernel,
            load=make_load_of(calls, tuple(shares or {})),
            corrected=correction.corrected[arm],
            counters={**kernel.counters, "connections": 4, "overlapped": 77},
            window_from_ns=WINDOW.from_ns,
            cpu_ns=1_000_000_000,
            cpu_exchanges=clock.sent_between(arm, WINDOW.from_ns, WINDOW.to_ns),
        )
        runs.append(clock.add_to(run, arm, correction, spike_ns))
    return replace(make_pair(index), baseline=runs[0], candidate=runs[1], excluded=None)
