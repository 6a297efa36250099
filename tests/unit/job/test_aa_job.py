from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from socklat_gate.errors import InvalidMeasurement, Reason, UnfitEnvironment, UsageError
from socklat_gate.job import aa_job as calibrate
from socklat_gate.job.aa_job import CalibrationJob
from socklat_gate.measured.calibration import Calibration
from socklat_gate.verdict import aa_findings
from tests.unit.job.fakes import (
    IMAGE,
    MACHINE,
    FakeRig,
    Step,
    opening,
    quiet_progress,
    scenario,
)

NOISE: list[Step] = [0.01, -0.02, 0.005, 0.0, 0.015, -0.01, 0.02, -0.005]

Study = Callable[..., Calibration]


@pytest.fixture
def study(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Study:
    """Runs a study over steps of a fake rig."""

    def run(
        steps: Sequence[Step],
        pairs: int = 8,
        minutes: float = 5.0,
        unmeasured: tuple[str, ...] = (),
        **limits: Any,
    ) -> Calibration:
        rig = FakeRig(steps, unmeasured, limits.get("containers", 1))
        monkeypatch.setattr(calibrate, "Rig", opening(rig))
        # How good the resampling is has tests of its own.
        monkeypatch.setattr(aa_findings, "JOBS", 200)
        monkeypatch.setattr(aa_findings, "MOST_PAIRS", 40)
        job = CalibrationJob(
            client=None,
            scenario=scenario(**limits),
            directory=tmp_path,
            image=IMAGE,
            pairs=pairs,
            minutes=minutes,
            seed=9,
            progress=quiet_progress(),
        )
        try:
            return job.run()
        finally:
            assert rig.closed
            assert len(set(rig.seeds)) == len(rig.seeds)

    return run


def test_a_study_holds_for_its_scenario_runner_and_rule(study: Study) -> None:
    found = study(NOISE)
    assert found.scenario_name == "demo"
    assert found.scenario_hash == scenario().measured_hash()
    assert found.gate_hash == scenario().gate_hash()
    assert found.fingerprint == MACHINE
    assert (found.image, found.image_id) == (IMAGE.reference, IMAGE.id)
    assert (found.seed, found.excluded) == (9, 0)
    assert found.findings.pairs == 8
    assert len(found.findings.metrics[0].ratios) == 8


def test_as_many_pairs_are_measured_as_were_asked_for(study: Study) -> None:
    assert study([*NOISE, *NOISE], pairs=10).findings.pairs == 10


def test_a_study_of_blocks_counts_blocks(study: Study) -> None:
    pairs = study(NOISE)
    blocks = study([*NOISE[:2], "stolen", *NOISE[2:]], containers=2)
    assert (blocks.findings.pairs, blocks.excluded) == (pairs.findings.pairs, 1)
    assert blocks.findings.metrics[0].ratios == pytest.approx(pairs.findings.metrics[0].ratios)
    assert blocks.gate_hash != pairs.gate_hash


def test_pairs_set_aside_are_measured_again(study: Study) -> None:
    found = study([*NOISE[:6], "steal", "steal", *NOISE[6:]], max_excluded_pairs=1)
    assert found.findings.pairs == 8
    assert found.excluded == 2


def test_a_runner_that_spoils_the_first_pairs_is_too_noisy(study: Study) -> None:
    with pytest.raises(InvalidMeasurement) as caught:
        study(["steal"] * 8, max_excluded_pairs=3)
    assert caught.value.reason is Reason.TOO_NOISY


def test_a_runner_that_spoils_most_pairs_is_too_noisy(study: Study) -> None:
    with pytest.raises(InvalidMeasurement) as caught:
        study([*NOISE[:7], *(["steal"] * 20)], max_excluded_pairs=3)
    assert caught.value.reason is Reason.TOO_NOISY


def test_spent_minutes_end_the_measuring(study: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter(float(now) for now in range(0, 1000, 10))
    monkeypatch.setattr(calibrate.time, "monotonic", lambda: next(clock))
    found = study(NOISE, minutes=1.1)
    assert found.findings.pairs == 7
    assert found.findings.pair_s == pytest.approx(80 / 7)


def test_too_few_pairs_in_the_time_give_no_rate(
    study: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = iter(float(now) for now in range(0, 1000, 10))
    monkeypatch.setattr(calibrate.time, "monotonic", lambda: next(clock))
    with pytest.raises(InvalidMeasurement) as caught:
        study(NOISE, minutes=0.5)
    assert caught.value.reason is Reason.TOO_FEW_SAMPLES
    assert "are needed for a false-alarm rate" in caught.value.message


def test_a_stage_that_this_kernel_cannot_show_is_an_error_before_measuring(study: Study) -> None:
    with pytest.raises(UnfitEnvironment) as caught:
        study([], unmeasured=("deliver",))
    assert caught.value.reason is Reason.NO_HOOK


def test_what_the_bench_raises_ends_the_study(study: Study) -> None:
    died = InvalidMeasurement(Reason.SERVICE_DIED, "exit code 3")
    with pytest.raises(InvalidMeasurement, match="exit code 3"):
        study([*NOISE, died], pairs=9)


@pytest.mark.parametrize("metric", [{"quantile": 0.5, "limit_ms": 5.0}, {"stage": "capacity"}])
def test_a_gate_that_compares_nothing_has_no_study(
    tmp_path: Path, metric: dict[str, object]
) -> None:
    job = CalibrationJob(
        client=None,
        scenario=scenario(metrics=[metric]),
        directory=tmp_path,
        image=IMAGE,
        pairs=8,
        minutes=1.0,
        seed=9,
        progress=quiet_progress(),
    )
    with pytest.raises(UsageError, match="compares nothing"):
        job.run()
