"""What pytest-xdist tells its workers, and a pytest that a test starts must not be told."""

from __future__ import annotations

__all__ = ["XDIST"]

XDIST = ("PYTEST_XDIST_WORKER", "PYTEST_XDIST_WORKER_COUNT", "PYTEST_XDIST_TESTRUNUID")
"""Environment variables; pytest-benchmark takes them for a sign that a run shares the CPUs."""
