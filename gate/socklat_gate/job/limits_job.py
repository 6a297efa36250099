"""The candidate alone, held to absolute limits: for gates that compare with nothing."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from socklat_gate.job.budget import Budget
from socklat_gate.job.progress import Progress
from socklat_gate.job.rig import Rig
from socklat_gate.job.run_job import measure_campaign
from socklat_gate.load.checks import check_failing
from socklat_gate.measured.campaign import Campaign
from socklat_gate.measured.run import Run
from socklat_gate.measured.verdict import Outcome, Verdict
from socklat_gate.scenario import Scenario
from socklat_gate.service.image import ImageRef
from socklat_gate.verdict.limits_alone import decide_by_limits
from socklat_gate.wording.progress_lines import LIMITS_ONLY

__all__ = ["measure_by_limits"]


def measure_by_limits(
    rig: Rig,
    scenario: Scenario,
    directory: Path,
    candidate: ImageRef,
    *,
    budget: Budget,
    seed: int,
    progress: Progress,
) -> tuple[Campaign, Verdict]:
    """Runs of the candidate until its limits are shown to be kept or exceeded, or the budget ends.

    A run counts as a pair of ``gate.max_pairs``.  Raises `InvalidMeasurement`.
    """
    progress.line(LIMITS_ONLY)
    gate = scenario.gate
    verdict = decide_by_limits((), gate)

    def decided(runs: Sequence[Run]) -> bool:
        nonlocal verdict
        # There is no other arm beside which failures could be judged.
        check_failing(scenario.load, [run.load for run in runs], "candidate")
        spent = budget.spent(len(runs), budget.left_s())
        verdict = decide_by_limits(runs, gate, spent)
        return verdict.outcome is not Outcome.INCONCLUSIVE or spent is not None

    campaign = measure_campaign(
        rig,
        scenario,
        directory,
        candidate,
        runs=gate.max_pairs,
        seed=seed,
        progress=progress,
        decided=decided,
    )
    return campaign, verdict
