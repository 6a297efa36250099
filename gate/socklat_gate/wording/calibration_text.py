"""A study of a runner as text for a terminal."""

from __future__ import annotations

from collections.abc import Iterator

from socklat_gate.measured.calibration import Calibration, MetricFindings, Proposal, Setting
from socklat_gate.scenario.gating import Gate
from socklat_gate.wording import units
from socklat_gate.wording.changes import plural
from socklat_gate.wording.notes import note_text

__all__ = ["calibration_lines", "calibration_rows"]


def calibration_rows(calibration: Calibration) -> list[tuple[str, ...]]:
    """Header and one row a metric: noise of a pair, difference of the arms, MDE."""
    minutes = list(calibration.findings.metrics[0].mde)
    header = ("metric", "pair SD", "arms differ", "p", *(f"MDE in {m} min" for m in minutes))
    return [header, *map(_row, calibration.findings.metrics)]


def calibration_lines(calibration: Calibration, gate: Gate) -> Iterator[str]:
    """What was studied and what follows for the gate, a sentence each."""
    found = calibration.findings
    excluded = f", {calibration.excluded} excluded" if calibration.excluded else ""
    yield (
        f"{calibration.scenario_name}: {plural(found.pairs, 'pair')} of {calibration.image} and "
        f"itself{excluded}, {found.pair_s:.1f} s each"
    )
    yield (
        f"false alarms: {units.share(found.false_alarms / found.jobs)}, at most "
        f"{units.share(found.false_alarm_limit)} (95%; {found.false_alarms} of {found.jobs} "
        f"resampled jobs of up to {plural(found.max_pairs, 'pair')}; "
        f"{100 * gate.alpha:g}% is allowed)"
    )
    # 1 - p to the power of N is 5%: the rarest noise that N pairs meet with 95% probability.
    unmet = 1 - 0.05 ** (1 / found.pairs)
    yield (
        f"they rest on {plural(found.pairs, 'pair')}: noise in fewer than {units.share(unmet)} of "
        "the pairs may not have been met"
    )
    minutes = found.minutes_to_verdict
    half = (
        f"half of the jobs within {minutes:.1f} min ({found.pairs_to_verdict:g} pairs)"
        if minutes is not None
        else f"less than half of the jobs within {plural(found.max_pairs, 'pair')}"
    )
    yield (
        f"verdict: {half}; {units.share(found.decided / found.jobs)} within the budget of "
        f"{plural(gate.max_pairs, 'pair')} and {gate.max_minutes:g} min{_beside_watch(gate)}"
    )
    yield from (text for metric in found.metrics if (text := _curve(metric)))
    yield from _proposal(found.proposal)
    yield from (f"problem: {note_text(problem)}" for problem in found.problems)


def _beside_watch(gate: Gate) -> str:
    """That pairs alone are not all that a pass waits for; a study has no watch."""
    if not (gate.watch.minutes and gate.spikes.enabled and gate.interleave != "block"):
        return ""
    return f", by pairs alone: a pass also waits for {gate.watch.minutes:g} min of watch"


def _proposal(proposal: Proposal | None) -> Iterator[str]:
    """The present setting with its expected minutes, and the best one where that is another."""
    if proposal is None:
        return
    present, best = proposal.present, proposal.best
    yield f"expected: {_minutes(present)} with {_setting(present, best)}"
    if best != present:
        yield (
            f"proposed: {_minutes(best)} with {_setting(best, present)}; study it before you rely "
            "on it"
        )


def _minutes(setting: Setting) -> str:
    passing, failing = (
        "no end" if minutes is None else f"{minutes:.1f} min"
        for minutes in (setting.minutes_to_pass, setting.minutes_to_fail)
    )
    return f"{passing} to a pass, {failing} to find a change of the regression threshold,"


def _setting(setting: Setting, other: Setting) -> str:
    """The keys by which it differs from another; all of them where it does not."""
    keys = {
        "load.rate": (setting.rate, other.rate),
        "load.duration_s": (setting.duration_s, other.duration_s),
        "gate.containers": (setting.containers, other.containers),
        "gate.pairs_per_start": (setting.pairs_per_start, other.pairs_per_start),
    }
    known = {key: of for key, of in keys.items() if of[0] is not None}
    differ = {key: of for key, of in known.items() if of[0] != of[1]} or known
    return ", ".join(f"{key} = {value:g}" for key, (value, _) in differ.items())


def _curve(metric: MetricFindings) -> str:
    """How often changes of some sizes are found; empty for named requests, which are many."""
    if not metric.curve or "[" in metric.name:
        return ""
    minutes = list(dict.fromkeys(point.minutes for point in metric.curve))
    parts = []
    for change in dict.fromkeys(point.change for point in metric.curve):
        shares = [f"{100 * p.share:.0f}" for p in metric.curve if p.change == change]
        parts.append(f"{units.change(change)} in {' / '.join(shares)}%")
    within = " / ".join(f"{m:g}" for m in minutes)
    return f"{metric.name} is found within {within} min: {', '.join(parts)} of jobs"


def _row(metric: MetricFindings) -> tuple[str, ...]:
    reach = ("none" if found is None else units.change(found) for found in metric.mde.values())
    cells = (units.share(metric.pair_sd), units.change(metric.change), f"{metric.change_p:.2g}")
    return (metric.name, *cells, *reach)
