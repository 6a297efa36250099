"""``socklat-gate gate``: pairs of reference and candidate until the verdict is in."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from socklat_gate.baseline.calibrations import calibration_note
from socklat_gate.environment import environment_facts
from socklat_gate.errors import GateError, InvalidMeasurement, NoUsableBaseline, Reason
from socklat_gate.job.arm_differences import arm_differences, stored_differences
from socklat_gate.job.auto_values import AutoValues, baseline_spec
from socklat_gate.job.budget import Budget
from socklat_gate.job.commit import current_branch, current_commit
from socklat_gate.job.completeness import completeness_of
from socklat_gate.job.gate_pairs import GatePairs
from socklat_gate.job.gate_rounds import GateRounds
from socklat_gate.job.gate_task import GateTask
from socklat_gate.job.gated_stages import missing_hooks
from socklat_gate.job.limits_job import measure_by_limits
from socklat_gate.job.progress import Progress
from socklat_gate.job.reference import Reference
from socklat_gate.job.rig import Rig
from socklat_gate.job.run_job import measure_campaign, utc_now
from socklat_gate.job.same_image import same_commit, same_image
from socklat_gate.job.scenario_notes import scenario_notes
from socklat_gate.job.waivers import Compared, waivers_in_force
from socklat_gate.measured.arm_differences import ArmDifferences
from socklat_gate.measured.campaign import Campaign, Fingerprint
from socklat_gate.measured.facts import TEXT, Drift, Note, ReasonFact
from socklat_gate.measured.pair import Pair, containers_of, moments
from socklat_gate.measured.result import GateResult
from socklat_gate.measured.verdict import Outcome, Verdict
from socklat_gate.measured.watch import Watch
from socklat_gate.scenario import Scenario, Waiver
from socklat_gate.service.docker_types import DockerClient
from socklat_gate.service.image import ImageRef
from socklat_gate.service.session import ArmSpec
from socklat_gate.verdict.stored import compare, drift
from socklat_gate.wording.progress_lines import STORED_ONLY
from socklat_gate.wording.sanitise import foreign_lines

__all__ = ["GateJob"]

log = logging.getLogger(__name__)

STORED_RUNS = 5
"""Runs of the candidate when there is nothing to pair it with."""


@dataclass
class GateJob:
    """One gate: what is known of it grows while it runs, and makes a `GateResult` at any time.

    ``find_reference`` is called once, before anything is started.  ``allow_same_image``: the same
    image in both arms is meant; else nothing is measured then.  ``path`` is the scenario's file in
    ``directory``; ``notes`` are what is known of its limits before.
    """

    client: DockerClient
    scenario: Scenario
    directory: Path
    candidate: ImageRef
    find_reference: Callable[[], Reference]
    seed: int
    progress: Progress
    allow_same_image: bool = False
    path: Path = Path("socklat.toml")
    notes: tuple[Note, ...] = ()

    def __post_init__(self) -> None:
        self._started_s = time.monotonic()
        self._ready_s = self._started_s
        self._created = utc_now()
        self._reference: Reference | None = None
        self._pairs: list[Pair] = []
        self._campaign: Campaign | None = None
        self._hooks: Mapping[str, str] = {}
        self._fingerprint = Fingerprint({})
        self._stored: Sequence[Campaign] = ()
        self._missed = 0
        self._drift: Drift | None = None
        self._notes = (*self.notes, *scenario_notes(self.scenario))
        self._waivers: Sequence[Waiver] = ()
        self._differences: ArmDifferences | None = None
        self._watch: Watch | None = None
        # Read before anything runs: what a build writes later is no change of the code.
        self._commit = current_commit(self.directory)
        self._branch = current_branch(self.directory)

    def run(self) -> GateResult:
        """Measures until decided or until the budget is spent.

        An `InvalidMeasurement` or `NoUsableBaseline` on the way becomes the result's verdict, with
        everything that was measured before it; other errors are raised.
        """
        try:
            verdict = self._measure()
        except (InvalidMeasurement, NoUsableBaseline) as error:
            verdict = self._failure_verdict(error)
        return self._result(verdict)

    def _measure(self) -> Verdict:
        reference = self._reference = self._found_reference()
        # The budget is for measuring, and what has been built until now is no part of that.
        self._ready_s = time.monotonic()
        self._notes += reference.notes if reference else ()
        gate = self.scenario.gate
        if reference is None or (reference.image is None and not gate.needs_baseline):
            return self._measure_by_limits()
        if reference.image is not None:
            self._differences = arm_differences(
                self.scenario,
                self.directory,
                reference.image,
                self.candidate,
                reference.arm,
                file=self.path.name,
                commit=reference.commit,
            )
        elif reference.stored:
            self._differences = stored_differences(
                self.scenario, self.path, reference.commit, self.candidate
            )
        alike = same_image(self.scenario, reference.image, self.candidate) or same_commit(
            self._commit if reference.arm and reference.arm.commit == self._commit else "",
            reference.image,
            self.candidate,
            self._differences,
        )
        if alike is not None and not self.allow_same_image and not self._differ_beside_image():
            return Verdict(Outcome.INCONCLUSIVE, (alike,))
        self._find_values(reference)
        paired = reference.image is not None
        place = self.client, self.scenario, self.directory, self.progress.phase
        with Rig(*place, watched=paired) as rig:
            self._hooks, self._fingerprint = rig.hooks, rig.fingerprint(paired=paired)
            numbers = reference.numbers(self.scenario, self._fingerprint)
            stored = self._stored = numbers.campaigns
            self._waivers, unheld = self._waivers_in_force(reference, stored)
            self._notes += numbers.notes + unheld + rig.notes + (rig.cpu_notes if paired else ())
            if rig.unmeasured:
                return _without_hooks(rig.unmeasured)
            try:
                baseline = baseline_spec(self.scenario, reference)
                if baseline is None:
                    return self._measure_alone(rig, stored)
                task = self._task([baseline, ArmSpec("candidate", self.candidate)])
                verdict = self._measure_pairs(rig, task)
            finally:
                self._missed = rig.missed
        verdict = GateRounds(self.client, self.directory, task).measure(verdict)
        self._drift = drift(stored, self._pairs, self.scenario.gate)
        return verdict

    def _find_values(self, reference: Reference | None) -> None:
        """Of what is "auto": from the baseline, which cannot know what is compared."""
        auto = AutoValues(self.client, self.directory, reference, self.seed, self.progress)
        for find in (auto.with_rate, auto.with_containers):
            self.scenario, notes = find(self.scenario)
            self._notes += notes

    def _differ_beside_image(self) -> bool:
        return self._differences is not None and self._differences.beside_image

    def _waivers_in_force(
        self, reference: Reference, stored: Sequence[Campaign]
    ) -> tuple[Sequence[Waiver], tuple[Note, ...]]:
        commit, _ = reference.compared_with(stored)
        image = reference.image
        images = (image.id, image.digest) if image else ()
        compared = Compared(self.directory / self.path.name, commit, images)
        return waivers_in_force(self.scenario, compared)

    def _found_reference(self) -> Reference | None:
        """None where there is no baseline, and nothing that is judged needs one."""
        try:
            return self.find_reference()
        except NoUsableBaseline:
            if self.scenario.gate.needs_baseline:
                raise
            return None

    def _measure_by_limits(self) -> Verdict:
        """The candidate alone, until its limits are shown to be kept or exceeded."""
        self._find_values(None)
        with Rig(self.client, self.scenario, self.directory, self.progress.phase) as rig:
            self._hooks, self._fingerprint = rig.hooks, rig.fingerprint()
            self._notes += rig.notes
            if rig.unmeasured:
                return _without_hooks(rig.unmeasured)
            try:
                self._campaign, verdict = measure_by_limits(
                    rig,
                    self.scenario,
                    self.directory,
                    self.candidate,
                    budget=self._budget,
                    seed=self.seed,
                    progress=self.progress,
                )
            finally:
                self._missed = rig.missed
        return verdict

    def _measure_alone(self, rig: Rig, stored: Sequence[Campaign]) -> Verdict:
        self.progress.line(STORED_ONLY)
        self._campaign = measure_campaign(
            rig,
            self.scenario,
            self.directory,
            self.candidate,
            runs=STORED_RUNS,
            seed=self.seed,
            progress=self.progress,
        )
        return compare(stored, self._campaign, self.scenario.gate, waivers=self._waivers)

    def _task(self, specs: Sequence[ArmSpec]) -> GateTask:
        return GateTask(
            scenario=self.scenario,
            specs=specs,
            budget=self._budget,
            seed=self.seed,
            progress=self.progress,
            waivers=self._waivers,
            stored=self._stored,
            pairs=self._pairs,
        )

    def _measure_pairs(self, rig: Rig, task: GateTask) -> Verdict:
        until_s = time.monotonic() + self._budget.left_s()
        with rig.fleet(task.specs, self.seed, until_s) as fleet:
            try:
                verdict = GatePairs(rig, task, fleet).measure()
            except InvalidMeasurement:
                self._watch = fleet.watch()
                raise
            self._watch = task.watch
            return verdict

    @property
    def _budget(self) -> Budget:
        return Budget(self.scenario.gate, self._ready_s)

    def _failure_verdict(self, error: GateError) -> Verdict:
        missing = isinstance(error, NoUsableBaseline)
        outcome = Outcome.NO_BASELINE if missing else Outcome.INVALID
        # A reason is one line: what stands beside it follows in the same.
        message = "; ".join(filter(None, map(str.strip, error.message.splitlines())))
        text = f"{message} ({error.remedy})" if error.remedy else message
        for line in foreign_lines(error.log):
            self.progress.line(line)
        if asked := self.scenario.service.log_lines:
            last = error.log.splitlines()[-asked:]
            text += "".join(f" | {line}" for line in last)
        fact = ReasonFact(error.reason, numbers={TEXT: text})
        containers = containers_of(self._pairs)
        return Verdict(outcome, (fact,), pairs=moments(self._pairs), containers=containers)

    def _result(self, verdict: Verdict) -> GateResult:
        noises = [pair.noise for pair in self._pairs if pair.replica == 0]
        runs = [run for pair in self._pairs for run in (pair.baseline, pair.candidate)]
        runs += self._campaign.runs if self._campaign else ()
        baseline_commit, baseline_choice = (
            self._reference.compared_with(self._stored) if self._reference else ("", None)
        )
        return GateResult(
            scenario_name=self.scenario.name,
            scenario_hash=self.scenario.measured_hash(),
            former_hashes=self.scenario.former_hashes(),
            created=self._created,
            commit=self._commit,
            seed=self.seed,
            duration_s=time.monotonic() - self._started_s,
            baseline_image=self._reference.name if self._reference else "none",
            candidate_image=self.candidate.reference,
            fingerprint=self._fingerprint,
            hooks=self._hooks,
            pairs=tuple(self._pairs),
            campaign=self._campaign,
            completeness=completeness_of(runs, self._missed) if runs else None,
            verdict=verdict,
            environment=environment_facts(self._fingerprint, noises),
            drift=self._drift,
            calibration=self._calibration(),
            branch=self._branch,
            baseline_commit=baseline_commit,
            baseline_choice=baseline_choice,
            notes=(*self._notes, *(self._watch.notes if self._watch else ())),
            arm_differences=self._differences,
            watch=self._watch,
        )

    def _calibration(self) -> Note | None:
        if self._reference is None:
            return None
        place = self._reference.store.place
        return calibration_note(place, self.scenario, self._fingerprint)


def _without_hooks(unmeasured: Iterable[str]) -> Verdict:
    """It can never pass, and nothing would be learnt from spending the budget."""
    fact = ReasonFact(Reason.NO_HOOK, numbers=missing_hooks(unmeasured))
    return Verdict(Outcome.INCONCLUSIVE, (fact,))
