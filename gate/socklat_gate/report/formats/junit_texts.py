"""Message and details of a case of ``junit.xml``, by what is judged."""

from __future__ import annotations

from socklat_gate.measured.capacity import CapacityStudy
from socklat_gate.measured.names import CAPACITY_RPS
from socklat_gate.measured.stop_verdict import GrowthVerdict, StopVerdict
from socklat_gate.measured.verdict import LimitVerdict, MetricVerdict, Outcome, SpikeVerdict
from socklat_gate.wording import units
from socklat_gate.wording.carried_text import carried_change, carried_limits
from socklat_gate.wording.change_text import is_incomplete
from socklat_gate.wording.container_metrics import value_text
from socklat_gate.wording.growth_text import GROWN, growth_evidence, not_judged_text
from socklat_gate.wording.limit_text import limit_interval
from socklat_gate.wording.mechanism_text import mechanisms_counted
from socklat_gate.wording.metric_names import metric_phrase
from socklat_gate.wording.outcomes import metric_outcome_text
from socklat_gate.wording.spike_text import power_text, spikes_summary
from socklat_gate.wording.stop_text import found_text, stops_text
from socklat_gate.wording.watch_text import stops_outcome, unlike_texts

__all__ = [
    "Texts",
    "capacity_texts",
    "growth_texts",
    "limit_texts",
    "metric_texts",
    "spike_texts",
    "stop_texts",
]

Texts = tuple[str, str]
"""A message, which may hold anything until it is made one line, and details."""


def metric_texts(metric: MetricVerdict) -> Texts:
    """The change and its interval; values, evidence and MDE."""
    waived = ""
    if metric.waived is not None:
        waived = f" (waived until {metric.waived.expires}: {metric.waived.link})"
    message = (
        f"{metric_phrase(metric.name)} changed by {units.change(metric.change)} (interval "
        f"{units.interval(metric.ci_low, metric.ci_high)}); tolerance "
        f"{units.change(metric.tolerance)}{waived}"
    )
    if metric.improved or is_incomplete(metric):
        message = f"{metric_outcome_text(metric).partition(' ')[2]}: {message}"
    theirs, ours = (
        value_text(value, metric.stage) for value in (metric.baseline_ns, metric.candidate_ns)
    )
    details = (
        f"baseline {theirs}, candidate {ours}\n"
        "e-value to fail / threshold "
        f"{units.beside_threshold(metric.evidence_fail, metric.threshold_fail)}, "
        f"to pass {units.beside_threshold(metric.evidence_pass, metric.threshold_pass)}\n"
        f"minimum detectable effect {units.change(metric.mde)}"
    )
    return message, details


def limit_texts(limit: LimitVerdict) -> Texts:
    """The quantile beside its limit; evidence and runs."""
    message = (
        f"{metric_phrase(limit.name)} is {value_text(limit.candidate_ns, limit.stage)} "
        f"(95% interval {limit_interval(limit)}); "
        f"limit {value_text(limit.limit_ns, limit.stage)}"
    )
    details = (
        "e-value above / threshold "
        f"{units.beside_threshold(limit.evidence_fail, limit.threshold_fail)}, "
        f"below {units.beside_threshold(limit.evidence_pass, limit.threshold_pass)}\n"
        f"runs {limit.runs}"
    )
    return message, details


def capacity_texts(study: CapacityStudy) -> Texts:
    """The change of the highest rate; both rates and evidence."""
    found, limits = study.verdict, study.limits
    waived = f" (waived until {found.waived.expires})" if found.waived else ""
    message = (
        f"{CAPACITY_RPS} changed by {carried_change(study)}; tolerance "
        f"{units.change(-limits.tolerance)}{waived}"
    )
    details = (
        f"baseline {units.per_second(found.baseline_rps)}, candidate "
        f"{units.per_second(found.candidate_rps)}\n"
        "e-value to fail / threshold "
        f"{units.beside_threshold(found.evidence_fail, found.threshold_fail)}, "
        f"to pass {units.beside_threshold(found.evidence_pass, found.threshold_pass)}\n"
        f"rounds {found.rounds}\n{carried_limits(limits)}"
    )
    return message, details


def spike_texts(spikes: SpikeVerdict) -> Texts:
    """How many of each arm; evidence and power."""
    held = units.beside_threshold(spikes.evidence, spikes.threshold)
    evidence = f"e-value against no increase / threshold: {held}"
    return spikes_summary(spikes), f"{evidence}\n{power_text(spikes)}"


def stop_texts(stops: StopVerdict) -> Texts:
    """How many of each arm, and at which ages; evidence, and which would have been found."""
    held = units.beside_threshold(stops.evidence, stops.threshold)
    counted = mechanisms_counted(stops)
    by = f"\nby mechanism: {counted}" if counted else ""
    waits = ""
    if stops_outcome(stops) is Outcome.INCONCLUSIVE:
        unlike = list(unlike_texts(stops.silent, stops.waited, stops.lost))
        waits = "\n" + "\n".join(unlike or ["the watch does not show yet what a pass waits for"])
    evidence = f"e-value against no more stops / threshold: {held}"
    return stops_text(stops), f"{evidence}\n{found_text(stops)}{by}{waits}"


def growth_texts(grown: GrowthVerdict) -> Texts:
    """How much both arms changed with age; evidence and interval."""
    if why := not_judged_text(grown):
        return f"growth of {GROWN[grown.what]} is not known: {why}", ""
    held = growth_evidence(grown)
    message = (
        f"{GROWN[grown.what]} late in the life of replicas: candidate "
        f"{units.change(grown.candidate_change)}, baseline {units.change(grown.baseline_change)}"
    )
    return message, (
        f"e-value against no growth / threshold: {held}\n"
        f"more than the baseline's by {units.change(grown.change)} a minute (interval "
        f"{units.interval(grown.ci_low, grown.ci_high)}), {grown.replicas} replicas of each arm"
    )
