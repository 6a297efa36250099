"""The history of a metric as sentences."""

from __future__ import annotations

import math

from socklat_gate.measured.history import Change, MetricHistory, ReleaseDrift
from socklat_gate.wording import units
from socklat_gate.wording.changes import listing, plural
from socklat_gate.wording.shared_facts import shortfall_text

__all__ = ["history_lines", "release_text"]


def history_lines(history: MetricHistory) -> list[str]:
    """Each change, or that there is none, and the drift from a pinned release; a line each."""
    lines = [f"{history.metric}: {_change(history, change)}" for change in history.changes]
    if not lines:
        number = plural(len(history.campaigns), "campaign")
        lines = [f"{history.metric}: no change found over {number}"]
    return [*lines, release_text(history.release)] if history.release else lines


def release_text(drift: ReleaseDrift) -> str:
    """The latest campaigns beside those of a release."""
    what = f"{drift.metric} of the latest {plural(drift.latest, 'campaign')}"
    if drift.shortfalls or not math.isfinite(drift.detectable):
        lacks = [shortfall_text(one, drift.stage, drift.quantile) for one in drift.shortfalls]
        why = listing(lacks) if lacks else "at least 2 campaigns of the release are needed"
        return f"{what} cannot be compared with the pinned release: {why}"
    return (
        f"{what} differs by {units.change(drift.change)} from the "
        f"{plural(drift.pinned, 'campaign')} of the pinned release, "
        f"{'more than' if drift.drifted else 'which does not exclude'} the tolerance of "
        f"{units.change(drift.tolerance)} at {100 * drift.level:g}% confidence "
        f"(a drift shows from {units.change(drift.detectable)} on)"
    )


def _change(history: MetricHistory, change: Change) -> str:
    since = history.campaigns[change.index]
    where = f"{since.created[:10]} (commit {units.commit_id(since.commit) or 'unknown'})"
    if change.kind == "ramp":
        until = history.campaigns[change.end - 1].created[:10]
        where = f"{where} until {until}, little by little"
    return f"{units.change(math.expm1(change.log_shift))} from {where} on, p = {change.p:.2g}"
