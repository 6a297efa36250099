"""The closed list of verdicts."""

from __future__ import annotations

from enum import Enum

from socklat_gate.errors import Exit

__all__ = ["Outcome"]


class Outcome(str, Enum):
    """The closed list of verdicts; ``exit_code`` maps it to the process's exit code."""

    PASS = "pass"  # noqa: S105 - a verdict, not a password
    REGRESSION = "regression"
    INCONCLUSIVE = "inconclusive"
    INVALID = "invalid"
    NO_BASELINE = "no_baseline"

    @property
    def exit_code(self) -> Exit:
        """Exit code of the contract."""
        return {
            Outcome.PASS: Exit.PASS,
            Outcome.REGRESSION: Exit.REGRESSION,
            Outcome.INCONCLUSIVE: Exit.INCONCLUSIVE,
            Outcome.INVALID: Exit.INVALID,
            Outcome.NO_BASELINE: Exit.NO_BASELINE,
        }[self]
