"""git as a command, the names that it takes, and what to do about what it says."""

from __future__ import annotations

from socklat_gate.git.checked_out import CheckedOut
from socklat_gate.git.command import COMMIT, NOT_INSTALLED, Done, git
from socklat_gate.git.names import is_branch, is_ref
from socklat_gate.git.remedies import DUBIOUS, remedy_for

__all__ = [
    "COMMIT",
    "DUBIOUS",
    "NOT_INSTALLED",
    "CheckedOut",
    "Done",
    "git",
    "is_branch",
    "is_ref",
    "remedy_for",
]
