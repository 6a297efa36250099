"""Each exchange gets the name of its request: the built-in driver's mix against a known service."""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from socklat_gate.job.join_check import check_joined
from socklat_gate.job.named_requests import NamedRequests, request_shares, traffic_of
from socklat_gate.load.load_driver import Endpoint, Window
from socklat_gate.load.process import make_load
from socklat_gate.measured.load_counts import LoadCounts
from socklat_gate.measured.records import Records
from socklat_gate.measured.run import Run
from socklat_gate.probe.probe import SocketProbe
from socklat_gate.scenario import Load
from socklat_gate.stalls.correction import correct_stalls
from tests.conformance.lab import Lab
from tests.conformance.stand import (
    EMULATED,
    PORT,
    assert_balanced,
    await_listening,
    eventually,
    open_connections,
    running,
)
from tests.services.named import LENGTH, frame

pytestmark = [pytest.mark.kernel, pytest.mark.beside]

SERVER = Path(__file__).parents[1] / "services" / "named.py"
WAITS_US = {"quick": 0, "slow": 4000, "rare": 12_000}
WEIGHTS = {"quick": 7.0, "slow": 2.5, "rare": 0.5}
CONNECTIONS = 16
RATE = 80.0 if EMULATED else 300.0  # what the service and the driver keep up with


def mix(**changes: Any) -> Load:
    requests = [
        {"name": name, "weight": WEIGHTS[name], "payload": frame("R", wait_us).decode()}
        for name, wait_us in WAITS_US.items()
    ]
    document = {
        "driver": "tcp",
        "response": LENGTH,
        "rate": RATE,
        "connections": CONNECTIONS,
        "duration_s": 2.0,
        "warmup_s": 0.5,
        "request": requests,
    }
    return Load.model_validate(document | changes)


@dataclass(frozen=True)
class Measured:
    window: Window
    sent: Records
    logged: Records
    stalls: Records
    counts: LoadCounts
    counters: Mapping[str, int]

    def named(self, load: Load, *, sampled: bool = False) -> NamedRequests:
        shares = request_shares(load)
        return NamedRequests.of(shares, [self.logged], self.sent, self.window, sampled=sampled)

    def run(self, named: NamedRequests, probe: SocketProbe) -> Run:
        window = (self.window.from_ns, self.window.to_ns)
        correction = correct_stalls(
            [self.logged], self.stalls, *window, probe.stages, named=named.for_correction()
        )
        whole: Any = correction.corrected[0]
        bare = Run("", "", whole.histograms, whole.bands, self.counters, self.counts, 1.0)
        return named.add_to(bare, 0, correction, probe.stages)


@contextmanager
def service(lab: Lab, *options: str) -> Iterator[None]:
    with running(lab.run_inside(sys.executable, "-P", str(SERVER), str(PORT), *options)) as process:
        await_listening(process, PORT)
        yield


def measure(lab: Lab, probe: SocketProbe, load: Load, log_mask: int = 0) -> Measured:
    """What a gate does with one arm."""
    probe.drain()
    probe.watch(0, lab.netns_inode, PORT, apart=True)
    logs = []
    try:
        probe.record_between(0, 0, 0, traffic=traffic_of(load))
        with make_load(load, [Endpoint(lab.inside4, PORT)], 7, "request", 100.0) as driver:
            driver.connect()
            window = driver.start(time.monotonic_ns() + 150_000_000)
            traffic = traffic_of(load)
            probe.record_between(0, window.from_ns, window.to_ns, 1, log_mask, traffic)
            window = driver.end_at(window.from_ns + round(load.duration_s * 1e9))
            probe.record_between(0, window.from_ns, window.to_ns, 1, log_mask, traffic)
            (counts,) = driver.wait(poll=lambda: logs.append(probe.drain()))
            sent = driver.sent()
        eventually(lambda: not open_connections(probe, lab.netns_inode))
        logs.append(probe.drain())
        counters = dict(probe.read(0).counters)
    finally:
        probe.forget(0)
    assert sent is not None
    assert_balanced(counters)
    exchanges, stalls = (np.concatenate(parts) for parts in zip(*logs, strict=True))
    return Measured(window, sent, exchanges, stalls, counts, counters)


def kinds_logged(measured: Measured) -> Counter[int]:
    """How many logged exchanges each kind has: of the request with their port and ordinal.

    Of several, as a port can be used again, the latest that was sent before the exchange began.
    """
    sent: dict[tuple[int, int], list[tuple[int, int]]] = {}
    for row in np.sort(measured.sent, order="sent_ns"):
        place = int(row["port"]), int(row["ordinal"])
        sent.setdefault(place, []).append((int(row["sent_ns"]), int(row["kind"])))
    found: Counter[int] = Counter()
    for row in measured.logged:
        of_place = sent[int(row["peer_port"]), int(row["ordinal"])]
        (*_, kind) = (kind for at_ns, kind in of_place if at_ns <= row["rx_first_ns"])
        found[kind] += 1
    return found


