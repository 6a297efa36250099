from __future__ import annotations

from pathlib import Path

import pytest

from socklat_gate.service import freezer
from socklat_gate.service.freezer import FreezeMeter
from tests.unit.service.test_service_cpu_time import ID, PID, V1, V2, Machine, group


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now_s = 100.0
        monkeypatch.setattr(freezer.time, "monotonic", lambda: self.now_s)

    def poll(self, meter: FreezeMeter, after_s: float = 0.1) -> None:
        self.now_s += after_s
        meter.poll()


@pytest.mark.parametrize(
    ("kind", "controller", "name", "thawed", "frozen"),
    [
        (V1.format("freezer"), "freezer", "freezer.state", "THAWED\n", "FROZEN\n"),
        (V2, "", "cgroup.events", "populated 1\nfrozen 0\n", "populated 1\nfrozen 1\n"),
    ],
)
def test_a_frozen_container_is_seen_by_its_state(
    machine: Machine,
    monkeypatch: pytest.MonkeyPatch,
    kind: str,
    controller: str,
    name: str,
    thawed: str,
    frozen: str,
) -> None:
    place = machine.mount("fs", kind)
    group(place, f"docker/{ID}", **{name: thawed})
    machine.process(PID, f"7:{controller}:/docker/{ID}\n")
    clock = Clock(monkeypatch)
    meter = FreezeMeter(PID, machine.proc)
    clock.poll(meter)
    assert meter.frozen_s == 0
    (place / f"docker/{ID}" / name).write_text(frozen)
    for _ in range(30):
        clock.poll(meter)
    (place / f"docker/{ID}" / name).write_text(thawed)
    clock.poll(meter, 5.0)
    assert meter.frozen_s == pytest.approx(3.0)


def test_the_kernel_s_account_shows_a_freeze_that_no_look_met(machine: Machine) -> None:
    place = machine.mount("fs", V2)
    group(place, f"docker/{ID}", **{"cgroup.events": "frozen 0\n",
          "cgroup.stat.local": "frozen_usec 7000000\n"})  # fmt: skip
    machine.process(PID, f"0::/docker/{ID}\n")
    meter = FreezeMeter(PID, machine.proc)
    meter.poll()
    assert meter.frozen_s == 0  # what was before counts for nothing
    (place / f"docker/{ID}" / "cgroup.stat.local").write_text("frozen_usec 7040000\n")
    assert meter.frozen_s == pytest.approx(0.04)


def test_where_nothing_can_be_seen_nothing_was_frozen(machine: Machine) -> None:
    meter = FreezeMeter(PID, machine.proc)
    meter.poll()
    assert meter.frozen_s == 0
