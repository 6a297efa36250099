"""Where the time of a test run goes: the slowest tests, and each directory.

``SOCKLAT_DURATIONS`` names a file that several runs of pytest share: each adds what it measured,
and the one with ``SOCKLAT_DURATIONS_PRINTED`` prints the tables of all of them.  With
``SOCKLAT_LINT_FAILED`` it says so too.
"""

from __future__ import annotations

import json
import os
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest

from tests.slow import Slow

__all__ = ["Durations"]

SLOWEST = 25
TESTS, OUTCOMES, LEFT_OUT = "tests_s", "outcomes", "slow_left_out"


class Durations:
    """Adds up the set-up, call and tear-down of every test that reports to this process."""

    def __init__(self, path: Path, printed: bool, slow: Slow) -> None:
        self._path = path
        self._slow = slow
        self._printed = printed
        self._tests_s: dict[str, float] = defaultdict(float)

    @classmethod
    def from_environment(cls, slow: Slow) -> Durations | None:
        """None where nobody asks, and in workers of pytest-xdist, which report to their parent."""
        path = os.environ.get("SOCKLAT_DURATIONS")
        if not path or "PYTEST_XDIST_WORKER" in os.environ:
            return None
        return cls(Path(path), bool(os.environ.get("SOCKLAT_DURATIONS_PRINTED")), slow)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        # With --dist loadgroup, pytest-xdist adds the group to the name.
        self._tests_s[report.nodeid.partition("@")[0]] += report.duration

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        run = {
            TESTS: self._tests_s,
            OUTCOMES: _outcomes(terminalreporter),
            LEFT_OUT: self._slow.left_out,
        }
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(run) + "\n")
        if self._printed:
            lines = self._path.read_text("utf-8").splitlines()
            _print_tables(terminalreporter, [json.loads(line) for line in lines])


def _outcomes(terminalreporter: pytest.TerminalReporter) -> dict[str, list[str]]:
    """Names of tests by what became of them."""
    found: dict[str, list[str]] = {}
    for outcome in ("passed", "skipped", "failed", "error"):
        reports = terminalreporter.stats.get(outcome, [])
        found[outcome] = [getattr(report, "nodeid", "") for report in reports]
    return found


def _print_tables(terminalreporter: pytest.TerminalReporter, runs: list[dict[str, Any]]) -> None:
    tests_s = {name: s for run in runs for name, s in run[TESTS].items()}
    directories: dict[str, list[float]] = defaultdict(list)
    for name, seconds in tests_s.items():
        directories[name.partition("::")[0].rpartition("/")[0]].append(seconds)
    terminalreporter.section(f"the {SLOWEST} slowest tests of all")
    for name in sorted(tests_s, key=lambda name: -tests_s[name])[:SLOWEST]:
        terminalreporter.write_line(f"{tests_s[name]:7.1f} s  {name}")
    terminalreporter.section("time of each directory")
    for name in sorted(directories, key=lambda name: -sum(directories[name])):
        of_it = directories[name]
        terminalreporter.write_line(f"{sum(of_it):7.1f} s  {len(of_it):5} tests  {name}")
    terminalreporter.section("all runs of pytest")
    for outcome in ("error", "failed"):
        for name in (name for run in runs for name in run[OUTCOMES][outcome]):
            terminalreporter.write_line(f"{outcome.upper()} {name}", red=True)
    if os.environ.get("SOCKLAT_LINT_FAILED"):
        terminalreporter.write_line("FAILED lint or types (see above)", red=True)
    counts = {key: sum(len(run[OUTCOMES][key]) for run in runs) for key in runs[0][OUTCOMES]}
    text = ", ".join(f"{count} {outcome}" for outcome, count in counts.items())
    text += f", {sum(run[LEFT_OUT] for run in runs)} slow ones left out"
    failed = counts["failed"] + counts["error"] > 0
    terminalreporter.write_line(text, red=failed, green=not failed)
