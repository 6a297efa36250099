"""Pairs whose stalls follow one arm's requests are judged by their raw numbers."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from socklat_gate.errors import Reason
from socklat_gate.measured.pair import Pair
from socklat_gate.measured.run import StallCorrected
from socklat_gate.measured.verdict import Outcome
from socklat_gate.scenario import Gate
from socklat_gate.verdict import aa_findings
from socklat_gate.verdict.aa_findings import study
from socklat_gate.verdict.correlated_stalls import LIMIT, judged_pairs
from socklat_gate.verdict.decide import decide
from socklat_gate.wording.reasons import reason_text

from .builders import blocks_with, pairs_with, scaled_run

CAUSES = ("late_tick", "steal", "interference")
NOISE = np.random.default_rng(8).normal(0, 0.01, 40)
GATE = Gate()


def corrected(pair: Pair, log_change: float = 0.0) -> Pair:
    """Corrected numbers of the candidate's are those of a run with this change."""

    def correction(change: float) -> StallCorrected:
        shown = scaled_run(change)
        return StallCorrected(shown.histograms, shown.bands, shown.histograms, 6000)

    return replace(
        pair,
        baseline=replace(pair.baseline, corrected=correction(0.0)),
        candidate=replace(pair.candidate, corrected=correction(log_change)),
    )


def evidence(*by_cause: float) -> dict[str, tuple[float, ...]]:
    """The same logarithm for every window and rate of a cause."""
    return {
        cause: (value,) * 4 for cause, value in zip(CAUSES, (*by_cause, 0.0, 0.0), strict=False)
    }


def with_evidence(pairs: list[Pair], each: float) -> list[Pair]:
    return [replace(pair, stall_evidence=evidence(each)) for pair in pairs]


def test_fair_coins_and_pairs_that_were_not_tested_keep_their_correction() -> None:
    pairs = [corrected(pair) for pair in pairs_with(NOISE[:8])]
    for given in (pairs, with_evidence(pairs, -0.4), with_evidence(pairs, 0.0)):
        kept = judged_pairs(given)
        assert kept.pairs == given
        assert (kept.fact, kept.dropped, kept.alone) == (None, frozenset(), 0)


def test_evidence_adds_up_over_pairs_until_nothing_is_corrected() -> None:
    pairs = with_evidence([corrected(pair) for pair in pairs_with(NOISE[:8])], 1.0)
    needed = math.ceil(math.log(3 * LIMIT - 2))  # the two quiet causes stay at 1
    assert judged_pairs(pairs[: needed - 1]).fact is None
    kept = judged_pairs(pairs[:needed])
    assert all(run.corrected is None for pair in kept.pairs for run in (pair.candidate,))
    assert kept.dropped == {"response", "service", "recv_wait", "app", "respond"}
    assert kept.fact is not None
    assert (kept.fact.code, kept.fact.subject) == (Reason.CORRELATED_STALLS, "late_tick")
    # Once shown it stays shown, whatever the other pairs say.
    assert judged_pairs([*pairs[:needed], *with_evidence(pairs[:3], -9.0)]).fact == kept.fact


def test_one_pair_can_lose_its_own_correction_and_the_others_keep_theirs() -> None:
    pairs = with_evidence([corrected(pair) for pair in pairs_with(NOISE[:3])], -5.0)
    pairs[2] = replace(pairs[2], stall_evidence=evidence(5.0))
    kept = judged_pairs(pairs)
    assert kept.fact is None
    assert kept.alone == 1
    assert [pair.candidate.corrected is None for pair in kept.pairs] == [False, False, True]


def test_a_block_has_its_evidence_once_and_loses_its_correction_as_a_whole() -> None:
    blocks = [corrected(pair) for pair in blocks_with([[0.0] * 2] * 3)]
    for at, each in ((0, -5.0), (2, 5.0), (4, -5.0)):  # none in the pairs of other replicas
        blocks[at] = replace(blocks[at], stall_evidence=evidence(each))
    kept = judged_pairs(blocks)
    assert kept.alone == 2
    assert [pair.candidate.corrected is None for pair in kept.pairs] == [
        *(False, False),
        *(True, True),
        *(False, False),
    ]


def test_a_helper_that_was_corrected_away_is_judged_by_the_raw_numbers() -> None:
    hidden = [corrected(pair) for pair in pairs_with(0.8 + NOISE[:14])]
    verdicts = [decide(with_evidence(hidden, 2.0)[:n], GATE) for n in range(1, 15)]
    assert Outcome.PASS not in {verdict.outcome for verdict in verdicts}
    failed = verdicts[-1]
    assert failed.outcome is Outcome.REGRESSION
    assert failed.reasons[-1].code is Reason.CORRELATED_STALLS
    assert failed.metrics[0].change == pytest.approx(math.expm1(0.8), abs=0.03)
    assert "late ticks follow the requests of one arm" in reason_text(failed.reasons[-1], failed)


def test_a_helper_of_the_baseline_is_no_regression_of_the_candidate() -> None:
    # The candidate does the work itself: raw numbers are equal, corrected ones are not.
    moved = [corrected(pair, 0.8) for pair in pairs_with(NOISE[:14])]
    assert decide(moved, GATE).outcome is Outcome.REGRESSION
    assert decide(with_evidence(moved, 5.0), GATE).outcome is Outcome.PASS


def test_what_both_looked_at_before_counts_half() -> None:
    pairs = [corrected(pair) for pair in pairs_with(0.8 + NOISE[:9])]
    plain = [replace(p, candidate=replace(p.candidate, corrected=None)) for p in pairs]
    plain = [replace(p, baseline=replace(p.baseline, corrected=None)) for p in plain]
    dropped = decide(with_evidence(pairs, 5.0), GATE).metrics
    raw = decide(plain, GATE).metrics
    ratios = [
        one.evidence_fail / other.evidence_fail for one, other in zip(dropped, raw, strict=True)
    ]
    assert ratios == pytest.approx([0.5, 0.5, 0.5, 1.0])  # CPU time was never corrected


def test_a_study_of_equal_arms_looks_at_what_a_gate_would_judge(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("JOBS", "POWER_CELLS", "FLIPS"):
        monkeypatch.setattr(aa_findings, name, 100)
    hidden = [corrected(pair, 0.2) for pair in pairs_with(NOISE[:12])]
    shown, raw = (study(pairs, GATE, 10.0, 1) for pairs in (hidden, with_evidence(hidden, 2.0)))
    assert shown.metrics[0].change == pytest.approx(math.expm1(0.2), abs=0.02)
    assert raw.metrics[0].change == pytest.approx(0.0, abs=0.02)
