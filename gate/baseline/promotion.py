"""What keeps a measurement out of the baseline: code that is in no commit."""

from __future__ import annotations

from gate.errors import Reason, UsageError
from gate.git import COMMIT
from gate.result import Result

__all__ = ["check_commit"]


def check_commit(result: Result) -> None:
    """Raises `UsageError` (commit_unknown) unless the result is of a commit as it is."""
    if not COMMIT.fullmatch(result.commit):
        raise UsageError(
            Reason.COMMIT_UNKNOWN,
            f"the result was measured at commit {result.commit[:80]!r}, which is not what is in "
            "the history: nobody could look for it there",
            remedy="commit the changes and measure again in a clone, or store it anyway with "
            "--allow-dirty",
        )
