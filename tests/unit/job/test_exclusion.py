from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from socklat_gate.job import freezes
from socklat_gate.job.exclusion import (
    excess_missed,
    late_driver,
    missed_invocations,
    too_few_requests,
    too_few_undisturbed,
    too_much_steal,
)
from socklat_gate.scenario.gating import Gate
from socklat_gate.scenario.load import Load
from socklat_gate.service.arm import Companion
from socklat_gate.wording.notes import note_text
from tests.unit.factories import make_load, make_noise, make_run

LOAD = Load(payload="x", rate=100.0, duration_s=10.0, max_late_ms=100.0)


def test_a_late_driver_is_the_machines_fault():
    good = replace(make_load(), late_p99_ns=100_000_000)
    assert late_driver(LOAD, [good, good]) is None
    text = note_text(late_driver(LOAD, [good, replace(good, late_p99_ns=123_400_000)]))
    assert "123.4 ms" in text
    assert "max_late_ms = 100" in text


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("", "the candidate's container was frozen for 3.0 s"),
        ("db", "container db of the candidate was frozen for 3.0 s"),
    ],
)
def test_a_frozen_container_is_named(monkeypatch: pytest.MonkeyPatch, name: str, said: str) -> None:
    frozen_s = {1: 0.0, 2: 0.0, 3: 0.0}

    class Meter:
        def __init__(self, pid: int) -> None:
            self._pid = pid

        def poll(self) -> None:
            pass

        @property
        def frozen_s(self) -> float:
            return frozen_s[self._pid]

    monkeypatch.setattr(freezes, "FreezeMeter", Meter)
    db = Companion("db", 9, (), 3)
    arms: Any = [
        SimpleNamespace(label="baseline", pid=1, companions=()),
        SimpleNamespace(label="candidate", pid=2, companions=(db,)),
    ]
    found = freezes.Freezes(arms)
    assert found.note() is None
    frozen_s[3 if name else 2] = 3.0
    assert note_text(found.note()).startswith(said)


def test_each_container_of_a_block_is_watched(monkeypatch: pytest.MonkeyPatch) -> None:
    """One of several that was frozen does not hide behind another of its arm."""
    monkeypatch.setattr(
        freezes, "FreezeMeter", lambda pid: SimpleNamespace(frozen_s=2.0 if pid == 3 else 0.0)
    )
    labels = ["candidate-1", "baseline-1", "candidate-2", "baseline-2"]
    arms: Any = [
        SimpleNamespace(label=label, pid=pid, companions=())
        for pid, label in enumerate(labels, start=1)
    ]
    note = freezes.Freezes(arms).note()
    assert note is not None
    assert note.subject == "candidate-2"


def test_steal_is_held_against_its_limit():
    gate = Gate(max_steal=0.3)
    assert too_much_steal(gate, make_noise(0.3)) is None
    text = note_text(too_much_steal(gate, make_noise(0.71)))
    assert text == "the hypervisor took 71.0% of the CPU time (limit 30.0%)"


def test_excess_missed_are_held_against_the_run_that_saw_least():
    runs = [make_run(), replace(make_run(), counters={**make_run().counters, "seen": 1000})]
    assert excess_missed({"read": 90}, {"read": 95}, runs) is None
    text = note_text(excess_missed({"read": 90}, {"read": 93, "segment": 3}, runs))
    assert "6 invocations of the probe (read 3, segment 3), and 1000 exchanges" in text


def test_missed_invocations_on_which_exchanges_rest_are_counted_by_event():
    before, after = {"read": 90, "drop": 3, "send": 1}, {"read": 95, "drop": 9, "send": 1}
    assert missed_invocations(before, after) == {"read": 5}


@pytest.mark.parametrize(
    ("share", "measured", "undisturbed", "found"),
    [
        # 50 exchanges beyond p99 are needed, which 5000 have.
        (1.0, 5000, 5000, ""),
        (1.0, 5000, 4999, "undisturbed"),
        (1.0, 4999, 4000, "requests"),
        (0.1, 50_000, 50_000, ""),
        (0.1, 50_000, 49_000, "undisturbed"),
        (0.1, 49_000, 40_000, "requests"),
    ],
)
def test_a_named_request_has_its_share_of_the_exchanges(share, measured, undisturbed, found):
    zone = {"quantile": 0.99, "tolerance": 0.05, "regression_threshold": 0.15}
    gate = Gate.model_validate({"metrics": [zone | {"request": "checkout"}]})
    correction: Any = SimpleNamespace(
        corrected=(None, None),
        measured=lambda arm, stage: measured,
        undisturbed=lambda arm, stage: undisturbed,
    )
    shares = {"checkout": share, "browse": 1 - share}
    note = too_few_undisturbed(gate, correction, 8.0, shares=shares)
    assert (note is not None) == (found == "undisturbed")
    assert too_few_requests(gate, correction, shares=shares) == (found == "requests")
