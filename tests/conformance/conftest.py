"""The laboratory and the probe, once for all tests, and what was measured written down.

``SOCKLAT_HOOKS`` (``tracepoint``, ``kprobe`` or ``kfunc``) asks for a hook set and fails where the
kernel does not give one; ``SOCKLAT_MEASURED`` names a JSON file for the measurements.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gate.probe.events import Kind
from gate.probe.probe import SocketProbe
from tests.conformance.lab import Lab

HOOK_SETS: dict[str, Kind] = {
    "tracepoint": "raw_tracepoint",
    "kprobe": "kprobe",
    "kfunc": "kfunc",
}


@pytest.fixture(scope="session")
def lab() -> Iterator[Lab]:
    if os.geteuid() != 0:
        pytest.skip("the laboratory makes a network namespace: root is needed")
    with Lab() as lab:
        yield lab


@pytest.fixture(scope="session")
def probe() -> Iterator[SocketProbe]:
    wanted = os.environ.get("SOCKLAT_HOOKS")
    if wanted is not None and wanted not in HOOK_SETS:
        raise pytest.UsageError(f"SOCKLAT_HOOKS={wanted}; known: {', '.join(HOOK_SETS)}")
    with SocketProbe(prefer=HOOK_SETS[wanted] if wanted else None) as probe:
        if wanted and not any(hook.startswith(HOOK_SETS[wanted]) for hook in probe.hooks.values()):
            pytest.fail(f"no {wanted} hook attaches to this kernel: {probe.hooks}", pytrace=False)
        yield probe


@pytest.fixture(scope="session")
def measurements(probe: SocketProbe) -> Iterator[list[dict[str, Any]]]:
    """Cases that tests append; each has a ``case`` and, by stage, truth and measurement in ns."""
    cases: list[dict[str, Any]] = []
    yield cases
    if target := os.environ.get("SOCKLAT_MEASURED"):
        document = {
            "kernel": os.uname().release,
            "hook_set": os.environ.get("SOCKLAT_HOOKS", "default"),
            "hooks": probe.hooks,
            "missed": probe.missed(),
            "costs": probe.costs(),
            "cases": cases,
        }
        Path(target).write_text(json.dumps(document, indent=1) + "\n", "utf-8")
