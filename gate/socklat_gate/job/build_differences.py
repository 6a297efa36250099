"""What differs between two ways of building an image, key by key."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from socklat_gate.errors import UsageError
from socklat_gate.git import COMMIT
from socklat_gate.job.bytes_at import bytes_at
from socklat_gate.job.stack_differences import differing_keys, presence
from socklat_gate.measured.arm_differences import ArmDifference
from socklat_gate.scenario.build import Build
from socklat_gate.scenario.loader import scenario_of
from socklat_gate.scenario.tables import tables_of

__all__ = ["build_differences", "built_at"]

SHOWN = ("context", "dockerfile", "target", "platform")


def build_differences(there: Build | None, here: Build | None) -> Iterator[ArmDifference]:
    """Keys that are not the same; arguments and secrets by name only.

    Where it is not known how one of them was built, there are none.
    """
    if there is None or here is None:
        return
    for key in SHOWN:
        sides = [str(getattr(one, key) or "absent") for one in (there, here)]
        if sides[0] != sides[1]:
            yield ArmDifference("build", key, *sides)
    for key in ("args", "secrets"):
        theirs, ours = getattr(there, key), getattr(here, key)
        for name in differing_keys(theirs, ours):
            yield ArmDifference("build", f"{key}.{name}", *presence(name, theirs, ours))


def built_at(path: Path, commit: str) -> Build | None:
    """How the scenario at ``path`` builds its image in ``commit``; None where nobody knows."""
    if not COMMIT.fullmatch(commit):
        return None
    try:
        found = bytes_at(path, commit)
        text = (found or b"").decode("utf-8", "replace")
        return scenario_of(tables_of(str(path), path.name, text)).service.built
    except UsageError:
        return None
