from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from socklat_gate.job import replica_log as module
from socklat_gate.job.replica_log import SLICE_NS, ReplicaLog
from socklat_gate.measured.records import EXCHANGE, EXCHANGE_STAGES
from socklat_gate.service.cpu_time import CpuUse

MS = 1_000_000
S = 1_000_000_000
FROM_NS = 100 * S


class Container:
    """Uses a tenth of a CPU, and as much memory as it is old."""

    def __init__(self) -> None:
        self.age_s = 0

    def read(self) -> CpuUse:
        return CpuUse(self.age_s * S // 10, None, 0)


@pytest.fixture
def container(monkeypatch: pytest.MonkeyPatch) -> Container:
    container = Container()
    monkeypatch.setattr(module, "CpuMeter", lambda pid: container)
    monkeypatch.setattr(module, "memory_bytes", lambda pid: 1000 + container.age_s)
    return container


def rows(*begun_and_took: tuple[float, float]) -> Any:
    """``EXCHANGE`` rows: when each began, in s after the load did, and how long it took, in ms."""
    found = np.zeros(len(begun_and_took), EXCHANGE)
    for row, (begun_s, took_ms) in zip(found, begun_and_took, strict=True):
        took_ns = round(took_ms * MS)
        row["rx_first_ns"] = FROM_NS + round(begun_s * S)
        row["ns"][EXCHANGE_STAGES.index("response")] = took_ns
        row["ns"][EXCHANGE_STAGES.index("app")] = took_ns // 4
        row["ns"][EXCHANGE_STAGES.index("upload")] = 7
        for stage in ("response", "app"):
            row["measured"] |= 1 << EXCHANGE_STAGES.index(stage)
        row["cpu"] = 3
    return found


def log() -> ReplicaLog:
    arm: Any = SimpleNamespace(arm="candidate", replica=2, pid=7)
    return ReplicaLog(arm, started_ns=90 * S, from_ns=FROM_NS, spike_ns=50 * MS)


def test_what_is_slow_is_kept_and_what_was_before_the_load_is_not(container: Container) -> None:
    one = log()
    one.take(rows((3.0, 800.0), (-0.001, 900.0), (1.0, 49.9), (2.0, 50.0)))
    one.take(rows((1.5, 60.0)))
    replica = one.replica(FROM_NS + 5 * S)
    assert (replica.arm, replica.number, replica.exchanges) == ("candidate", 2, 4)
    assert (replica.started_ns, replica.from_ns, replica.to_ns) == (
        90 * S,
        FROM_NS,
        FROM_NS + 5 * S,
    )
    assert [spike.length_ns for spike in replica.spikes] == [60 * MS, 50 * MS, 800 * MS]
    longest = replica.spikes[-1]
    assert longest.rx_first_ns == FROM_NS + 3 * S
    # Zeros of these the kernel does not count as measured; what it did not measure is left out.
    assert longest.stages_ns == {
        "response": 800 * MS,
        "app": 200 * MS,
        "respond": 0,
        "send_wait": 0,
    }
    assert (longest.cpu, longest.peer) == (3, "")


def test_slices_have_what_came_in_them_however_late(container: Container) -> None:
    one = log()
    one.take(rows((1.0, 1.0), (2.0, 3.0)))
    for age_s in range(1, 26):
        container.age_s = age_s
        one.poll(FROM_NS + age_s * S)
    one.take(rows((9.9, 2.0), (12.0, 9.0)))
    first, second = one.replica(FROM_NS + 26 * S).slices
    assert (first.from_ns, first.to_ns) == (FROM_NS, FROM_NS + SLICE_NS)
    assert (second.from_ns, second.to_ns) == (first.to_ns, FROM_NS + 2 * SLICE_NS)
    assert (first.exchanges, second.exchanges) == (3, 1)
    assert first.p50_ns == 2 * MS
    assert (first.cpu_ns, second.cpu_ns) == (S, S)
    assert (first.memory_bytes, second.memory_bytes) == (1010, 1020)


def test_a_slice_without_exchanges_has_no_quantiles(container: Container) -> None:
    one = log()
    one.poll(FROM_NS + SLICE_NS)
    (only,) = one.replica(FROM_NS + SLICE_NS).slices
    assert only.exchanges == 0
    assert math.isnan(only.p50_ns)
    assert math.isnan(only.p99_ns)


def test_an_account_that_is_hidden_is_not_known(
    container: Container, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(container, "read", lambda: None)
    monkeypatch.setattr(module, "memory_bytes", lambda pid: None)
    one = log()
    one.poll(FROM_NS + SLICE_NS)
    (only,) = one.replica(FROM_NS + SLICE_NS).slices
    assert (only.cpu_ns, only.memory_bytes) == (None, None)


def test_slices_are_the_same_however_often_they_are_asked_for(container: Container) -> None:
    """Exchanges come late and out of order: a connection tells of one when it is used again."""
    rng = np.random.default_rng(3)
    begun_s = rng.uniform(0, 60, 400)
    late = rng.permutation(begun_s)
    once, often = log(), log()
    for step in range(1, 61):
        arrived = late[(step - 1) * 400 // 60 : step * 400 // 60]
        for one in (once, often):
            one.take(rows(*((at_s, 1 + at_s % 7) for at_s in arrived)))
            one.poll(FROM_NS + step * S)
        often.replica(FROM_NS + step * S)
    asked = [one.replica(FROM_NS + 60 * S) for one in (once, often)]
    assert asked[0] == asked[1]
    whole = asked[0].slices
    assert [one.exchanges for one in whole] == [
        int(((begun_s >= at) & (begun_s < at + 10)).sum()) for at in range(0, 60, 10)
    ]
    took = [1 + at_s % 7 for at_s in begun_s if 20 <= at_s < 30]
    assert whole[2].p50_ns == pytest.approx(np.quantile(took, 0.5) * MS, abs=2)


def test_of_what_is_kept_no_longer_nothing_is_left(container: Container) -> None:
    one = log()
    one.take(rows((1.0, 60.0), (2.0, 800.0)))
    one.keep_from(100 * MS)
    one.take(rows((3.0, 99.0), (4.0, 100.0)))
    replica = one.replica(FROM_NS + 5 * S)
    assert [spike.length_ns for spike in replica.spikes] == [800 * MS, 100 * MS]
    assert (replica.exchanges, one.kept) == (4, 2)
    assert one.took_ns.tolist() == [60 * MS, 800 * MS, 99 * MS, 100 * MS]
