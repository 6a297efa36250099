"""Every call that writes a report or a campaign fails, is cut short, or is the process's last."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from tests.faults.bench import ROOT
from tests.faults.trial import Found, Means

__all__ = ["trials"]

KINDS = {
    "ENOSPC": str(errno.ENOSPC),
    "EIO": str(errno.EIO),
    "EROFS": str(errno.EROFS),
    "EACCES": str(errno.EACCES),
    "SIGKILL": "kill",
    "half of it": "short",
}
TARGETS = ("report", "store")


def trials() -> Mapping[str, Callable[[Means], Found]]:
    """By name / phase."""
    return {
        f"writes, one call after the other: {kind} / {target}": partial(
            _every_call, kind=kind, target=target
        )
        for kind in KINDS
        for target in TARGETS
    }


def _every_call(means: Means, kind: str, target: str) -> Found:
    name = f"writes, one call after the other: {kind}"
    begun_s = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="socklat-faults-") as home:
        done = subprocess.run(
            [sys.executable, "-m", "tests.faults.write_child", target, str(means.stored), home],
            cwd=ROOT,
            env={
                **os.environ,
                "PYTHONPATH": f"{ROOT / 'gate'}:{ROOT}",
                "LD_PRELOAD": str(means.writes),
                "SOCKLAT_WRITES_UNDER": str(Path(home) / "under"),
                "SOCKLAT_FAULT_KIND": KINDS[kind],
            },
            stdout=subprocess.PIPE,
            check=False,
            timeout=600,
        )
        try:
            told = json.loads(done.stdout.splitlines()[-1])
        except (ValueError, IndexError):
            told = {"calls": 0, "wrong": [f"the test ended with {done.returncode}"]}
    said = f"{told['calls']} calls"
    return Found(name, target, 0, "", said, time.monotonic() - begun_s, told["wrong"][:20])
