"""``socklat-gate calibrate``: pairs of an image and itself, and what they show about the gate."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, replace
from pathlib import Path

from socklat_gate.errors import Reason, UnfitEnvironment, UsageError
from socklat_gate.job.commit import current_commit
from socklat_gate.job.containers_job import ContainersJob
from socklat_gate.job.gated_stages import missing_hooks
from socklat_gate.job.progress import Progress
from socklat_gate.job.rate_job import RateJob
from socklat_gate.job.rig import Rig
from socklat_gate.job.run_job import check_excluded, utc_now
from socklat_gate.job.starting_order import pair_seed
from socklat_gate.job.study_timing import study_timing
from socklat_gate.measured.calibration import Calibration
from socklat_gate.measured.campaign import Fingerprint
from socklat_gate.measured.pair import ARMS, Pair, moments
from socklat_gate.scenario import Scenario
from socklat_gate.service.docker_types import DockerClient
from socklat_gate.service.image import ImageRef
from socklat_gate.service.session import ArmSpec
from socklat_gate.verdict.aa_findings import study
from socklat_gate.verdict.log_ratios import metric_log_ratios
from socklat_gate.verdict.log_scale import relative
from socklat_gate.verdict.resampling import MIN_PAIRS
from socklat_gate.wording.changes import pair_word
from socklat_gate.wording.notes import note_text
from socklat_gate.wording.progress_lines import (
    RESAMPLING,
    aa_pair_line,
    excluded_line,
    excluded_note,
    pair_step,
)
from socklat_gate.wording.shared_facts import no_hook_text

__all__ = ["CalibrationJob"]

log = logging.getLogger(__name__)

MAX_MEASURED_PER_PAIR = 2
"""Pairs measured at most for each one wanted; a runner that spoils more is too noisy to study."""


@dataclass(frozen=True, slots=True)
class CalibrationJob:
    """One A/A study: ``pairs`` usable pairs, or as many as ``minutes`` allow."""

    client: DockerClient
    scenario: Scenario
    directory: Path
    image: ImageRef
    pairs: int
    minutes: float
    seed: int
    progress: Progress
    known_rate: float | None = None

    def run(self) -> Calibration:
        """Measures and resamples; ``load.rate = "auto"`` is ``known_rate``, or found.

        Raises `InvalidMeasurement` when a measurement failed, when too many pairs had to be
        excluded (TOO_NOISY) or too few were measured (TOO_FEW_SAMPLES), `UnfitEnvironment`
        (NO_HOOK) when this kernel cannot show a gated stage, `UsageError` (BAD_SCENARIO) when no
        metric is compared.
        """
        if not self.scenario.gate.compared:
            raise UsageError(
                Reason.BAD_SCENARIO,
                f"scenario {self.scenario.name!r} compares nothing in its pairs: its metrics are "
                "limits or the capacity",
                remedy="give a quantile its tolerance and regression_threshold",
            )
        created = utc_now()
        spec = ArmSpec("baseline", self.image)
        rate = RateJob(self.client, self.scenario, self.directory, spec, self.seed, self.progress)
        found = rate.announced(self.known_rate)
        choice = ContainersJob(self.client, found, self.directory, spec, self.progress)
        return replace(self, scenario=choice.announced())._study(created)

    def _study(self, created: str) -> Calibration:
        with Rig(self.client, self.scenario, self.directory, self.progress.phase) as rig:
            fingerprint = rig.fingerprint(paired=True)
            for note in rig.cpu_notes:
                self.progress.line(note_text(note))
            if rig.unmeasured:
                raise UnfitEnvironment(
                    Reason.NO_HOOK,
                    no_hook_text(missing_hooks(rig.unmeasured)),
                    remedy="gate other stages: this scenario can never pass here",
                )
            pairs, took_s = self._measure_pairs(rig)
        self.progress.step("")
        self.progress.phase(RESAMPLING)
        return self._calibration(created, fingerprint, pairs, took_s)

    def _measure_pairs(self, rig: Rig) -> tuple[list[Pair], float]:
        """All pairs, those excluded too, and the seconds that they took together."""
        # The command is the candidate's for both arms: nothing may differ between them.
        specs = [ArmSpec(arm, self.image) for arm in ARMS]
        started_s = time.monotonic()
        measured: list[Pair] = []
        containers = self.scenario.gate.containers_at_once
        used = 0
        left_s = 60 * self.minutes
        while used < self.pairs and left_s > 0:
            self.progress.step(pair_step(used + 1, self.pairs, containers))
            index = len(measured)
            log.info("pair %d begins", index)
            pairs = rig.pairs(index, pair_seed(self.seed, index), specs)
            why = pairs[0].excluded
            log.info("pair %d ends%s", pairs[-1].index, excluded_note(why))
            measured += pairs
            used += not why
            left_s = 60 * self.minutes - (time.monotonic() - started_s)
            if not why:
                self.progress.line(aa_pair_line(used, self.pairs, self._changes(pairs), containers))
                continue
            self.progress.line(excluded_line(pair_word(containers), why))
            if used < MIN_PAIRS or moments(measured) >= MAX_MEASURED_PER_PAIR * self.pairs:
                check_excluded(self.scenario, moments(measured) - used, used, why)
        return measured, time.monotonic() - started_s

    def _changes(self, pairs: list[Pair]) -> dict[str, float | None]:
        """Relative change of each gated metric; None where it was not measured."""
        found = {}
        for metric in self.scenario.gate.compared:
            ratios = metric_log_ratios(pairs, [metric])[metric.name].log_ratios
            found[metric.name] = relative(float(ratios.mean())) if ratios.size else None
        return found

    def _calibration(
        self, created: str, fingerprint: Fingerprint, pairs: list[Pair], took_s: float
    ) -> Calibration:
        used = moments(pair for pair in pairs if not pair.excluded)
        pair_s = took_s / max(1, used)
        timing = study_timing(self.scenario, pairs, pair_s)
        findings = study(pairs, self.scenario.gate, pair_s, self.seed, timing)
        return Calibration(
            scenario_name=self.scenario.name,
            scenario_hash=self.scenario.measured_hash(),
            gate_hash=self.scenario.gate_hash(),
            created=created,
            commit=current_commit(self.directory),
            image=self.image.reference,
            image_id=self.image.id,
            fingerprint=fingerprint,
            seed=self.seed,
            excluded=moments(pairs) - used,
            findings=findings,
        )
