from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from socklat_gate.service.container_counters import ContainerCounters, Counters
from tests.unit.service.test_service_cpu_time import ID, PID, V1, V2, Machine, group

OWN = f"docker/{ID}"
PRESSURE = (
    "some avg10=0.00 avg60=0.00 avg300=0.00 total={}\n"
    "full avg10=1.00 avg60=0.00 avg300=0.00 total={}\n"
)
V2_STAT = "usage_usec 5000\nuser_usec 4000\nnr_throttled 2\nthrottled_usec 800\n"


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


@pytest.fixture
def opened() -> Iterator[list[ContainerCounters]]:
    found: list[ContainerCounters] = []
    yield found
    for one in found:
        one.close()
        one.close()


def counters_on(machine: Machine, opened: list[ContainerCounters]) -> ContainerCounters:
    opened.append(ContainerCounters(PID, machine.proc))
    return opened[-1]


def version_2(machine: Machine, **files: str) -> Path:
    place = machine.mount("cg", V2)
    group(place, OWN, **{"cpu.stat": V2_STAT, **files})
    machine.process(PID, f"0::/{OWN}\n")
    return place / OWN


def version_1(machine: Machine) -> Path:
    """Returns the directory that counts CPU time."""
    group(machine.mount("cpu", V1.format("cpu")), OWN,
          **{"cpu.stat": "nr_periods 3\nnr_throttled 1\nthrottled_time 2500000\n"})  # fmt: skip
    place = machine.mount("acct", V1.format("cpuacct"))
    group(place, OWN, **{"cpuacct.usage": "123456789\n", "tasks": f"{PID}\n{PID + 1}\n"})
    group(machine.mount("memory", V1.format("memory")), OWN,
          **{"memory.stat": "pgmajfault 1\ntotal_pgfault 999\ntotal_pgmajfault 7\n"})  # fmt: skip
    lines = (f"{at}:{name}:/{OWN}\n" for at, name in enumerate(("cpu", "cpuacct", "memory"), 1))
    machine.process(PID, "".join(lines))
    return place / OWN


def test_version_2(machine: Machine, opened: list[ContainerCounters]) -> None:
    own = version_2(
        machine,
        **{
            "cpu.pressure": PRESSURE.format(900, 600),
            "io.pressure": PRESSURE.format(80, 30),
            "memory.pressure": PRESSURE.format(50, 40),
            "memory.stat": "anon 5\npgfault 9\npgmajfault 3\n",
        },
    )
    counters = counters_on(machine, opened)
    assert counters.read() == Counters(5_000_000, 800_000, 600_000, 3, 40_000)
    (own / "cpu.stat").write_text("usage_usec 6000\nthrottled_usec 900\n")
    (own / "cpu.pressure").write_text("some avg10=0.00 avg60=0.00 avg300=0.00 total=1000\n")
    # As long as nothing was waited for, no page was.
    (own / "memory.stat").write_text("pgmajfault 30\n")
    assert counters.read() == Counters(6_000_000, 900_000, 1_000_000, 3, 40_000)
    (own / "io.pressure").write_text(PRESSURE.format(80, 70))
    assert counters.read() == Counters(6_000_000, 900_000, 1_000_000, 30, 70_000)


def test_version_1_without_pressure_asks_each_thread(
    machine: Machine, opened: list[ContainerCounters]
) -> None:
    own = version_1(machine)
    first, second = (machine.proc / str(tid) for tid in (PID, PID + 1))
    second.mkdir()
    (first / "schedstat").write_text("10 5000 3\n")
    (second / "schedstat").write_text("10 100 3\n")
    counters = counters_on(machine, opened)
    assert counters.read() == Counters(123_456_789, 2_500_000, 0, 7, None)
    # Of two that waited at the same time the longer one counts.
    (first / "schedstat").write_text("10 5300 4\n")
    (second / "schedstat").write_text("10 900 4\n")
    found = counters.read()
    assert found is not None
    assert found.waited_ns == 800
    # One that is new has not waited yet, one that is gone does no more.
    (second / "schedstat").unlink()
    third = machine.proc / "4999"
    third.mkdir()
    (third / "schedstat").write_text("0 70000 1\n")
    (own / "tasks").write_text(f"{PID}\n{PID + 1}\n4999\n")
    found = counters.read()
    assert found is not None
    assert found.waited_ns == 800
    # Too many to be asked: what they waited is not known, so that none is called blocked.
    (own / "tasks").write_text("".join(f"{tid}\n" for tid in range(PID, PID + 9)))
    found = counters.read()
    assert found is not None
    assert (found.waited_ns, found.cpu_ns) == (None, 123_456_789)


def test_both_versions_at_once_are_one_account(
    machine: Machine, opened: list[ContainerCounters]
) -> None:
    version_1(machine)
    group(machine.mount("unified", V2), OWN,
          **{"cpu.stat": "usage_usec 1\n", "cpu.pressure": PRESSURE.format(900, 600)})  # fmt: skip
    cgroups = machine.proc / str(PID) / "cgroup"
    cgroups.write_text(f"{cgroups.read_text()}0::/{OWN}\n")
    assert counters_on(machine, opened).read() == Counters(123_456_789, 2_500_000, 600_000, 7, None)


def test_accounts_that_are_not_kept_are_not_known(
    machine: Machine, opened: list[ContainerCounters]
) -> None:
    version_2(machine, **{"cpu.stat": "usage_usec 5\n", "cpu.pressure": "", "io.pressure": "x"})
    assert counters_on(machine, opened).read() == Counters(5_000)


@pytest.mark.parametrize("text", ["", "usage_usec -1\n", "usage_usec x\n", "user_usec 3\n"])
def test_a_torn_account_of_cpu_time_is_none(
    machine: Machine, opened: list[ContainerCounters], text: str
) -> None:
    version_2(machine, **{"cpu.stat": text})
    assert counters_on(machine, opened).read() is None


def test_hidden_groups_and_processes_that_are_gone_have_none(
    machine: Machine, opened: list[ContainerCounters]
) -> None:
    version_2(machine)
    (machine.proc / str(PID) / "cgroup").write_text(f"0::/../{ID}\n")
    assert counters_on(machine, opened).read() is None
    opened.append(ContainerCounters(PID + 1, machine.proc))
    assert opened[-1].read() is None


def test_a_group_that_is_removed_and_made_anew_is_another_one(
    machine: Machine, opened: list[ContainerCounters], monkeypatch: pytest.MonkeyPatch
) -> None:
    version_2(machine)
    counters = counters_on(machine, opened)

    def gone(*_args: object) -> bytes:
        raise OSError(19, "No such device")

    monkeypatch.setattr("socklat_gate.service.container_counters.os.pread", gone)
    assert counters.read() is None
