"""Start-up time and peak memory: judged like a quantile, and never without a value."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from socklat_gate.errors import Reason
from socklat_gate.measured.facts import Lack, Note, NoteCode
from socklat_gate.measured.pair import Pair
from socklat_gate.measured.run import Run
from socklat_gate.measured.run_values import request_part
from socklat_gate.measured.verdict import Outcome, Verdict
from socklat_gate.scenario.gating import Gate, Metric
from socklat_gate.verdict import aa_findings
from socklat_gate.verdict.aa_findings import study
from socklat_gate.verdict.decide import decide
from socklat_gate.verdict.limits_alone import decide_by_limits
from socklat_gate.verdict.stored import compare
from tests.unit.verdict.builders import campaign_of, pair_of, scaled_run

MIB = 1 << 20
RUN = scaled_run(0.0)
STEAL = Note(NoteCode.STEAL, numbers={"share": 0.9, "limit": 0.6})
BOTH = Gate(metrics=[{"stage": "startup"}, {"stage": "memory"}])
ZONE = {"tolerance": 0.05, "regression_threshold": 0.15}
STARTUP = Gate(metrics=[{"stage": "startup"}])


def run_with(startup_s: float = 0.5, memory_mib: float = 100.0) -> Run:
    return replace(
        RUN, startup_ns=round(1e9 * startup_s), peak_memory_bytes=round(MIB * memory_mib)
    )


def noise(sd: float, count: int, seed: int = 3) -> list[float]:
    return list(np.exp(np.random.default_rng(seed).normal(0.0, sd, count)))


def pairs_of(count: int, startup_s: float = 0.5, memory_mib: float = 100.0) -> list[Pair]:
    """The baseline's are 0.5 s and 100 MiB; starts scatter by 3%, memory by 1%."""
    starts, memory = noise(0.03, 2 * count), noise(0.01, 2 * count, 4)
    return [
        pair_of(
            run_with(0.5 * starts[2 * at], 100 * memory[2 * at]),
            run_with(startup_s * starts[2 * at + 1], memory_mib * memory[2 * at + 1]),
            at,
        )
        for at in range(count)
    ]


def codes(verdict: Verdict) -> list[Reason]:
    return [fact.code for fact in verdict.reasons]


def test_equal_arms_pass_by_both() -> None:
    verdict = decide(pairs_of(20), BOTH)
    assert verdict.outcome is Outcome.PASS
    startup, memory = verdict.metrics
    assert (startup.name, memory.name) == ("startup", "peak_memory")
    assert startup.baseline_ns == pytest.approx(0.5e9, rel=0.03)
    assert memory.baseline_ns == pytest.approx(100 * MIB, rel=0.01)  # bytes
    assert math.isnan(startup.raw_change)


@pytest.mark.parametrize(
    ("startup_s", "memory_mib", "failed"),
    [(0.8, 100.0, "startup"), (0.5, 150.0, "peak_memory")],
)
def test_the_one_that_got_worse_fails(startup_s: float, memory_mib: float, failed: str) -> None:
    """+300 ms, and +50 MiB."""
    verdict = decide(pairs_of(20, startup_s, memory_mib), BOTH)
    assert verdict.outcome is Outcome.REGRESSION
    assert [m.name for m in verdict.metrics if m.verdict is Outcome.REGRESSION] == [failed]


def test_less_of_it_is_an_improvement() -> None:
    verdict = decide(pairs_of(20, 0.3, 60.0), BOTH)
    assert verdict.outcome is Outcome.PASS
    assert all(metric.improved for metric in verdict.metrics)


@pytest.mark.parametrize("field", ["startup_ns", "peak_memory_bytes"])
def test_a_number_that_is_not_known_never_passes(field: str) -> None:
    pairs = pairs_of(20)
    blind = [replace(pair, candidate=replace(pair.candidate, **{field: 0})) for pair in pairs]
    name = {"startup_ns": "startup", "peak_memory_bytes": "peak_memory"}[field]
    for judged, code in (
        (blind, Reason.TOO_FEW_SAMPLES),
        ([*pairs[:-1], blind[-1]], Reason.TOO_FEW_SAMPLES),
        ([replace(p, baseline=p.candidate) for p in blind], Reason.NOT_MEASURED),
    ):
        verdict = decide(judged, BOTH)
        assert verdict.outcome is Outcome.INCONCLUSIVE
        assert codes(verdict) == [code]
        (lacking,) = [m for m in verdict.metrics if m.shortfalls]
        assert lacking.name == name
        assert lacking.shortfalls[0].lack in (Lack.STARTUP, Lack.MEMORY)


def started(pairs: Sequence[Pair], per_start: int) -> list[Pair]:
    """Every start's containers measured so often: the first pair alone knows how they started."""
    found = []
    for pair in pairs:
        for turn in range(per_start):
            arms = {} if turn == 0 else {"baseline": RUN, "candidate": RUN}
            index = pair.index * per_start + turn
            found.append(replace(pair, index=index, start=pair.index * per_start, **arms))
    return found


def test_of_several_pairs_on_the_same_containers_the_first_alone_has_a_start() -> None:
    gate = STARTUP.model_copy(update={"pairs_per_start": 3})
    verdict = decide(started(pairs_of(20), 3), gate)
    assert verdict.outcome is Outcome.PASS
    (metric,) = verdict.metrics
    assert len(metric.trace.pairs) == 20
    assert metric.shortfalls == ()
    same = decide(pairs_of(20), STARTUP).metrics[0]
    assert (metric.change, metric.evidence_pass) == (same.change, same.evidence_pass)
    assert decide(started(pairs_of(20, 0.8), 3), gate).outcome is Outcome.REGRESSION


