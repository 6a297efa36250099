from __future__ import annotations

from pathlib import Path

import pytest

from socklat_gate.service.cpu_time import CpuMeter, CpuUse

PID = 4711
ID = "ab12" * 16
V1, V2 = "cgroup cgroup rw,{}", "cgroup2 cgroup2 rw"


class Machine:
    """A fake /proc and fake cgroup file systems."""

    def __init__(self, root: Path) -> None:
        self.proc, self.root = root / "proc", root / "sys fs"
        (self.proc / "self").mkdir(parents=True)
        self.mountinfo: list[str] = []

    def mount(self, name: str, kind: str, root: str = "/") -> Path:
        place = self.root / name
        place.mkdir(parents=True)
        escaped = str(place).replace(" ", "\\040")
        self.mountinfo.append(f"32 31 0:29 {root} {escaped} rw,relatime shared:9 - {kind}\n")
        (self.proc / "self" / "mountinfo").write_text("".join(self.mountinfo))
        return place

    def process(self, pid: int, cgroups: str, switches: tuple[int, ...] = ()) -> None:
        (self.proc / str(pid)).mkdir()
        (self.proc / str(pid) / "cgroup").write_text(cgroups)
        for number, count in enumerate(switches):
            task = self.proc / str(pid) / "task" / str(pid + number)
            task.mkdir(parents=True)
            text = (
                f"Name:\tx\nvoluntary_ctxt_switches:\t9999\nnonvoluntary_ctxt_switches:\t{count}\n"
            )
            (task / "status").write_text(text)

    def meter(self) -> CpuMeter:
        return CpuMeter(PID, self.proc)


def group(place: Path, path: str, **files: str) -> None:
    directory = place / path
    directory.mkdir(parents=True)
    for name, text in {"cgroup.procs": f"{PID}\n", **files}.items():
        (directory / name).write_text(text)


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_version_1_counts_ns_and_sums_the_switches_of_every_thread(machine: Machine) -> None:
    group(machine.mount("cpu", V1.format("cpu")), f"docker/{ID}",
          **{"cpu.stat": "nr_periods 3\nnr_throttled 1\nthrottled_time 2500000\n"})  # fmt: skip
    group(machine.mount("acct", V1.format("cpuacct")), f"docker/{ID}",
          **{"cpuacct.usage": "123456789\n", "cgroup.procs": f"{PID}\n5000\n"})  # fmt: skip
    machine.process(PID, f"2:cpuacct:/docker/{ID}\n1:cpu:/docker/{ID}\n0::/\n", switches=(3, 4))
    machine.process(5000, "", switches=(10,))
    assert machine.meter().read() == CpuUse(123_456_789, 2500, 17)


def test_controllers_mounted_together_are_told_apart(machine: Machine) -> None:
    both = machine.mount("cpu,cpuacct", V1.format("cpu,cpuacct"))
    files = {"cpuacct.usage": "7\n", "cpu.stat": "throttled_time 1000\n"}
    group(both, f"system.slice/docker-{ID}.scope", **files)
    machine.process(PID, f"4:cpu,cpuacct:/system.slice/docker-{ID}.scope\n")
    assert machine.meter().read() == CpuUse(7, 1, 0)


def test_version_2_counts_us(machine: Machine) -> None:
    text = "usage_usec 5000\nuser_usec 4000\nnr_throttled 2\nthrottled_usec 800\n"
    group(machine.mount("cg", V2), f"system.slice/docker-{ID}.scope", **{"cpu.stat": text})
    machine.process(PID, f"0::/system.slice/docker-{ID}.scope\n")
    assert machine.meter().read() == CpuUse(5_000_000, 800, 0)


def test_throttling_is_unknown_without_the_cpu_controller(machine: Machine) -> None:
    group(machine.mount("cg", V2), f"docker/{ID}", **{"cpu.stat": "usage_usec 5000\n"})
    machine.process(PID, f"0::/docker/{ID}\n")
    assert machine.meter().read() == CpuUse(5_000_000, None, 0)


