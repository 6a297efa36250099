"""Another kernel, in QEMU by emulation: the conformance suite there passes with every hook set."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
KERNEL = "6.1"
HOOK_SETS = ("tracepoint", "kprobe", "kfunc")
# The first run on a machine fetches a root file system and a kernel.
LIMIT_S = 1500


@pytest.mark.vm
@pytest.mark.timeout(LIMIT_S + 60)
def test_every_hook_set_passes_on_another_kernel() -> None:
    command = [str(ROOT / "ci" / "kernels"), KERNEL]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True
    )
    try:
        out, err = process.communicate(timeout=LIMIT_S)
    finally:
        process.terminate()  # it then ends its virtual machine
        process.wait()
    lines = [line.split() for line in out.splitlines()]
    assert [line[:3] for line in lines] == [[KERNEL, name, "passed"] for name in HOOK_SETS], err
    assert process.returncode == 0, err
