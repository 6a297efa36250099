"""Which tests begin first."""

from __future__ import annotations

import pytest

__all__ = ["longest_first"]

# Files whose tests begin first, so that no worker has a long one left when the others have none.
LONGEST = (
    "test_names",
    "test_newcomer",
    "test_pull_request",
    "test_readme",
    "test_pytest_plugin",
    "test_report_page",
    "test_baselines",
    "test_kernels",  # what it needs may still be fetched when the first ones begin
    "test_compose",
    "test_action",
    "test_faults",
    "test_verdicts",
    "test_watch",
    "test_baseline_places",
    "test_init",
    "test_blocks",
    "test_startup_memory",
    "test_secrets",
)


def longest_first(items: list[pytest.Item]) -> None:
    """Sort ``items`` in place, those of `LONGEST` first and in its order."""

    def rank(item: pytest.Item) -> int:
        return LONGEST.index(item.path.stem) if item.path.stem in LONGEST else len(LONGEST)

    items.sort(key=rank)