def test_with_both_versions_the_one_that_holds_the_container_is_read(machine: Machine) -> None:
    group(machine.mount("acct", V1.format("cpuacct")), f"docker/{ID}", **{"cpuacct.usage": "11\n"})
    unified = machine.mount("unified", V2)
    (unified / "cgroup.procs").write_text(f"{PID}\n")
    (unified / "cpu.stat").write_text("usage_usec 999999\n")
    machine.process(PID, f"3:cpuacct:/docker/{ID}\n0::/\n")
    use = machine.meter().read()
    assert use is not None
    assert use.used_ns == 11


def test_an_init_system_inside_does_not_hide_the_rest_of_the_container(machine: Machine) -> None:
    place = machine.mount("cg", V2)
    own = f"system.slice/docker-{ID}.scope"
    group(place, own, **{"cpu.stat": "usage_usec 800\n", "cgroup.procs": ""})
    group(place, f"{own}/init.scope", **{"cpu.stat": "usage_usec 1\n"})
    group(place, f"{own}/web.service", **{"cpu.stat": "usage_usec 799\n", "cgroup.procs": "5000\n"})
    machine.process(PID, f"0::/{own}/init.scope\n", switches=(1,))
    machine.process(5000, "", switches=(20, 300))
    assert machine.meter().read() == CpuUse(800_000, None, 321)


@pytest.mark.parametrize(
    ("root", "path"),
    [
        ("/", f"/../{ID}"),
        (f"/docker/{ID[::-1]}", f"/docker/{ID}"),
        ("/docker/ab", "/docker/abc"),
        ("/", "/"),
    ],
    ids=["another namespace", "mount of another container", "prefix of a name", "root cgroup"],
)
def test_what_cannot_be_seen_is_not_measured(machine: Machine, root: str, path: str) -> None:
    place = machine.mount("cg", V2, root)
    for inside in ("", ID, "c", f"docker/{ID}", f"docker/{ID[::-1]}"):
        (place / inside).mkdir(parents=True, exist_ok=True)
        (place / inside / "cgroup.procs").write_text(f"{PID}\n")
        (place / inside / "cpu.stat").write_text("usage_usec 1\n")
    machine.process(PID, f"0::{path}\n")
    assert machine.meter().read() is None


def test_a_mount_below_the_root_is_seen_through(machine: Machine) -> None:
    group(machine.mount("cg", V2, "/machine"), f"docker/{ID}", **{"cpu.stat": "usage_usec 4\n"})
    machine.process(PID, f"0::/machine/docker/{ID}\n")
    assert machine.meter().read() == CpuUse(4000, None, 0)


def test_a_cgroup_of_that_name_without_the_process_is_another_one(machine: Machine) -> None:
    files = {"cpu.stat": "usage_usec 4\n", "cgroup.procs": "1\n"}
    group(machine.mount("cg", V2), f"docker/{ID}", **files)
    machine.process(PID, f"0::/docker/{ID}\n")
    assert machine.meter().read() is None


def test_nothing_is_measured_of_a_process_that_is_gone(machine: Machine) -> None:
    machine.mount("cg", V2)
    assert machine.meter().read() is None


def test_a_container_that_ends_meanwhile_is_no_longer_measured(machine: Machine) -> None:
    place = machine.mount("cg", V2)
    group(place, f"docker/{ID}", **{"cpu.stat": "usage_usec 4\n"})
    machine.process(PID, f"0::/docker/{ID}\n")
    meter = machine.meter()
    (place / f"docker/{ID}/cpu.stat").unlink()
    assert meter.read() is None


def test_the_use_between_two_readings_is_never_negative() -> None:
    before, now = CpuUse(1000, 10, 50), CpuUse(4000, 30, 20)
    assert now.since(before) == CpuUse(3000, 20, 0)
    assert now.since(CpuUse(1000, None, 20)) == CpuUse(3000, None, 0)
