"""What became of each hook set's tests: how many passed, how many never ran, which were skipped."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import Any

import pytest

__all__ = ["Outcomes"]


class Outcomes:
    """Of one session, by hook set."""

    def __init__(self) -> None:
        self._expected: Counter[str] = Counter()
        self._ended: dict[str, set[str]] = defaultdict(set)
        self._counts: dict[str, Counter[str]] = defaultdict(Counter)
        self._failed: dict[str, list[str]] = defaultdict(list)
        self._skipped: dict[str, dict[str, list[str]]] = defaultdict(dict)

    def expect(self, hook_set: str) -> None:
        """One more test is to run."""
        self._expected[hook_set] += 1

    def left_out(self, hook_set: str, name: str, why: Any) -> None:
        """A test, or a whole file, is skipped; ``why`` is pytest's."""
        text = str(why[2] if isinstance(why, tuple) else why).removeprefix("Skipped: ")
        self._skipped[hook_set].setdefault(text, []).append(name.partition("[")[0])

    def add(self, hook_set: str, report: pytest.TestReport) -> None:
        """A test's set-up, call or tear-down is over; a failed tear-down counts beside the call."""
        if report.when != "call" and report.outcome == "passed":
            return
        self._ended[hook_set].add(report.nodeid)
        self._counts[hook_set][report.outcome] += 1
        if report.failed:
            self._failed[hook_set].append(report.nodeid)
        if report.skipped:
            self.left_out(hook_set, report.nodeid, report.longrepr)

    @property
    def failed(self) -> int:
        """Failures of all hook sets."""
        return sum(counts["failed"] for counts in self._counts.values())

    def of(self, hook_set: str) -> dict[str, Any]:
        """For the document of a hook set; ``not_run`` tests were to run when the session ended."""
        return {
            "outcomes": dict(self._counts[hook_set]),
            "not_run": self._expected[hook_set] - len(self._ended[hook_set]),
            "failed": self._failed[hook_set],
            "skipped": self._skipped[hook_set],
        }
