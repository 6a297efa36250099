"""Words for what differs between the arms."""

from __future__ import annotations

from collections.abc import Mapping

from socklat_gate.measured.arm_differences import DifferenceKind

__all__ = ["KINDS", "presence_text"]

ABSENT = "absent"

KINDS: Mapping[DifferenceKind, str] = {
    "image": "image",
    "command": "command",
    "environment": "variable",
    "mounts": "volume",
    "compose": "compose file",
    "file": "mounted file",
    "source": "source of the image",
    "build": "key of the build",
}


def presence_text(baseline: str, candidate: str) -> tuple[str, str]:
    """What each arm has: as it is given; else that one lacks it; else that they are not alike."""
    if not (baseline or candidate):
        return "its own", "changed"
    return baseline or "there", candidate or "there"
