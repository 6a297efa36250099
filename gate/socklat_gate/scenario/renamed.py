"""Keys of socklat.toml that had another name before 0.2: read under both for one minor version.

Hashes of scenarios are made of the old names, so that what was stored before stays comparable.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from typing import Any

__all__ = ["RENAMED_KEYS", "accept_old_keys", "with_old_keys"]

log = logging.getLogger(__name__)

Place = tuple[str, ...]

RENAMED_KEYS: Mapping[Place, tuple[str, str]] = {
    ("load",): ("answer", "response"),
    ("gate",): ("max_set_aside", "max_excluded_pairs"),
    ("gate", "metrics"): ("failure", "regression_threshold"),
}
"""Table -> (old key, new key)."""


def accept_old_keys(where: str, scenario: Mapping[str, Any]) -> None:
    """Rename old keys in place, with a warning each; both names at once are left to be refused."""
    for place, (old, new) in RENAMED_KEYS.items():
        tables = [t for t in _tables(scenario, place) if old in t and new not in t]
        for table in tables:
            table[new] = table.pop(old)
        if tables:
            key = ".".join((*place, old))
            log.warning("%s: %s is now named %s; the old name will go", where, key, new)


def with_old_keys(dumped: Mapping[str, Any]) -> None:
    """Give the tables of a dumped scenario the names of before, in place."""
    for place, (old, new) in RENAMED_KEYS.items():
        for table in _tables(dumped, place):
            if new in table:
                table[old] = table.pop(new)


def _tables(scenario: Any, place: Place) -> Iterator[dict[str, Any]]:
    found = [scenario]
    for name in place:
        inner = [table.get(name) for table in found if isinstance(table, Mapping)]
        found = [one for each in inner for one in (each if isinstance(each, list) else [each])]
    yield from (table for table in found if isinstance(table, dict))
