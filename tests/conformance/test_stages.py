"""The probe against ground truth: a service that says how long it waited, stage by stage."""

from __future__ import annotations

import pytest

from socklat_gate.measured.records import SUMS
from socklat_gate.probe.probe import SocketProbe
from tests.conformance.lab import Family, Lab
from tests.conformance.record import Compared, note
from tests.conformance.stand import EMULATED
from tests.conformance.trial import Delays, Measured, Trial, drive, trickle

pytestmark = [pytest.mark.kernel, pytest.mark.row]

REQUESTS = 211  # prime, so that no counting twice or by halves can hit it
CONNECTIONS = 7
BUCKET = 1.008  # a histogram's bucket is 0.78% wide
SLACK_NS = 100_000
QUANTILES = {"p50": 0.5, "p99": 0.99}
CASES: list[tuple[Family, Delays]] = [
    ("mapped", Delays(0, 0)),
    ("mapped", Delays(2000, 0)),
    ("v4", Delays(0, 3000)),
    ("v6", Delays(1500, 2500)),
    ("mapped", Delays(0, 20_000)),
]


@pytest.mark.parametrize(
    ("family", "delays"),
    CASES,
    ids=lambda v: v if isinstance(v, str) else f"{v.before_read_us}-{v.before_response_us}us",
)
def test_stages_are_what_the_service_waited(
    lab: Lab, probe: SocketProbe, family: Family, delays: Delays
) -> None:
    with Trial(lab, probe, delays, family) as trial:
        drive(trial.endpoint, REQUESTS, CONNECTIONS)
        measured = trial.finish()
    for stage, quantiles in compared(measured).items():
        note(stage, quantiles)
    assert_counts_are_exact(measured, REQUESTS, CONNECTIONS)
    assert_sums_add_up(measured)
    assert_stages_are_true(measured, delays)


def assert_counts_are_exact(measured: Measured, requests: int, connections: int) -> None:
    counters = measured.reading.counters
    assert measured.truth.responses == requests
    assert counters["seen"] == counters["recorded"] == requests
    assert counters["connections"] == connections
    assert counters["adopted"] == counters["overlapped"] == counters["unread"] == 0
    assert counters["no_response"] == counters["pending"] == counters["clamped_clock"] == 0


def assert_sums_add_up(measured: Measured) -> None:
    bands = measured.reading.bands
    sums = dict(zip(bands.stages, bands.sums_ns.T, strict=True))
    for whole, parts in SUMS.items():
        assert (sums[whole] == sum(sums[part] for part in parts)).all()
        assert measured.reading.histograms[whole].total == bands.count.sum()
    assert bands.count.sum() == measured.reading.counters["recorded"]


def assert_stages_are_true(measured: Measured, delays: Delays) -> None:
    """Between the service's own bounds at p50 and p99; medians within 2% + 100 us of the truth.

    The bounds hold exchange by exchange, so at every quantile and however busy the CPUs are; the
    second holds where a system call is short against 100 us, which under emulation it is not.
    """
    truth_ns = measured.truth.stages_ns
    assert measured.truth.unstamped == 0
    assert truth_ns["recv_wait"]["least"]["p50"] >= delays.before_read_us * 1000
    assert truth_ns["app"]["least"]["p50"] >= delays.before_response_us * 1000
    for stage, bounds_ns in truth_ns.items():
        for name, quantile in QUANTILES.items():
            stage_ns = measured.reading.histograms[stage].quantile_ns(quantile)
            assert bounds_ns["least"][name] <= stage_ns * BUCKET, (stage, name)
            assert stage_ns <= bounds_ns["most"][name] * BUCKET, (stage, name)
        if EMULATED:
            continue
        p50_ns = measured.reading.histograms[stage].quantile_ns(0.5)
        assert p50_ns <= bounds_ns["true"]["p50"] * 1.02 + SLACK_NS, stage


def compared(measured: Measured) -> dict[str, dict[str, Compared]]:
    return {
        stage: {
            name: {
                "least_ns": bounds_ns["least"][name],
                "most_ns": bounds_ns["most"][name],
                "measured_ns": measured.reading.histograms[stage].quantile_ns(quantile),
            }
            for name, quantile in QUANTILES.items()
        }
        for stage, bounds_ns in measured.truth.stages_ns.items()
    }


def test_requests_of_many_segments_are_one_exchange_each(lab: Lab, probe: SocketProbe) -> None:
    requests, length = 53, 100_000
    # All segments have arrived when the reading begins, so that nothing looks like an overlap.
    with Trial(lab, probe, Delays(before_read_us=15_000, length=length)) as trial:
        drive(trial.endpoint, requests, CONNECTIONS, length)
        measured = trial.finish()
    counters = measured.reading.counters
    assert measured.truth.responses == requests
    assert counters["seen"] == counters["recorded"] == requests


@pytest.mark.parametrize("family", ["mapped", "v6"])
def test_segments_of_one_byte_are_one_exchange_a_request(
    lab: Lab, probe: SocketProbe, family: Family
) -> None:
    requests = 23
    with Trial(lab, probe, Delays(before_read_us=20_000, length=13), family) as trial:
        trickle(trial.endpoint, requests, length=13)
        measured = trial.finish()
    assert_counts_are_exact(measured, requests, connections=1)


def test_segments_after_the_first_read_are_the_same_request_s(lab: Lab, probe: SocketProbe) -> None:
    requests = 23
    with Trial(lab, probe, Delays(length=13)) as trial:
        trickle(trial.endpoint, requests, length=13, after_first_s=0.005)
        measured = trial.finish()
    assert_counts_are_exact(measured, requests, connections=1)
    assert measured.reading.histograms["upload"].total == requests
    assert measured.reading.histograms["upload"].quantile_ns(0.01) >= 5_000_000
