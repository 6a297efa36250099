from __future__ import annotations

from pathlib import Path

import pytest

from socklat_gate.service.memory_use import MemoryMeter, memory_bytes
from tests.unit.service.test_service_cpu_time import ID, PID, V2, Machine

MIB = 1 << 20
V1_MEMORY = "cgroup cgroup rw,memory"


@pytest.mark.parametrize(
    ("kind", "line", "files"),
    [
        (V2, f"0::/docker/{ID}\n", {"memory.current": "inactive_file"}),
        (V1_MEMORY, f"4:memory:/docker/{ID}\n", {"memory.usage_in_bytes": "total_inactive_file"}),
    ],
)
def test_what_the_kernel_can_drop_at_once_is_not_held(
    tmp_path: Path, kind: str, line: str, files: dict[str, str]
) -> None:
    machine = Machine(tmp_path)
    own = machine.mount("memory", kind) / "docker" / ID
    own.mkdir(parents=True)
    (own / "cgroup.procs").write_text(f"{PID}\n")
    machine.process(PID, line)
    assert memory_bytes(PID, machine.proc) is None
    for name, clean in files.items():
        (own / name).write_text(f"{30 * MIB}\n")
        assert memory_bytes(PID, machine.proc) == 30 * MIB
        (own / "memory.stat").write_text(f"anon 5\n{clean} {10 * MIB}\n")
        assert memory_bytes(PID, machine.proc) == 20 * MIB


def test_a_process_without_a_cgroup_of_its_own_is_not_known(tmp_path: Path) -> None:
    assert memory_bytes(PID, Machine(tmp_path).proc) is None


@pytest.mark.parametrize(
    ("kind", "line", "now", "peak"),
    [
        (V2, f"0::/docker/{ID}\n", "memory.current", "memory.peak"),
        (
            V1_MEMORY,
            f"4:memory:/docker/{ID}\n",
            "memory.usage_in_bytes",
            "memory.max_usage_in_bytes",
        ),
    ],
)
def test_the_peak_is_the_kernels_without_file_pages_or_the_largest_reading(
    tmp_path: Path, kind: str, line: str, now: str, peak: str
) -> None:
    machine = Machine(tmp_path)
    own = machine.mount("memory", kind) / "docker" / ID
    own.mkdir(parents=True)
    (own / "cgroup.procs").write_text(f"{PID}\n")
    machine.process(PID, line)
    meter = MemoryMeter(PID, machine.proc)
    assert meter.peak_bytes() is None
    (own / now).write_text(f"{30 * MIB}\n")
    assert meter.held_bytes() == 30 * MIB
    (own / now).write_text(f"{20 * MIB}\n")
    assert meter.peak_bytes() == 30 * MIB  # older kernels: what was seen
    (own / peak).write_text(f"{90 * MIB}\n")
    assert meter.peak_bytes() == 90 * MIB  # what came and went between two readings
    clean = "inactive_file" if kind == V2 else "total_inactive_file"
    (own / "memory.stat").write_text(f"{clean} {70 * MIB}\n")
    assert meter.peak_bytes() == 30 * MIB  # 20 MiB for certain, and 30 were seen
