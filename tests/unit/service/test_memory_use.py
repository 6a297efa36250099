from __future__ import annotations

from pathlib import Path

import pytest

from socklat_gate.service.memory_use import memory_bytes
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
