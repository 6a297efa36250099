"""What keeps a measurement out of the baseline: a verdict, or code that is in no commit."""

from __future__ import annotations

from socklat_gate.errors import Reason, UsageError
from socklat_gate.git import COMMIT
from socklat_gate.measured.result import Result, RunResult
from socklat_gate.measured.verdict import Outcome

__all__ = ["check_commit", "check_passed"]


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


def check_passed(result: Result) -> None:
    """Raises `UsageError` (result_not_passed) for a gate that did not pass.

    Red, inconclusive and invalid numbers never become a baseline.
    """
    if isinstance(result, RunResult):
        return
    if result.verdict.outcome is not Outcome.PASS:
        raise UsageError(
            Reason.RESULT_NOT_PASSED,
            f"the result's verdict is {result.verdict.outcome.value}: only numbers that passed, "
            "or that `socklat-gate run` measured, can be stored",
            remedy="measure the image that is to be the reference with `socklat-gate run`",
        )
