"""What people read on stderr while a job measures: phases, and a line after each pair or run."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

from socklat_gate.measured.facts import Note
from socklat_gate.measured.pair import ARMS
from socklat_gate.measured.run import Run
from socklat_gate.measured.run_values import latency_stage
from socklat_gate.measured.stop_verdict import StopVerdict
from socklat_gate.measured.verdict import LimitVerdict, MetricVerdict, Outcome, Verdict
from socklat_gate.measured.watch import Watch
from socklat_gate.wording import units
from socklat_gate.wording.changes import pair_word
from socklat_gate.wording.container_metrics import kind_of, value_text
from socklat_gate.wording.decisive import change_or_lowest
from socklat_gate.wording.metric_names import request_in, without_request
from socklat_gate.wording.notes import note_text
from socklat_gate.wording.units import ns

__all__ = [
    "CONNECTING",
    "ENDING_WATCH",
    "FINDING_RATE",
    "LIMITS_ONLY",
    "LOADING_PROBE",
    "MEASURING",
    "REMOVING",
    "RENEWING_REPLICAS",
    "RESAMPLING",
    "STARTING",
    "STARTING_REPLICAS",
    "STORED_ONLY",
    "WEIGHING",
    "aa_pair_line",
    "excluded_line",
    "excluded_note",
    "leftover_line",
    "pair_line",
    "pair_step",
    "replica_ended",
    "run_line",
    "untraced_line",
    "watch_line",
]

MAX_NAMED = 2
"""Metrics of named requests in a line."""

# Phases.
LOADING_PROBE = "loading the probe"
STARTING = "starting containers"
STARTING_REPLICAS = "starting replicas of the watch"
RENEWING_REPLICAS = "replacing replicas of the watch"
ENDING_WATCH = "ending the watch"
FINDING_RATE = "finding the rate"
WEIGHING = "weighing a container"
CONNECTING = "connecting"
MEASURING = "measuring"
REMOVING = "removing containers"
RESAMPLING = "resampling jobs"

LIMITS_ONLY = "only limits are judged: the candidate is measured alone"
STORED_ONLY = "the baseline's image cannot be run: comparing with stored numbers"


def pair_step(number: int, max_pairs: int, containers: int) -> str:
    """Which one is under way: ``pair 3/40``, ``block 3/40 of 2 + 2``."""
    of = "" if containers == 1 else f" of {containers} + {containers}"
    return f"{pair_word(containers)} {number}/{max_pairs}{of}"


def pair_line(done: int, max_pairs: int, verdict: Verdict, left_s: float) -> str:
    """The running estimate after pair ``done``, and how long the job can still take."""
    parts = [_estimate(metric) for metric in verdict.metrics if not metric.request]
    parts += _requests([metric for metric in verdict.metrics if metric.request])
    parts += [_limit(limit) for limit in verdict.limits]
    spikes = verdict.spikes
    if spikes and (spikes.baseline_events or spikes.candidate_events):
        mark = " MORE" if spikes.failed else ""
        parts.append(f"spikes {spikes.candidate_events} to {spikes.baseline_events}{mark}")
    parts += (
        f"{_short(count.name)} {count.candidate_count} to {count.baseline_count}"
        f"{' MORE' if count.failed else ''}"
        for count in verdict.counts
        if count.failed or count.undecided
    )
    metrics = "".join(f"{part}  " for part in parts)
    further = verdict.pairs_to_decide
    outlook = f"about {further} more, " if further else ""
    word = pair_word(verdict.containers)
    return f"{word} {done}/{max_pairs}  {metrics}({outlook}at most {_minutes(left_s)} left)"


def aa_pair_line(
    done: int, pairs: int, changes: Mapping[str, float | None], containers: int = 1
) -> str:
    """Pair ``done`` of an A/A study: relative change by metric, None where nothing was measured."""
    shown = {name: change for name, change in changes.items() if not request_in(name)} or changes
    parts = [
        f"{_short(name)} {'not measured' if change is None else units.change(change)}"
        for name, change in shown.items()
    ]
    return f"{pair_word(containers)} {done}/{pairs}  {'  '.join(parts)}"


def run_line(done: int, runs: int, run: Run, elapsed_s: float) -> str:
    """Run ``done`` of an image that is measured alone."""
    stage = latency_stage([run])
    p50, p99 = map(ns, run.histograms[stage].quantiles_ns([0.5, 0.99]))
    return f"run {done}/{runs}  {stage} p50 {p50}, p99 {p99}  ({elapsed_s:.0f} s so far)"


def excluded_line(what: str, why: Note | None) -> str:
    """A pair or a run (``what``) that is not used."""
    return f"{what} excluded: {note_text(why)}"


def excluded_note(why: Note | None) -> str:
    """The same after another sentence; empty for one that is used."""
    return f", excluded: {note_text(why)}" if why else ""


def watch_line(watch: Watch, stops: StopVerdict | None) -> str:
    """How far the watch is: ``watch: 16 + 16 replicas, 1.2 of 2.0 minutes, no stop``."""
    up = [len(watch.last_of(arm)) for arm in ARMS]
    parts = [f"watch: {up[0]} + {up[1]} replicas"]
    if stops is not None:
        minutes = stops.candidate_exposure_s / 60 / max(1, watch.wanted)
        parts.append(f"{min(minutes, watch.minutes):.1f} of {watch.minutes:.1f} minutes")
        if watch.age_s:
            parts.append(f"{min(stops.half_age_s, watch.age_s):.0f} of {watch.age_s:.0f} s old")
        found = f"{stops.candidate_stops} to {stops.baseline_stops} stops"
        parts.append(found if stops.candidate_stops or stops.baseline_stops else "no stop")
    return ", ".join(parts)


def replica_ended(age_s: float | None) -> str:
    """What an error of a replica that ended begins with; its container's name follows."""
    age = "" if age_s is None else f", {units.duration_s(age_s)} after its start"
    return f"a replica of the watch{age}"


