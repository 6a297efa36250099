"""Whose exchanges they are, and how many of a slow service's are kept."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from socklat_gate.job import replica_logs as module
from socklat_gate.job.replica_log import ReplicaLog
from socklat_gate.job.replica_logs import ReplicaLogs
from socklat_gate.measured.records import EXCHANGE

MS = 1_000_000
FLOOR_NS = 50 * MS
SLOTS: Any = {"baseline": 2, "candidate": 3}
INODES = {"baseline": 0xF0010007, "candidate": 0xF0020007}
"""The same in the log: the slot tells them apart."""


@pytest.fixture
def logs(monkeypatch: pytest.MonkeyPatch) -> ReplicaLogs:
    monkeypatch.setattr(module, "MANY", 100)
    found = ReplicaLogs(SLOTS, FLOOR_NS)
    for arm, inode in INODES.items():
        replica: Any = SimpleNamespace(arm=arm, replica=0, pid=1, netns_inode=inode)
        found.add(ReplicaLog(replica, 0, 0, found.spike_ns))
    return found


def rows(arm: str, took_ms: Any) -> Any:
    found = np.zeros(len(took_ms), EXCHANGE)
    found["target"], found["netns"] = SLOTS[arm], INODES[arm] & 0xFFFF
    found["rx_first_ns"] = 1
    found["ns"][:, 0] = np.round(np.asarray(took_ms) * MS)
    found["measured"] = 1
    return found


def kept(logs: ReplicaLogs) -> dict[str, int]:
    return {one.arm.arm: one.kept for one in logs}


def test_few_are_all_kept(logs: ReplicaLogs) -> None:
    logs.take(rows("baseline", [1.0] * 500 + [60.0] * 50))
    logs.take(rows("candidate", [60.0] * 50))
    assert (kept(logs), logs.spike_ns) == ({"baseline": 50, "candidate": 50}, FLOOR_NS)
    assert [one.exchanges for one in logs] == [550, 50]


def test_of_a_slow_service_those_are_kept_that_are_slow_for_it(logs: ReplicaLogs) -> None:
    usual = np.linspace(80.0, 100.0, 1001)
    logs.take(np.concatenate([rows("baseline", usual), rows("candidate", [*usual, 800.0, 900.0])]))
    assert logs.spike_ns == pytest.approx(98 * MS, rel=0.001)
    assert kept(logs) == {"baseline": 101, "candidate": 103}
    before = logs.spike_ns
    logs.take(rows("baseline", usual[:50]))
    logs.take(rows("candidate", [99.0, 97.0]))
    assert (kept(logs), logs.spike_ns) == ({"baseline": 101, "candidate": 104}, before)


def test_for_hours_of_it_fewer_are_kept(logs: ReplicaLogs) -> None:
    usual = np.linspace(80.0, 100.0, 1001)
    for _ in range(20):
        for arm in SLOTS:
            logs.take(rows(arm, usual))
    assert logs.spike_ns == pytest.approx(99.8 * MS, rel=0.001)
    assert [one.exchanges for one in logs] == [20_020, 20_020]
    assert all(one < 600 for one in kept(logs).values())


def test_a_candidate_that_is_slow_alone_does_not_choose_what_is_kept(logs: ReplicaLogs) -> None:
    logs.take(rows("baseline", np.linspace(1.0, 2.0, 1000)))
    logs.take(rows("candidate", [800.0] * 1000))
    assert (kept(logs), logs.spike_ns) == ({"baseline": 0, "candidate": 1000}, FLOOR_NS)


def test_a_stop_of_the_baseline_does_not_hide_later_ones(logs: ReplicaLogs) -> None:
    """Ten in a thousand of its requests waited for it."""
    logs.take(rows("baseline", [5.0] * 990 + [800.0] * 10))
    logs.take(rows("candidate", [5.0] * 880 + [700.0] * 120))
    assert (kept(logs)["candidate"], logs.spike_ns) == (120, FLOOR_NS)


def test_what_nobody_watches_is_left_out(logs: ReplicaLogs) -> None:
    stranger = rows("baseline", [900.0])
    stranger["netns"] = 1
    of_pair = rows("baseline", [900.0])
    of_pair["target"] = 0
    logs.take(np.concatenate([stranger, of_pair]))
    assert [one.exchanges for one in logs] == [0, 0]
