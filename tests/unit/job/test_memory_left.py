from __future__ import annotations

from pathlib import Path

import pytest

from socklat_gate.errors import Exit, Reason, UnfitEnvironment
from socklat_gate.job.memory_left import RESERVE_BYTES, check_memory_left, memory_left_bytes


def meminfo(directory: Path, available_kib: int) -> Path:
    path = directory / "meminfo"
    path.write_text(f"MemTotal:  4000000 kB\nMemAvailable:  {available_kib} kB\nCached: 1 kB\n")
    return path


def test_what_the_kernel_says_is_available(tmp_path: Path) -> None:
    assert memory_left_bytes(meminfo(tmp_path, 2048)) == 2 << 20
    assert memory_left_bytes(tmp_path / "none") is None
    old = tmp_path / "old"
    old.write_text("MemTotal: 4000000 kB\nMemFree: 100 kB\n")
    assert memory_left_bytes(old) is None


def test_a_block_that_fills_the_memory_is_not_measured(tmp_path: Path) -> None:
    check_memory_left(2, meminfo(tmp_path, RESERVE_BYTES // 1024))
    check_memory_left(2, tmp_path / "none")
    with pytest.raises(UnfitEnvironment) as caught:
        check_memory_left(2, meminfo(tmp_path, RESERVE_BYTES // 1024 - 1))
    assert caught.value.reason is Reason.CONTAINERS_DO_NOT_FIT
    assert caught.value.exit_code is Exit.UNFIT_ENVIRONMENT
    assert "2 + 2 containers" in caught.value.message
    assert "gate.containers" in caught.value.remedy