def leftover_line(name: str) -> str:
    """Something that an earlier run could not remove, removed now."""
    return f"removed what an earlier, killed run left: {name}"


def untraced_line(count: int) -> str:
    """Containers of the stacks for which the probe has no room."""
    return f"{count} containers of the stacks are not traced"


def _estimate(metric: MetricVerdict) -> str:
    """Short name, change so far, and what is decided: ``p99 +0.4% ok``, ``cpu n/a``."""
    kind = kind_of(metric.stage)
    name = kind.short or _short(metric.name)
    if math.isnan(metric.change):
        return f"{name} n/a"
    worse = f" {'MORE' if kind.worse == 'higher' else kind.worse.upper()}"
    mark = {Outcome.PASS: " ok", Outcome.REGRESSION: worse}.get(metric.verdict, "")
    return f"{name} {units.change(metric.change)}{mark}"


def _requests(metrics: Sequence[MetricVerdict]) -> Iterator[str]:
    """The slowest of the named requests' metrics, and how many pass: a hundred have no room."""
    failed = [metric for metric in metrics if metric.verdict is Outcome.REGRESSION]
    slowest = sorted(failed or metrics, key=change_or_lowest, reverse=True)
    yield from map(_estimate, slowest[:MAX_NAMED])
    if len(failed) > MAX_NAMED:
        yield f"and {len(failed) - MAX_NAMED} more SLOWER"
    if metrics:
        passed = sum(metric.verdict is Outcome.PASS for metric in metrics)
        yield f"{passed} of {len(metrics)} by request ok"


def _limit(limit: LimitVerdict) -> str:
    """``p99 31.0 ms of 50.0 ms ok``."""
    mark = {Outcome.PASS: " ok", Outcome.REGRESSION: " ABOVE"}.get(limit.verdict, "")
    level, most = (value_text(v, limit.stage) for v in (limit.candidate_ns, limit.limit_ns))
    return f"{_short(limit.name)} {level} of {most}{mark}"


def _short(name: str) -> str:
    """``p99``, ``checkout p99``, ``app_p99``, ``checkout app_p99``."""
    short = without_request(name).removeprefix("response_").removeprefix("client_")
    return " ".join(filter(None, (request_in(name), short)))


def _minutes(seconds: float) -> str:
    seconds = max(0.0, seconds)
    return f"{seconds / 60:.1f} min" if seconds >= 90 else f"{seconds:.0f} s"
