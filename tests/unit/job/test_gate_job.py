from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from socklat_gate.baseline.choice import Lineage
from socklat_gate.errors import (
    Exit,
    InvalidMeasurement,
    NoUsableBaseline,
    Reason,
    UnfitEnvironment,
)
from socklat_gate.job import gate_job as paired
from socklat_gate.job.base_arm import BaseArm
from socklat_gate.job.gate_job import GateJob
from socklat_gate.job.reference import Reference
from socklat_gate.measured.campaign import Fingerprint
from socklat_gate.measured.facts import Note, NoteCode
from socklat_gate.measured.result import GateResult
from socklat_gate.measured.verdict import Outcome
from socklat_gate.report.report import report_of
from socklat_gate.service.built_images import REPOSITORY
from socklat_gate.service.image import ImageRef
from socklat_gate.wording.drift_text import drift_text
from socklat_gate.wording.headline import headline, next_step
from socklat_gate.wording.notes import note_text
from socklat_gate.wording.reasons import coded_reasons, reason_text
from socklat_gate.wording.sentence import plain
from tests.unit.job import fakes
from tests.unit.job.fakes import (
    BASE_IMAGE,
    IMAGE,
    SAME_IMAGE,
    FakeRig,
    Step,
    opening,
    quiet_progress,
    scenario,
    stored,
)
from tests.unit.verdict.builders import SERVICE_NS, run_of

FEW = 9.0
"""Stands for a pair whose candidate has too few exchanges."""
DIED = InvalidMeasurement(Reason.SERVICE_DIED, "exit code 3", remedy="look at its log")


@pytest.fixture
def judge(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., GateResult]:
    """Runs a job over steps of a fake rig."""

    def run(
        steps: Sequence[Step],
        reference: Reference | Exception | Callable[[], None] | None = None,
        unmeasured: tuple[str, ...] = (),
        *,
        allow_same_image: bool = False,
        candidate: ImageRef = IMAGE,
        **limits: Any,
    ) -> GateResult:
        def find_reference() -> Reference:
            if isinstance(reference, Exception):
                raise reference
            store = stored(tmp_path / "none", 0)
            if callable(reference):
                reference()
            elif reference is not None:
                return reference
            return Reference(BASE_IMAGE, store, named=True, stored=False)

        rig = FakeRig(steps, unmeasured, limits.get("containers", 1))
        monkeypatch.setattr(paired, "Rig", opening(rig))
        job = GateJob(
            client=None,
            scenario=scenario(**limits),
            directory=tmp_path,
            candidate=candidate,
            find_reference=find_reference,
            seed=9,
            progress=quiet_progress(),
            allow_same_image=allow_same_image,
        )
        result = job.run()
        assert rig.closed or not rig.seeds
        return result

    return run


def outcome(result: GateResult) -> tuple[Outcome, Reason]:
    return result.verdict.outcome, result.verdict.reasons[0].code


def test_no_change_passes(judge: Callable[..., GateResult]) -> None:
    result = judge([0.0] * 40)
    assert outcome(result) == (Outcome.PASS, Reason.NO_REGRESSION)
    assert 5 <= len(result.pairs) < 40
    assert (result.baseline_image, result.candidate_image) == ("demo:1", "demo:2")
    assert result.completeness is not None
    assert result.completeness.recorded == 12_000 * len(result.pairs)


def test_a_large_change_fails(judge: Callable[..., GateResult]) -> None:
    result = judge([0.3] * 40)
    assert outcome(result) == (Outcome.REGRESSION, Reason.REGRESSION)


def test_the_time_of_building_is_not_that_of_measuring(
    judge: Callable[..., GateResult], monkeypatch: pytest.MonkeyPatch
) -> None:
    clock, built_s = time.monotonic, [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: clock() + built_s[0])

    def build() -> None:
        built_s[0] = 3600.0

    result = judge([0.0] * 40, build, max_minutes=5)
    assert outcome(result) == (Outcome.PASS, Reason.NO_REGRESSION)
    assert result.duration_s > 3600  # but it took that long


