"""The reasons of a verdict over pairs, as text."""

from __future__ import annotations

from collections.abc import Sequence

from socklat_gate.errors import Reason
from socklat_gate.measured.verdict import MetricVerdict, SpikeVerdict
from socklat_gate.wording.changes import percent, percent_range, plural

__all__ = ["BUDGETS", "failed_text", "open_text", "passed_text", "spikes_text", "unwatched_text"]

BUDGETS = {Reason.BUDGET_PAIRS: "pairs", Reason.BUDGET_MINUTES: "minutes"}


def failed_text(metric: MetricVerdict) -> str:
    """Of a metric that failed."""
    return (
        f"{metric.name} changed by {percent(metric.change)} (95% interval "
        f"{percent_range(metric.ci_low, metric.ci_high)}); up to "
        f"{percent(metric.tolerance)} is accepted"
        + (f" (waived until {metric.waived.expires})" if metric.waived else "")
    )


def spikes_text(spikes: SpikeVerdict) -> str:
    """Of spikes that failed."""
    events = spikes.baseline_events + spikes.stored_events
    exposure_s = spikes.baseline_exposure_s + spikes.stored_exposure_s
    return (
        f"{plural(spikes.candidate_events, 'spike')} of {spikes.threshold_ns / 1e6:.3g} ms or more "
        f"in {spikes.candidate_exposure_s:.0f} s of the candidate, {events} in {exposure_s:.0f} s "
        f"of the reference"
    )


def unwatched_text(spikes: SpikeVerdict, further: int) -> str:
    """Of a PASS that waits for spikes to be watched for, ``further`` pairs long."""
    return (
        f"the candidate was watched for spikes for {spikes.candidate_exposure_s:.0f} s, less than "
        f"gate.spikes.watch_s; about {plural(further, 'more pair')} would do"
    )


def passed_text(metrics: Sequence[MetricVerdict], pairs: int) -> str:
    """Of a PASS."""
    limits = ", ".join(
        f"{metric.name} {percent(metric.regression_threshold)}" for metric in metrics
    )
    return f"{plural(pairs, 'pair')} exclude changes as large as {limits}"


def open_text(budget: Reason, pairs: int, further: int | None, blocked: bool) -> str:
    """Of a job that ended at its budget; ``blocked``: something cannot be judged at all."""
    text = f"the budget of {BUDGETS[budget]} is spent after {plural(pairs, 'usable pair')}"
    if further is not None:
        return f"{text}; about {plural(further, 'more pair')} would decide"
    if blocked or not pairs:
        return text
    return f"{text}; more pairs like these are not expected to decide"
