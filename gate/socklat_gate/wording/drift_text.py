"""The drift of the stored baseline as a sentence."""

from __future__ import annotations

from collections.abc import Sequence

from socklat_gate.measured.facts import Drift
from socklat_gate.wording import units
from socklat_gate.wording.metric_names import metric_phrase

__all__ = ["drift_text"]

SHOWN = 5
"""Metrics that are named; with many requests there may be a hundred."""


def drift_text(drift: Drift | None) -> str:
    """Whether today's baseline arm is where stored campaigns predict it; "" for None."""
    if drift is None:
        return ""
    if drift.text:
        return drift.text
    prediction = f"what {drift.campaigns} stored campaigns predict"
    unknown = _listed([metric_phrase(name) for name in drift.unknown])
    too_little = f"; too little was measured to compare {unknown}" if unknown else ""
    if drift.outside:
        outside = _listed(
            [
                f"{metric_phrase(metric.name)} {units.change(metric.change)} "
                f"(expected {units.interval(metric.expected_low, metric.expected_high)})"
                for metric in drift.outside
            ]
        )
        return f"today's baseline arm lies outside {prediction}: {outside}{too_little}"
    if not drift.compared:
        return f"today's baseline arm cannot be compared with {prediction}{too_little}"
    return f"today's baseline arm lies within {prediction}{too_little}"


def _listed(texts: Sequence[str]) -> str:
    more = f" and {len(texts) - SHOWN} more" if len(texts) > SHOWN else ""
    return ", ".join(texts[:SHOWN]) + more