def test_the_budget_of_pairs(judge: Callable[..., GateResult]) -> None:
    result = judge([0.0] * 40, max_pairs=3)
    assert outcome(result) == (Outcome.INCONCLUSIVE, Reason.BUDGET_PAIRS)
    assert len(result.pairs) == 3


def test_the_budget_is_of_blocks(judge: Callable[..., GateResult]) -> None:
    result = judge([0.0] * 40, max_pairs=3, containers=2)
    assert outcome(result) == (Outcome.INCONCLUSIVE, Reason.BUDGET_PAIRS)
    assert [(pair.index, pair.start, pair.replica) for pair in result.pairs] == [
        *((0, 0, 0), (1, 0, 1)),
        *((2, 2, 0), (3, 2, 1)),
        *((4, 4, 0), (5, 4, 1)),
    ]
    assert (result.verdict.pairs, result.verdict.containers) == (3, 2)
    assert any(note.code is NoteCode.CONTAINERS for note in result.notes)


def test_a_block_that_begins_in_time_is_measured_to_its_end(
    judge: Callable[..., GateResult],
) -> None:
    result = judge([0.0] * 40, max_minutes=1e-9, containers=4)
    assert outcome(result) == (Outcome.INCONCLUSIVE, Reason.BUDGET_MINUTES)
    assert len(result.pairs) == 4
    assert len(judge([0.0] * 40, containers=4).pairs) == 16  # so many starts a pass needs


def test_blocks_that_are_excluded_count_once(judge: Callable[..., GateResult]) -> None:
    noisy = judge(["stolen"] * 3 + [0.0] * 40, max_excluded_pairs=3, containers=4)
    assert noisy.verdict.outcome is Outcome.PASS
    assert sum(pair.excluded is not None for pair in noisy.pairs) == 12
    spoilt = judge(["stolen"] * 4, max_excluded_pairs=3, containers=4)
    assert outcome(spoilt) == (Outcome.INVALID, Reason.TOO_NOISY)
    assert (spoilt.verdict.pairs, spoilt.verdict.containers) == (4, 4)


def test_a_container_that_dies_ends_the_job_with_the_blocks_before(
    judge: Callable[..., GateResult],
) -> None:
    result = judge([0.0, 0.0, DIED], containers=2)
    assert outcome(result) == (Outcome.INVALID, Reason.SERVICE_DIED)
    assert len(result.pairs) == 4
    assert result.completeness is not None


def test_the_budget_of_minutes(judge: Callable[..., GateResult]) -> None:
    result = judge([0.0] * 40, max_minutes=1e-9)
    assert outcome(result) == (Outcome.INCONCLUSIVE, Reason.BUDGET_MINUTES)
    assert len(result.pairs) == 1


@pytest.mark.parametrize(
    ("stage", "reason"),
    [("service", Reason.TOO_FEW_REQUESTS), ("deliver", Reason.NOT_MEASURED)],
)
def test_what_cannot_be_judged_is_said_after_the_first_pair(
    judge: Callable[..., GateResult], monkeypatch: pytest.MonkeyPatch, stage: str, reason: Reason
) -> None:
    few = run_of(SERVICE_NS[::125], counters={**fakes.COUNTERS, "recorded": 48})
    monkeypatch.setattr(fakes, "run", lambda *_: few)
    metric = {"stage": stage, "quantile": 0.5, "tolerance": 0.02, "regression_threshold": 0.05}
    result = judge(["steal", *[0.0] * 40], metrics=[metric])
    assert outcome(result) == (Outcome.INCONCLUSIVE, reason)
    assert [bool(pair.excluded) for pair in result.pairs] == [True, False]


