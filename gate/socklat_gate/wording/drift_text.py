"""The drift of the stored baseline as a sentence."""

from __future__ import annotations

from socklat_gate.measured.facts import Drift
from socklat_gate.wording import units

__all__ = ["drift_text"]


def drift_text(drift: Drift | None) -> str:
    """Whether today's baseline arm is where stored campaigns predict it; "" for None."""
    if drift is None:
        return ""
    if drift.text:
        return drift.text
    prediction = f"what {drift.campaigns} stored campaigns predict"
    too_little = (
        f"; too little was measured to compare {', '.join(drift.unknown)}" if drift.unknown else ""
    )
    if drift.outside:
        outside = ", ".join(
            f"{metric.name} {units.change(metric.change)} "
            f"(expected {units.interval(metric.expected_low, metric.expected_high)})"
            for metric in drift.outside
        )
        return f"today's baseline arm lies outside {prediction}: {outside}{too_little}"
    if not drift.compared:
        return f"today's baseline arm cannot be compared with {prediction}{too_little}"
    return f"today's baseline arm lies within {prediction}{too_little}"
