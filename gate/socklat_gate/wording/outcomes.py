"""An outcome as a symbol and as words."""

from __future__ import annotations

from collections.abc import Mapping

from socklat_gate.measured.verdict import Outcome

__all__ = ["SYMBOLS", "outcome_text"]

SYMBOLS: Mapping[Outcome, str] = {
    Outcome.PASS: "✔",
    Outcome.REGRESSION: "✘",
    Outcome.INCONCLUSIVE: "?",
    Outcome.INVALID: "⊘",
    Outcome.NO_BASELINE: "∅",
}


def outcome_text(outcome: Outcome) -> str:
    """Symbol and words: ``✔ pass``, ``∅ no baseline``."""
    return f"{SYMBOLS[outcome]} {outcome.value.replace('_', ' ')}"
