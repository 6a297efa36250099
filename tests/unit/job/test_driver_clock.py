"""What takes the place of the kernel's exchanges where a connection has several streams."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from socklat_gate.errors import InvalidMeasurement, Reason
from socklat_gate.job.completeness import completeness_of
from socklat_gate.job.driver_clock import check_connections, expected_calls
from socklat_gate.measured.names import REQUEST_STAGES
from socklat_gate.probe.probe import SPIKE_BUDGET
from tests.unit.factories import make_run
from tests.unit.stalls.simulated import fifo, stalls_at
from tests.unit.streams import (
    MS,
    WINDOW,
    S,
    make_calls,
    make_clock,
    make_load_of,
    make_stream_pair,
    pair_of_calls,
)


def test_a_run_has_the_drivers_times_and_none_of_the_kernels_exchanges() -> None:
    calls = make_calls(1)
    pair = pair_of_calls(0, calls, make_calls(2, 2.0, 1))
    run = pair.baseline
    inside = calls[calls["due_ns"] >= WINDOW.from_ns]
    took_ns = inside["done_ns"] - inside["due_ns"]
    assert run.histograms["client"] == run.load.client
    assert run.histograms["client"].total == inside.size
    assert run.histograms["client"].quantile_ns(0.9) == pytest.approx(
        np.quantile(took_ns, 0.9), rel=0.01
    )
    assert not run.histograms.keys() & set(REQUEST_STAGES)
    assert run.bands.stages == ("client",)
    assert run.corrected is not None
    assert [*run.corrected.histograms] == [*run.corrected.used] == ["client"]
    assert run.corrected.bands.stages == ("client",)
    # Nobody's stalls: nothing is corrected.
    assert run.corrected.histograms["client"].quantile_ns(0.99) == pytest.approx(
        run.histograms["client"].quantile_ns(0.99)
    )
    assert pair.candidate.histograms["client"].quantile_ns(0.5) == pytest.approx(2e6, rel=0.03)


def test_counts_are_the_drivers_and_add_up() -> None:
    calls = make_calls(1)
    calls["done_ns"][::10] = 0  # no response
    calls["sent_ns"][::40] = 0  # nor sent
    run = pair_of_calls(0, calls, make_calls(2, arm=1)).baseline
    done = completeness_of([run], missed=0)
    assert done.balanced
    assert done.seen == calls.size - calls.size // 40
    assert done.recorded == run.load.responded
    assert done.recorded + done.filtered == done.responded_by_driver
    assert done.no_response == run.load.no_response_total
    assert (done.overlapped, done.mismatch) == (0, 0.0)


def test_cpu_time_is_divided_by_what_was_sent_meanwhile() -> None:
    calls = make_calls(1)
    calls["sent_ns"][-100:] = 0
    clock = make_clock(calls)
    assert clock.sent_between(0, 1, 2**62) == calls.size - 100
    sent = calls["sent_ns"]
    expected = np.count_nonzero((sent >= 2 * S) & (sent < 5 * S))
    assert clock.sent_between(0, 2 * S, 5 * S) == expected


def test_slow_requests_are_spikes_by_the_baselines_warm_up() -> None:
    baseline, candidate = make_calls(1), make_calls(2, 5.0, 1)
    clock = make_clock(replaced(candidate, arm=0), replaced(baseline, arm=1))
    spike_ns = clock.spike_ns([1], 3.0)  # the baseline has slot 1
    warm = baseline[baseline["due_ns"] < WINDOW.from_ns]
    p99 = np.quantile(warm["done_ns"] - warm["due_ns"], 0.99, method="higher")
    assert spike_ns == int(3.0 * p99)
    pair = pair_of_calls(0, baseline, candidate, spike_ns=spike_ns)
    took_ns = pair.candidate.histograms["client"]
    run = pair.candidate
    assert run.spike_threshold_ns == spike_ns
    assert len(run.spikes) == min(SPIKE_BUDGET, run.counters["spikes"]) > 0
    assert run.counters["spikes_sent"] == len(run.spikes)
    assert all(spike_ns <= spike.length_ns <= took_ns.max_ns() for spike in run.spikes)
    assert all(WINDOW.from_ns <= spike.rx_first_ns < WINDOW.to_ns for spike in run.spikes)


def replaced(calls: np.ndarray, **members: int) -> np.ndarray:
    calls = calls.copy()
    for name, value in members.items():
        calls[name] = value
    return calls


def test_without_a_warm_up_there_is_no_threshold_and_no_spike() -> None:
    calls = make_calls(1)
    clock = make_clock(calls[calls["due_ns"] >= WINDOW.from_ns])
    assert clock.spike_ns([0], 3.0) == 0
    run = pair_of_calls(0, calls, make_calls(2, arm=1)).baseline
    assert run.spikes == ()
    assert run.counters["spikes"] == 0


def test_names_have_their_own_times_and_spikes() -> None:
    shares = {"cart": 0.75, "buy": 0.25}
    calls = make_calls(1, names=2)
    buying = calls["kind"] == 1
    calls["done_ns"][buying] += 10 * MS
    run = pair_of_calls(0, calls, make_calls(2, 1.0, 1, 2), shares, 5 * MS).baseline
    cart, buy = run.requests["cart"], run.requests["buy"]
    assert cart.histograms["client"] == run.load.requests["cart"].client
    assert buy.histograms["client"] == run.load.requests["buy"].client
    assert (cart.weight, buy.weight) == (0.75, 0.25)
    assert buy.spikes == buy.exchanges == len(run.spikes) or buy.spikes > SPIKE_BUDGET
    assert cart.spikes == 0
    assert {spike.request for spike in run.spikes} == {"buy"}
    assert run.join is None
    # Half of the calls were of each, and the whole has the scenario's shares.
    assert run.corrected is not None
    whole = run.corrected.histograms["client"]
    assert whole.quantile_ns(0.74) < 5 * MS < whole.quantile_ns(0.76)


def test_stalls_of_the_machine_are_corrected_for_as_of_exchanges() -> None:
    rng = np.random.default_rng(3)
    begins = np.arange(0, 11 * S, 20 * MS) + rng.integers(0, 10 * MS, 550)
    ends = begins + 3 * MS
    both = []
    for arm in (0, 1):
        calls = make_calls(arm, arm=arm)
        latency_ns = fifo(calls["due_ns"], np.full(calls.size, MS // 5), begins, ends)
        calls["done_ns"] = calls["due_ns"] + latency_ns
        both.append(calls)
    calm = fifo(both[0]["due_ns"], np.full(both[0].size, MS // 5), begins[:0], ends[:0])
    stalls = stalls_at(begins, ends)
    run = pair_of_calls(0, *both, stalls=stalls).baseline
    assert run.corrected is not None
    corrected = run.corrected.histograms["client"].quantile_ns(0.9)
    assert corrected == pytest.approx(np.quantile(calm, 0.9), rel=0.1)
    assert run.histograms["client"].quantile_ns(0.9) > 3 * corrected


def test_what_is_expected_while_the_load_runs_has_no_latency_of_an_arm() -> None:
    calls = expected_calls(100.0, 2, S, 3 * S, 5 * MS)
    assert calls.size == 2 * 200
    clock = make_clock(calls[calls["arm"] == 0], calls[calls["arm"] == 1])
    begins = np.arange(S, 3 * S, 100 * MS)
    correction = clock.correct(stalls_at(begins, begins + 25 * MS), [0], 3 * S, 0)
    # A quarter is in a stall, as long a backlog follows, and 5 ms before the next are too few.
    assert correction.undisturbed(1, "client") == pytest.approx(200 * 0.45, rel=0.15)
    assert correction.measured(1, "client") == 200


def test_every_connection_of_the_driver_is_one_that_the_kernel_saw() -> None:
    run = make_stream_pair(0).baseline
    check_connections("candidate", run, missed=0)
    more = replace(run, counters={**run.counters, "connections": 9})  # a health check
    check_connections("candidate", more, missed=0)
    fewer = replace(run, counters={**run.counters, "connections": 3})
    check_connections("candidate", fewer, missed=1)
    with pytest.raises(InvalidMeasurement, match="opened 4 connections, and the kernel") as raised:
        check_connections("candidate", fewer, missed=0)
    assert raised.value.reason is Reason.COUNT_MISMATCH
    assert raised.value.remedy


def test_without_stalls_watched_nothing_is_corrected_and_names_are_known() -> None:
    calls = make_calls(1, names=2)
    clock = make_clock(calls, shares={"cart": 0.5, "buy": 0.5})
    run = replace(make_run(1), load=make_load_of(calls, ("cart", "buy")), corrected=None)
    found = clock.add_to(run, 0, None, 0)
    assert found.corrected is None
    assert found.requests["buy"].corrected is None
    assert found.requests["buy"].histograms["client"].total == found.requests["buy"].exchanges > 0


def test_arrivals_are_when_requests_were_sent_whatever_became_of_them() -> None:
    calls = make_calls(1)
    calls["done_ns"][::2] = 0
    (found,) = make_clock(calls).arrivals()
    sent = calls["sent_ns"]
    inside = sent[(sent >= WINDOW.from_ns) & (sent < WINDOW.to_ns)]
    assert np.array_equal(found["rx_first_ns"], inside)
