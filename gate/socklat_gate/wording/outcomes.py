"""An outcome as a symbol and as words."""

from __future__ import annotations

from collections.abc import Mapping

from socklat_gate.measured.verdict import MetricVerdict, Outcome
from socklat_gate.wording.change_text import is_incomplete
from socklat_gate.wording.container_metrics import kind_of

__all__ = ["SYMBOLS", "metric_outcome_text", "outcome_text"]

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


def metric_outcome_text(metric: MetricVerdict) -> str:
    """As `outcome_text`, and whether it improved, or is slower without enough evidence."""
    if metric.verdict is Outcome.PASS and metric.improved:
        return f"{SYMBOLS[metric.verdict]} improved"
    if is_incomplete(metric):
        return f"{SYMBOLS[metric.verdict]} {kind_of(metric.stage).worse}, evidence incomplete"
    return outcome_text(metric.verdict)
