"""``socklat-gate run``: one image measured alone, several fresh containers, no verdict."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from datetime import datetime, timezone
from pathlib import Path

from socklat_gate.errors import InvalidMeasurement, Reason
from socklat_gate.job.commit import current_branch, current_commit
from socklat_gate.job.progress import Progress
from socklat_gate.job.rig import Rig
from socklat_gate.job.starting_order import pair_seed
from socklat_gate.measured.campaign import Campaign
from socklat_gate.measured.facts import Note
from socklat_gate.measured.pair import Noise
from socklat_gate.measured.run import Run
from socklat_gate.scenario import Scenario
from socklat_gate.service.image import ImageRef
from socklat_gate.service.session import ArmSpec
from socklat_gate.wording.changes import plural
from socklat_gate.wording.notes import note_text
from socklat_gate.wording.progress_lines import excluded_line, excluded_note, run_line

__all__ = ["measure_campaign", "utc_now"]

log = logging.getLogger(__name__)


def measure_campaign(
    rig: Rig,
    scenario: Scenario,
    directory: Path,
    image: ImageRef,
    *,
    runs: int,
    seed: int,
    progress: Progress,
    decided: Callable[[Sequence[Run]], bool] = lambda _runs: False,
) -> Campaign:
    """Measures ``image`` in ``runs`` fresh containers, one after the other.

    ``decided`` is asked after each of them; once it says so no more follow.
    Runs that the machine disturbed beyond the scenario's bounds are repeated, at most
    ``gate.max_excluded_pairs`` of them; more raise `InvalidMeasurement` (TOO_NOISY).
    """
    # Read before anything runs: what a job writes later is no change of the code.
    commit, branch = current_commit(directory), current_branch(directory)
    kept: list[Run] = []
    noises: list[Noise] = []
    excluded = 0
    started_s = time.monotonic()
    while len(kept) < runs:
        progress.step(f"run {len(kept) + 1}/{runs}")
        number = len(kept) + excluded
        log.info("run %d begins", number)
        measured = rig.single(pair_seed(seed, number), ArmSpec("candidate", image))
        log.info("run %d ends%s", number, excluded_note(measured.excluded))
        if measured.excluded:
            excluded += 1
            progress.line(excluded_line("run", measured.excluded))
            check_excluded(scenario, excluded, len(kept), measured.excluded)
            continue
        kept += measured.runs
        noises.append(measured.noise)
        elapsed_s = time.monotonic() - started_s
        progress.line(run_line(len(kept), runs, measured.runs[0], elapsed_s))
        if decided(kept):
            break
    return Campaign(
        scenario_name=scenario.name,
        scenario_hash=scenario.measured_hash(),
        mode="single",
        created=utc_now(),
        commit=commit,
        image=image.reference,
        image_id=image.id,
        fingerprint=rig.fingerprint(),
        runs=tuple(kept),
        noise=tuple(noises),
        branch=branch,
        former_hashes=scenario.former_hashes(),
    )


def check_excluded(scenario: Scenario, excluded: int, used: int, why: Note) -> None:
    """Raises `InvalidMeasurement` (TOO_NOISY) when the machine spoilt more than is allowed."""
    if excluded > scenario.gate.max_excluded_pairs:
        raise InvalidMeasurement(
            Reason.TOO_NOISY,
            f"{plural(excluded, 'measurement')} had to be excluded ({used} were usable); "
            f"last: {note_text(why)}",
            remedy="use a quieter runner, or raise gate.max_excluded_pairs, gate.max_steal or "
            "load.max_late_ms knowing what that lets in",
        )


def utc_now() -> str:
    """The time now, UTC, ISO 8601 with microseconds."""
    return datetime.now(timezone.utc).isoformat(timespec="microseconds")
