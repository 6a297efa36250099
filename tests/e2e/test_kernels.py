"""Another kernel, in QEMU by emulation: what counts on it, and its whole conformance suite."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

pytestmark = [pytest.mark.vm]

ROOT = Path(__file__).resolve().parents[2]
KERNEL = "6.1"
HOOK_SETS = ("tracepoint", "kprobe", "kfunc")
# Those that this project's own machines may not have; they all have tracepoints.
OTHERS = HOOK_SETS[1:]
# ci/kernels ends each boot itself; a machine's first run fetches a root file system and a kernel.
BOOT_LIMIT_S, FETCH_LIMIT_S = 1200, 600
# Counts of what every hook sees: they are exact, however slow the machine is.
FILE, COUNTS = "tests/conformance/test_completeness.py", "test_two_namespaces_are_never_mixed_up"


def limit_s(boots: int) -> int:
    """What ci/kernels may take for so many boots."""
    return boots * BOOT_LIMIT_S + FETCH_LIMIT_S


def assert_hook_sets_pass(
    hook_sets: Sequence[str], boots: int, arguments: Sequence[str] = ()
) -> None:
    command = [str(ROOT / "ci" / "kernels"), KERNEL, *arguments]
    process = subprocess.Popen(
        command,
        env={
            **os.environ,
            "SOCKLAT_HOOK_SETS": ",".join(hook_sets),
            "SOCKLAT_VM_LIMIT_S": str(BOOT_LIMIT_S),
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
        text=True,
    )
    try:
        out, err = process.communicate(timeout=limit_s(boots))
    finally:
        process.terminate()  # it then ends its virtual machine
        process.wait()
    lines = [line.split() for line in out.splitlines()]
    assert [line[:3] for line in lines] == [[KERNEL, name, "passed"] for name in hook_sets], err
    assert process.returncode == 0, err


@pytest.mark.beside
@pytest.mark.timeout(limit_s(1) + 60)
def test_hooks_that_this_machine_may_lack_count_on_another_kernel() -> None:
    assert_hook_sets_pass(OTHERS, 1, ["--", FILE, "-k", COUNTS])


@pytest.mark.slow
@pytest.mark.timeout(limit_s(len(HOOK_SETS)) + 60)
def test_every_hook_set_passes_on_another_kernel() -> None:
    assert_hook_sets_pass(HOOK_SETS, len(HOOK_SETS))