@pytest.mark.parametrize(
    ("steps", "pairs", "reason"),
    [
        ([0.0] * 40, 6, Reason.REGRESSION),
        ([*[0.0] * 5, DIED], 5, Reason.REGRESSION_TOGETHER),
        ([*[0.0] * 5, "steal", "steal", "steal", 0.0], 8, Reason.REGRESSION_TOGETHER),
        ([*[0.0] * 5, FEW, *[0.0] * 20], 6, Reason.REGRESSION_TOGETHER),
    ],
)
def test_a_failure_without_a_name_goes_on_for_one_and_is_never_taken_back(
    judge: Callable[..., GateResult],
    monkeypatch: pytest.MonkeyPatch,
    steps: Sequence[Step],
    pairs: int,
    reason: Reason,
) -> None:
    """After 5 pairs all evidence is enough, and no metric's is."""
    ranks = np.linspace(0.0, 1.0, SERVICE_NS.size)
    slower = SERVICE_NS * np.exp(np.interp(ranks, [0.3, 0.5, 0.7], [0.02, 0.4, 0.9]))
    both = [run_of(times, counters=fakes.COUNTERS) for times in (SERVICE_NS, slower)]
    few = run_of(SERVICE_NS[::125], counters={**fakes.COUNTERS, "recorded": 48})
    monkeypatch.setattr(
        fakes, "run", lambda *change: few if change == (FEW,) else both[bool(change)]
    )
    metrics = [
        {"quantile": q, "tolerance": 0.02, "regression_threshold": 0.3} for q in (0.3, 0.5, 0.7)
    ]
    result = judge(
        steps,
        alpha=0.05,
        metrics=metrics,
        errors=False,
        capacity=False,
        spikes={"enabled": False},
    )
    assert outcome(result) == (Outcome.REGRESSION, reason)
    assert len(result.pairs) == pairs


def test_a_candidate_that_does_not_respond_fails_though_it_has_no_quantiles(
    judge: Callable[..., GateResult], monkeypatch: pytest.MonkeyPatch
) -> None:
    good = fakes.run()
    mute = run_of(SERVICE_NS[:1], counters={**fakes.COUNTERS, "recorded": 1})
    load = replace(good.load, responded=1, responded_total=1, errors=good.load.planned - 1)
    mute = replace(mute, load=load)
    monkeypatch.setattr(fakes, "run", lambda *change: mute if change else good)
    result = judge([0.0] * 40)
    assert outcome(result) == (Outcome.REGRESSION, Reason.MORE_ERRORS)


def test_pairs_set_aside_are_kept_but_not_used(judge: Callable[..., GateResult]) -> None:
    result = judge(["steal", 0.0, "steal", *[0.0] * 40])
    assert outcome(result)[0] is Outcome.PASS
    assert [note_text(pair.excluded) for pair in result.pairs[:4]] == ["steal", "", "steal", ""]
    assert result.verdict.pairs == len(result.pairs) - 2


def test_too_many_of_them_make_it_invalid(judge: Callable[..., GateResult]) -> None:
    result = judge([0.0, "steal", "steal", "steal"], max_excluded_pairs=2)
    assert outcome(result) == (Outcome.INVALID, Reason.TOO_NOISY)
    assert len(result.pairs) == 4


def test_a_failure_keeps_what_was_measured_before_it(judge: Callable[..., GateResult]) -> None:
    result = judge([0.0, 0.0, DIED])
    assert outcome(result) == (Outcome.INVALID, Reason.SERVICE_DIED)
    assert reason_text(result.verdict.reasons[0], result.verdict) == "exit code 3 (look at its log)"
    assert len(result.pairs) == 2
    assert result.completeness is not None


def test_other_errors_are_no_verdict(judge: Callable[..., GateResult]) -> None:
    gone = UnfitEnvironment(Reason.NO_DOCKER, "the daemon is gone")
    with pytest.raises(UnfitEnvironment):
        judge([0.0, gone])


