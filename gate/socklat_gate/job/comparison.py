"""Stored results compared anywhere: no root, no Docker, no BPF."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, cast

from socklat_gate.baseline.campaigns import campaigns_at
from socklat_gate.baseline.comparability import comparable
from socklat_gate.baseline.copies import without_copies
from socklat_gate.baseline.open_store import open_store
from socklat_gate.baseline.places.location import is_remote
from socklat_gate.environment import environment_facts
from socklat_gate.errors import NoUsableBaseline, Reason
from socklat_gate.job.completeness import completeness_of
from socklat_gate.job.stream_notes import not_by_kernel
from socklat_gate.measured.campaign import Campaign
from socklat_gate.measured.facts import Note, NoteCode
from socklat_gate.measured.names import CLIENT
from socklat_gate.measured.result import Comparison
from socklat_gate.measured.run_values import by_driver_clock, request_names
from socklat_gate.measured.verdict import Verdict
from socklat_gate.scenario.named_gate import Whole, default_gate_of
from socklat_gate.verdict.stored import compare as judge

if TYPE_CHECKING:
    from socklat_gate.scenario import Scenario
    from socklat_gate.scenario.gating import Gate, Waiver

__all__ = ["compare"]


def compare(base: str, candidate: str | Path, *, scenario: str | Path | None = None) -> Comparison:
    """The stored ``candidate`` held against the campaigns of ``base``.

    ``base`` is a directory of campaigns, one file, or a location such as ``git+branch:NAME``;
    ``candidate`` a campaign or a result.json.  ``scenario`` is a socklat.toml with the metrics and
    error rates to use (None: the defaults).  Raises `UsageError` and `NoUsableBaseline`.
    """
    started_s = time.monotonic()
    planned = _planned(scenario)
    tested = campaigns_at(Path(candidate))[-1]
    limits = planned.gate if planned else default_gate_of(*_default_for(tested))
    stored: Sequence[Campaign]
    if is_remote(base):
        with open_store(base) as store:
            stored = store.existing(tested.scenario_name)
    else:
        stored = campaigns_at(Path(base), as_base=True)
    stored, notes = without_copies(stored, tested)
    if not stored:
        raise NoUsableBaseline(
            Reason.BASELINE_EMPTY,
            f"{base} holds the candidate's own campaign and no other: nothing can be compared "
            "with itself",
            remedy="give the campaigns of the reference, or store more of them",
        )
    usable = comparable(
        stored,
        tested.scenario_name,
        tested.scenario_hash,
        tested.fingerprint,
        tested.mode,
        tested.former_hashes,
    )
    waivers: Sequence[Waiver] = ()
    if planned is not None and scenario is not None and planned.waiver:
        from socklat_gate.job.waivers import Compared, waivers_in_force  # noqa: PLC0415 - with models

        newest = usable[-1]
        compared = Compared(Path(scenario), newest.commit, (newest.image_id,))
        waivers, unheld = waivers_in_force(planned, compared)
        notes += unheld
    streams = max((run.load.streams.asked for run in tested.runs if run.load.streams), default=1)
    if streams > 1:
        notes += (not_by_kernel(streams),)
    verdict = judge(usable, tested, cast("Gate", limits), waivers=waivers)
    return _result(usable, tested, verdict, notes, started_s)


def _result(
    stored: tuple[Campaign, ...],
    tested: Campaign,
    verdict: Verdict,
    notes: tuple[Note, ...],
    started_s: float,
) -> Comparison:
    return Comparison(
        scenario_name=tested.scenario_name,
        scenario_hash=tested.scenario_hash,
        former_hashes=tested.former_hashes,
        created=tested.created,
        commit=tested.commit,
        seed=0,
        duration_s=time.monotonic() - started_s,
        baseline_image=stored[-1].image,
        candidate_image=tested.image,
        fingerprint=tested.fingerprint,
        hooks={},
        campaign=tested,
        completeness=completeness_of(tested.runs, missed=0),
        verdict=verdict,
        environment=environment_facts(tested.fingerprint, tested.noise),
        branch=tested.branch,
        baseline_commit=stored[-1].commit,
        baseline_choice=Note(NoteCode.NEWEST_GIVEN),
        notes=notes,
    )


def _planned(scenario: str | Path | None) -> Scenario | None:
    if scenario is None:
        return None
    from socklat_gate.scenario.loader import load_scenario  # noqa: PLC0415 - its models take long

    return load_scenario(Path(scenario))


def _default_for(tested: Campaign) -> tuple[dict[str, float], Whole]:
    """What the default gate depends on: its names, and the clock of its latencies."""
    stage: Whole = CLIENT if any(map(by_driver_clock, tested.runs)) else "response"
    return _fewest_by_name(tested), stage


def _fewest_by_name(tested: Campaign) -> dict[str, float]:
    """How many of each named request were due in a run at least, whatever became of them."""
    due = [run.load.requests for run in tested.runs]
    return {
        name: float(min(run[name].planned if name in run else 0 for run in due))
        for name in request_names(tested.runs)
    }