def assert_exact(measured: Measured, run: Run) -> None:
    """As many of each name as were sent, and none that was faster than its request allows."""
    assert run.join is not None
    assert run.join.joined == run.join.logged == measured.logged.size
    assert np.all(measured.logged["rx_first_ns"] >= measured.window.from_ns)
    known = kinds_logged(measured)
    for kind, (name, wait_us) in enumerate(WAITS_US.items()):
        stages = run.requests[name]
        assert stages.exchanges == stages.histograms["response"].total == known[kind] > 0
        assert stages.histograms["app"].quantile_ns(0.0) * 1.01 >= wait_us * 1000
        assert stages.bands is not None
        assert stages.bands.count.sum() == stages.exchanges
    if EMULATED:
        return  # whose own time can be longer than any wait
    # The quick ones are none of the others.
    assert run.requests["quick"].histograms["app"].quantile_ns(0.5) < WAITS_US["slow"] * 1000


@pytest.mark.parametrize(
    ("options", "changes"),
    [
        ((), {}),
        (("7",), {}),
        (("1",), {}),
        ((), {"keep_alive": False}),
        ((), {"connections": 1, "max_connections": 64}),
        ((), {"workers": 2}),
        (("7",), {"workers": 3}),
        ((), {"workers": 2, "keep_alive": False}),
        ((), {"workers": 2, "connections": 2, "max_connections": 64}),
    ],
    ids=[
        *("kept", "closed-every-7", "closed-every-1", "not-kept", "grown"),
        *("two-workers", "closed-by-three", "not-kept-by-two", "two-that-grow"),
    ],
)
def test_each_name_has_its_own_exchanges(
    lab: Lab, probe: SocketProbe, options: tuple[str, ...], changes: dict[str, Any]
) -> None:
    load = mix(**changes)
    with service(lab, *options):
        measured = measure(lab, probe, load)
    named = measured.named(load)
    run = measured.run(named, probe)
    check_joined("candidate", run, named.joined[0], missed=0)
    assert_exact(measured, run)
    assert named.joined[0].miscounted == 0
    assert named.joined[0].join.mismatched == 0
    # What is sent to a service that is closing reaches no socket, or ends what is on its way back.
    lost = (measured.counts.no_response_total or 0) if options else 0
    responded = measured.counters["recorded"] + measured.counters["filtered"]
    assert 0 <= responded - measured.counts.responded_total <= lost
    unseen = named.joined[0].unseen
    assert unseen is not None
    if not EMULATED:  # where what is sent at the window's end arrives much later
        assert sum(unseen) <= lost
    ports = set(measured.logged["peer_port"].tolist())
    assert ports <= set(measured.sent["port"].tolist())
    if options:
        assert len(ports) > CONNECTIONS


@pytest.mark.parametrize("workers", [1, 2])
def test_the_kernel_counts_what_all_workers_count(
    lab: Lab, probe: SocketProbe, workers: int
) -> None:
    """Exactly: each worker's requests are on connections that the join finds by their ports."""
    load = mix(workers=workers, rate=2.0 * RATE if EMULATED else 2000.0)
    with service(lab):
        measured = measure(lab, probe, load)
    counts, counters = measured.counts, measured.counters
    assert counts.sent == counts.responded == counts.planned > 1.5 * load.rate
    assert counters["recorded"] + counters["filtered"] == counts.responded_total
    assert measured.sent.size == counts.responded_total
    # Connections that are opened while requests wait can come too late for any.
    assert CONNECTIONS <= np.unique(measured.sent["port"]).size <= CONNECTIONS + counts.grown
    joined = measured.named(load).joined[0]
    assert joined.join.joined == joined.join.logged == measured.logged.size
    assert (joined.miscounted, joined.join.mismatched) == (0, 0)
    assert counters["seen"] == measured.sent.size
    if not EMULATED:
        assert joined.unseen == (0, 0, 0)


def test_a_sampled_log_has_the_same_names(lab: Lab, probe: SocketProbe) -> None:
    load = mix()
    with service(lab, "7"):
        measured = measure(lab, probe, load, log_mask=3)
    named = measured.named(load, sampled=True)
    run = measured.run(named, probe)
    check_joined("candidate", run, named.joined[0], missed=0)
    assert 0 < measured.logged.size < measured.counters["recorded"]
    assert named.joined[0].miscounted == 0
    for name, wait_us in WAITS_US.items():
        if run.requests[name].exchanges:
            least_ns = run.requests[name].histograms["app"].quantile_ns(0.0)
            assert least_ns * 1.01 >= wait_us * 1000