def test_no_baseline_is_a_result_too(judge: Callable[..., GateResult]) -> None:
    result = judge([], NoUsableBaseline(Reason.BASELINE_EMPTY, "nothing there"))
    assert outcome(result) == (Outcome.NO_BASELINE, Reason.BASELINE_EMPTY)
    assert result.baseline_image == "none"
    assert result.completeness is None
    assert result.verdict.outcome.exit_code is Exit.NO_BASELINE


@pytest.mark.parametrize(
    ("campaigns", "change", "expected"),
    [
        (5, 0.002, (Outcome.PASS, Reason.WITHIN_PREDICTION)),
        (5, 0.5, (Outcome.REGRESSION, Reason.REGRESSION)),
        (4, 0.5, (Outcome.INCONCLUSIVE, Reason.TOO_FEW_CAMPAIGNS)),
    ],
)
def test_without_the_image_the_stored_numbers_are_the_reference(
    judge: Callable[..., GateResult],
    tmp_path: Path,
    campaigns: int,
    change: float,
    expected: tuple[Outcome, Reason],
) -> None:
    store = stored(tmp_path / "baselines", campaigns)
    reference = Reference(None, store, named=False, stored=True)
    result = judge([change] * 5, reference)
    assert outcome(result) == expected
    assert result.pairs == ()
    assert result.campaign is not None
    assert len(result.campaign.runs) == 5
    assert result.baseline_image == "stored campaigns"


def test_numbers_of_another_machine_are_no_reference(
    judge: Callable[..., GateResult], tmp_path: Path
) -> None:
    store = stored(tmp_path / "baselines", 5, fingerprint=Fingerprint({"kernel": "5.10"}))
    result = judge([], Reference(None, store, named=False, stored=True))
    assert outcome(result) == (Outcome.NO_BASELINE, Reason.BASELINE_FINGERPRINT)


def test_their_image_is_one_and_the_result_says_so(
    judge: Callable[..., GateResult], tmp_path: Path
) -> None:
    store = stored(
        tmp_path / "baselines", 5, fingerprint=Fingerprint({"kernel": "5.10"}), commit="c" * 40
    )
    reference = Reference(BASE_IMAGE, store, named=False, stored=True, commit="c" * 40)
    result = judge([0.0] * 40, reference)
    assert outcome(result)[0] is Outcome.PASS
    assert result.drift is None
    assert result.baseline_commit == "c" * 40
    assert "kernel is '6.1' here, '5.10' in the baseline" in " ".join(report_of(result).head.notes)
    assert outcome(judge([0.3] * 40, reference))[0] is Outcome.REGRESSION


def test_todays_baseline_is_held_against_the_stored_one(
    judge: Callable[..., GateResult], tmp_path: Path
) -> None:
    store = stored(tmp_path / "baselines", 3, mode="paired")
    result = judge([0.0] * 40, Reference(BASE_IMAGE, store, named=True, stored=True))
    assert outcome(result)[0] is Outcome.PASS
    assert "today's baseline arm lies within" in drift_text(result.drift)


def test_a_gated_stage_that_is_not_measured_is_inconclusive_at_once(
    judge: Callable[..., GateResult],
) -> None:
    result = judge([], unmeasured=("rx_process",))
    assert result.verdict.outcome is Outcome.INCONCLUSIVE
    ((reason, text),) = coded_reasons(result.verdict)
    assert reason == Reason.NO_HOOK.value
    assert "rx_process is not measured: no hook for process attaches to this kernel" in text
    assert (result.pairs, result.hooks) == ((), FakeRig.hooks)
    assert "this kernel shows" in plain(next_step(result))


