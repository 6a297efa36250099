"""The mark ``slow``: left out unless asked for, and counted in the closing lines.

Asked for by ``SOCKLAT_SLOW=1``, by ``-m`` with the word ``slow`` in it, or by naming a single test.
"""

from __future__ import annotations

import os
from typing import Any

import pytest

__all__ = ["Slow"]

KEY = "slow_left_out"


def _asked_for(config: pytest.Config) -> bool:
    expression: str = config.option.markexpr
    named = any("::" in argument for argument in config.args)
    return bool(os.environ.get("SOCKLAT_SLOW")) or "slow" in expression or named


class Slow:
    """Leaves slow tests out; with pytest-xdist the workers pass their number on."""

    def __init__(self) -> None:
        self.left_out = 0

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(
        self, config: pytest.Config, items: list[pytest.Item]
    ) -> None:
        if _asked_for(config):
            return
        slow = [item for item in items if item.get_closest_marker("slow")]
        if slow:
            items[:] = [item for item in items if not item.get_closest_marker("slow")]
            config.hook.pytest_deselected(items=slow)
        self.left_out = len(slow)

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if hasattr(session.config, "workeroutput"):
            session.config.workeroutput[KEY] = self.left_out

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        # Every worker collects all tests, so that each of them leaves out the same.
        self.left_out = max(self.left_out, getattr(node, "workeroutput", {}).get(KEY, 0))

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if self.left_out:
            count = "1 slow test was" if self.left_out == 1 else f"{self.left_out} slow tests were"
            terminalreporter.write_line(f"{count} left out: `ci/test --all` runs them", yellow=True)