def test_a_start_whose_first_pair_is_excluded_is_left_out_and_holds_nothing_up() -> None:
    """Exclusion is about the machine; the latency metric keeps the other pairs of that start."""
    gate = Gate(
        metrics=[
            {**ZONE, "stage": "startup", "limit_ms": 900.0},
            {**ZONE, "stage": "response", "quantile": 0.5},
        ],
        pairs_per_start=2,
    )
    pairs = started(pairs_of(20), 2)
    pairs[6] = replace(pairs[6], excluded=STEAL)
    verdict = decide(pairs, gate)
    assert verdict.outcome is Outcome.PASS
    startup, response = verdict.metrics
    assert (len(startup.trace.pairs), len(response.trace.pairs)) == (19, 20)
    assert verdict.limits[0].runs == 19


def test_a_first_pair_that_does_not_know_its_start_is_lacking() -> None:
    pairs = started(pairs_of(20), 2)
    pairs[6] = replace(pairs[6], candidate=RUN)
    verdict = decide(pairs, STARTUP.model_copy(update={"pairs_per_start": 2}))
    assert verdict.outcome is Outcome.INCONCLUSIVE
    (shortfall,) = verdict.metrics[0].shortfalls
    assert (shortfall.pair, shortfall.arm, shortfall.lack) == (6, "candidate", Lack.STARTUP)


def blocks(count: int, startup_s: float = 0.5) -> list[Pair]:
    pairs = pairs_of(2 * count, startup_s)
    return [
        replace(pair, index=at, start=at - at % 2, replica=at % 2) for at, pair in enumerate(pairs)
    ]


def test_in_blocks_each_container_counts() -> None:
    assert decide(blocks(12), BOTH).outcome is Outcome.PASS
    assert decide(blocks(12, 0.8), BOTH).outcome is Outcome.REGRESSION
    lacking = blocks(12)
    lacking[5] = replace(lacking[5], candidate=RUN)
    assert decide(lacking, BOTH).outcome is Outcome.INCONCLUSIVE


def test_a_study_of_equal_arms_knows_them(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("JOBS", "POWER_CELLS", "FLIPS"):
        monkeypatch.setattr(aa_findings, name, 100)
    found = study(started(pairs_of(12), 2), BOTH.model_copy(update={"pairs_per_start": 2}), 10.0, 1)
    assert [metric.name for metric in found.metrics] == ["startup"]  # memory lacks every second
    both = study(pairs_of(12), BOTH, 10.0, 1)
    assert [metric.name for metric in both.metrics] == ["startup", "peak_memory"]


@pytest.mark.parametrize(
    ("metric", "outcome"),
    [
        ({"stage": "startup", "limit_ms": 900.0}, Outcome.PASS),
        ({"stage": "startup", "limit_ms": 400.0}, Outcome.REGRESSION),
        ({"stage": "memory", "limit_mib": 150.0}, Outcome.PASS),
        ({"stage": "memory", "limit_mib": 80.0}, Outcome.REGRESSION),
        ({"stage": "memory", "limit_mib": 100.0}, Outcome.INCONCLUSIVE),
    ],
)
def test_a_limit_is_held_by_the_candidate_alone(
    metric: dict[str, object], outcome: Outcome
) -> None:
    gate = Gate(metrics=[metric])
    runs = [pair.candidate for pair in pairs_of(12)]
    verdict = decide_by_limits(runs, gate)
    assert verdict.outcome is outcome
    (limit,) = verdict.limits
    assert limit.quantile is None
    assert limit.candidate_ns == pytest.approx(
        0.5e9 if limit.stage == "startup" else 100 * MIB, rel=0.03
    )
    assert limit.ci_low_ns < limit.candidate_ns < limit.ci_high_ns
    lacking = decide_by_limits([*runs[:-1], RUN], gate)
    assert lacking.outcome is not Outcome.PASS


def test_half_of_the_starts_above_a_limit_never_pass() -> None:
    """What is held to the limit is the median of the starts: of 24, 12 take twice as long."""
    runs = [run_with(1.2 if at % 2 else 0.5) for at in range(24)]
    gate = Gate(metrics=[{"stage": "startup", "limit_ms": 900.0}])
    assert decide_by_limits(runs, gate).outcome is not Outcome.PASS


def test_stored_numbers_are_compared_too() -> None:
    runs = [pair.baseline for pair in pairs_of(40)]
    stored = [campaign_of(runs[at : at + 3]) for at in range(38)]  # enough for a slow day
    slower = campaign_of([run_with(0.8, 100.0)] * 3)
    assert compare(stored, slower, BOTH).outcome is Outcome.REGRESSION
    older = campaign_of([RUN] * 3)
    verdict = compare(stored, older, BOTH)
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert set(codes(verdict)) == {Reason.NOT_MEASURED}


def test_they_are_of_no_named_request() -> None:
    part = request_part(run_with(), "cart")
    assert (part.startup_ns, part.peak_memory_bytes) == (0, 0)
    with pytest.raises(ValueError, match="no request"):
        Metric.model_validate({"stage": "memory", "request": "cart"})