def test_the_result_says_which_commit_it_was_compared_with(
    judge: Callable[..., GateResult], tmp_path: Path
) -> None:
    store = stored(tmp_path, 2, commit="a" * 40, branch="main")
    built = Reference(
        BASE_IMAGE, store, True, True, "b" * 40, Note(NoteCode.NEAREST_ANCESTOR, "main")
    )
    result = judge([0.0] * 40, built)
    assert result.baseline_commit == "b" * 40
    assert note_text(result.baseline_choice) == "the merge base of 'main'"
    numbers = Reference(None, store, False, True, lineage=Lineage(("a" * 40,)))
    result = judge([0.0] * 9, numbers)
    assert (result.baseline_commit, note_text(result.baseline_choice)) == ("a" * 40, "this commit")
    assert judge([], DIED).baseline_commit == ""


def test_one_image_in_both_arms_is_said_before_anything_is_measured(
    judge: Callable[..., GateResult], tmp_path: Path
) -> None:
    twice = Reference(SAME_IMAGE, stored(tmp_path / "none", 0), named=True, stored=False)
    result = judge([], twice)
    assert outcome(result) == (Outcome.INCONCLUSIVE, Reason.SAME_IMAGE)
    assert result.pairs == ()
    said = plain(headline(result))
    assert said.startswith("same image in both arms")
    assert "demo:latest and demo:2 (sha256:2)" in said
    assert "--allow-same-image" in plain(next_step(result))


@pytest.mark.parametrize(
    ("checked_out", "expected"),
    [("c" * 40, Reason.SAME_IMAGE), ("d" * 40, Reason.NO_REGRESSION)],
)
def test_what_is_checked_out_is_not_compared_with_itself(
    judge: Callable[..., GateResult],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    checked_out: str,
    expected: Reason,
) -> None:
    """On main the merge base with main is what is checked out, and an image may hold the time."""
    monkeypatch.setattr(paired, "current_commit", lambda _directory: checked_out)
    built, again = (ImageRef(f"{REPOSITORY}:{key}", f"sha256:{key}", "") for key in ("a", "b"))
    service = scenario().service
    arm = BaseArm("c" * 40, tmp_path, service, service)
    store = stored(tmp_path / "none", 0)
    reference = Reference(built, store, named=True, stored=False, commit="c" * 40, arm=arm)
    result = judge([0.0] * 40, reference, candidate=again)
    assert result.verdict.reasons[0].code is expected
    if expected is Reason.SAME_IMAGE:
        assert judge([0.0] * 40, reference, candidate=again, allow_same_image=True).pairs


def test_one_image_in_both_arms_can_be_meant(
    judge: Callable[..., GateResult], tmp_path: Path
) -> None:
    twice = Reference(SAME_IMAGE, stored(tmp_path / "none", 0), named=True, stored=False)
    result = judge([0.0] * 40, twice, allow_same_image=True)
    assert outcome(result) == (Outcome.PASS, Reason.NO_REGRESSION)


def test_the_image_of_a_stored_campaign_may_be_the_candidates(
    judge: Callable[..., GateResult], tmp_path: Path
) -> None:
    store = stored(tmp_path / "baselines", 5, image_id=IMAGE.id)
    kept = Reference(SAME_IMAGE, store, named=False, stored=True)
    assert outcome(judge([], kept)) == (Outcome.INCONCLUSIVE, Reason.SAME_IMAGE)


LIMIT = [{"quantile": 0.5, "limit_ms": 0.8}]  # the reference's p50 is 0.4 ms


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (0.0, (Outcome.PASS, Reason.WITHIN_LIMITS)),
        (2.0, (Outcome.REGRESSION, Reason.ABOVE_LIMIT)),
        (0.6931, (Outcome.INCONCLUSIVE, Reason.LIMIT_NOT_SHOWN)),
    ],
)
@pytest.mark.parametrize("kind", ["no baseline", "stored numbers only"])
def test_limits_alone_need_no_baseline(
    judge: Callable[..., GateResult],
    tmp_path: Path,
    change: float,
    expected: tuple[Outcome, Reason],
    kind: str,
) -> None:
    missing = NoUsableBaseline(Reason.NO_BASELINE_YET, "nothing there")
    stored_only = Reference(None, stored(tmp_path / "baselines", 5), named=False, stored=True)
    reference = missing if kind == "no baseline" else stored_only
    result = judge([change] * 16, reference, metrics=LIMIT, max_pairs=16)
    assert outcome(result) == expected
    assert result.pairs == ()
    assert result.campaign is not None
    (limit,) = result.verdict.limits
    assert limit.runs == len(result.campaign.runs)
    assert limit.limit_ns == 8e5
    if expected[0] is Outcome.PASS:
        assert limit.runs < 8
        assert "nothing was compared" in plain(headline(result))
    if expected[0] is Outcome.INCONCLUSIVE:
        assert [fact.code for fact in result.verdict.reasons][1] is Reason.BUDGET_PAIRS
        assert result.verdict.only_undecided


