"""Another kernel, in QEMU by emulation: what counts on it, and its whole conformance suite."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

pytestmark = [pytest.mark.vm, pytest.mark.timeout(1560)]

ROOT = Path(__file__).resolve().parents[2]
KERNEL = "6.1"
HOOK_SETS = ("tracepoint", "kprobe", "kfunc")
# Those that this project's own machines may not have; they all have tracepoints.
OTHERS = HOOK_SETS[1:]
# The first run on a machine fetches a root file system and a kernel.
LIMIT_S = 1500
# Counts of what every hook sees: they are exact, however slow the machine is.
FILE, COUNTS = "tests/conformance/test_completeness.py", "test_two_namespaces_are_never_mixed_up"


def assert_hook_sets_pass(hook_sets: Sequence[str], arguments: Sequence[str] = ()) -> None:
    command = [str(ROOT / "ci" / "kernels"), KERNEL, *arguments]
    process = subprocess.Popen(
        command,
        env={**os.environ, "SOCKLAT_HOOK_SETS": ",".join(hook_sets)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
        text=True,
    )
    try:
        out, err = process.communicate(timeout=LIMIT_S)
    finally:
        process.terminate()  # it then ends its virtual machine
        process.wait()
    lines = [line.split() for line in out.splitlines()]
    assert [line[:3] for line in lines] == [[KERNEL, name, "passed"] for name in hook_sets], err
    assert process.returncode == 0, err


@pytest.mark.beside
def test_hooks_that_this_machine_may_lack_count_on_another_kernel() -> None:
    assert_hook_sets_pass(OTHERS, ["--", FILE, "-k", COUNTS])


@pytest.mark.slow
def test_every_hook_set_passes_on_another_kernel() -> None:
    assert_hook_sets_pass(HOOK_SETS)
