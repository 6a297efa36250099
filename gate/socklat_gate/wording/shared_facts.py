"""Sentences that a verdict's reasons, notes and errors share."""

from __future__ import annotations

from collections.abc import Mapping

from socklat_gate.measured.facts import Lack, Scalar, Shortfall
from socklat_gate.measured.names import CPU
from socklat_gate.wording import units
from socklat_gate.wording.changes import plural
from socklat_gate.wording.container_metrics import kind_of
from socklat_gate.wording.fact_numbers import count_of, number_of

__all__ = ["exposure_text", "no_hook_text", "overlap_text", "shortfall_text", "spikes_text"]


CONTAINER_LACKS = (Lack.CPU_TIME, Lack.STARTUP, Lack.MEMORY)


def shortfall_text(shortfall: Shortfall, stage: str, quantile: float | None) -> str:
    """What one run of a metric lacks: ``pair 3, candidate: 12 of 400 exchanges lie beyond ...``."""
    where = _where(shortfall)
    if shortfall.lack is Lack.RUNS:
        return f"{where} has no runs"
    if shortfall.lack in CONTAINER_LACKS:
        return f"{where}: {kind_of(stage).lacking or kind_of(CPU).lacking}"
    if shortfall.lack is Lack.STAGE or quantile is None:
        older = " (it was measured by an earlier version: measure again, or gate stage service)"
        return f"{where}: stage {stage} was not measured{older if stage == 'response' else ''}"
    return (
        f"{where}: {shortfall.exceeding or 0:.3g} of {shortfall.exchanges or 0} exchanges lie "
        f"beyond {stage} p{100 * quantile:g}, {shortfall.needed or 0} are needed"
    )


def no_hook_text(events: Mapping[str, Scalar]) -> str:
    """Why a scenario cannot be judged: by stage, the events that this kernel has no hook for."""
    needed = "; ".join(
        f"{stage} is not measured: no hook for {names or 'it'} attaches to this kernel"
        for stage, names in events.items()
    )
    return f"{needed or 'a stage is not measured'} (gate another stage, or run where it does)"


def _where(shortfall: Shortfall) -> str:
    if shortfall.pair is not None:
        return f"pair {shortfall.pair}, {shortfall.arm or 'one arm'}"
    who = "new" if shortfall.campaign is None else f"stored campaign {shortfall.campaign}"
    return who if shortfall.run is None else f"{who}, run {shortfall.run}"


def spikes_text(numbers: Mapping[str, Scalar]) -> str:
    """Spikes of the candidate beside those of the reference."""
    return (
        f"{plural(count_of(numbers, 'events'), 'spike')} of "
        f"{units.ns(number_of(numbers, 'threshold_ns'))} or more in "
        f"{units.duration_s(number_of(numbers, 'exposure_s'))} of the candidate, "
        f"{count_of(numbers, 'reference_events')} in "
        f"{units.duration_s(number_of(numbers, 'reference_exposure_s'))} of the reference"
    )


def exposure_text(numbers: Mapping[str, Scalar]) -> str:
    """A pass that waits for the candidate to be watched for spikes."""
    return (
        "the candidate was watched for spikes for "
        f"{units.duration_s(number_of(numbers, 'exposure_s'))}, less than gate.spikes.watch_s; "
        f"about {plural(count_of(numbers, 'pairs_to_decide'), 'more pair')} needed"
    )


def overlap_text(subject: str, numbers: Mapping[str, Scalar]) -> str:
    """Requests of an arm that overlapped too often."""
    share, allowed = number_of(numbers, "share"), number_of(numbers, "allowed")
    return (
        f"{units.share(min(share, 1.0))} of the {subject}'s exchanges overlapped on their "
        f"connections (pipelining or multiplexing; {units.share(allowed)} allowed), "
        "so their response time is approximate: load the service with one request at a "
        "time per connection, or raise gate.max_overlap"
    )