def test_a_limit_beside_a_comparison_does_not_replace_the_baseline(
    judge: Callable[..., GateResult],
) -> None:
    zone = {"quantile": 0.5, "tolerance": 0.02, "regression_threshold": 0.05, "limit_ms": 0.8}
    missing = NoUsableBaseline(Reason.NO_BASELINE_YET, "nothing there")
    result = judge([], missing, metrics=[zone])
    assert outcome(result) == (Outcome.NO_BASELINE, Reason.NO_BASELINE_YET)


def test_a_limit_that_cannot_be_measured_is_no_pass(judge: Callable[..., GateResult]) -> None:
    missing = NoUsableBaseline(Reason.NO_BASELINE_YET, "nothing there")
    result = judge([], missing, unmeasured=("service",), metrics=LIMIT)
    assert outcome(result) == (Outcome.INCONCLUSIVE, Reason.NO_HOOK)
    died = judge([0.0, 0.0, DIED], missing, metrics=LIMIT)
    assert outcome(died) == (Outcome.INVALID, Reason.SERVICE_DIED)


def test_a_limit_is_judged_in_pairs_where_there_is_a_baseline(
    judge: Callable[..., GateResult],
) -> None:
    result = judge([0.0] * 40, metrics=LIMIT)
    assert outcome(result) == (Outcome.PASS, Reason.WITHIN_LIMITS)
    assert len(result.pairs) >= 5


def test_log_lines_of_a_container_are_shown_only_where_asked_for(
    judge: Callable[..., GateResult],
) -> None:
    died = InvalidMeasurement(Reason.SERVICE_DIED, "exit code 3").with_log("one\ntwo\nthree")
    assert "two" not in repr(judge([died]).verdict)


def test_what_stands_beside_an_error_is_in_the_same_line(
    judge: Callable[..., GateResult],
) -> None:
    """A reason is a line, and a line break would be shown as no character at all."""
    died = InvalidMeasurement(Reason.SERVICE_DIED, "exit code 3", remedy="read its log")
    died.and_beside(["beside api: db exited with code 1", "networks.proxy: its own"])
    (reason,) = judge([died]).verdict.reasons
    assert reason.numbers["text"] == (
        "exit code 3; beside api: db exited with code 1; networks.proxy: its own (read its log)"
    )


def test_as_many_log_lines_as_the_scenario_asks_for(tmp_path: Path) -> None:
    asked = scenario()
    service = asked.service.model_copy(update={"log_lines": 2})
    lines: list[str] = []
    progress = quiet_progress()
    progress.line = lines.append  # type: ignore[method-assign]
    job = GateJob(
        client=None,
        scenario=asked.model_copy(update={"service": service}),
        directory=tmp_path,
        candidate=IMAGE,
        find_reference=lambda: None,  # type: ignore[arg-type,return-value]
        seed=9,
        progress=progress,
    )
    died = InvalidMeasurement(Reason.SERVICE_DIED, "exit code 3").with_log("one\ntwo\nthree")
    (reason,) = job._failure_verdict(died).reasons
    assert reason.numbers["text"] == "exit code 3 | two | three"
    assert lines == ["| one", "| two", "| three"]
