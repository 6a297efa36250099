from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest

from socklat_gate.errors import Reason
from socklat_gate.measured.facts import ReasonFact
from socklat_gate.measured.histogram import Histogram
from socklat_gate.measured.load_counts import Answers
from socklat_gate.measured.run import Run
from socklat_gate.measured.verdict import Outcome
from socklat_gate.scenario.gating import Gate, Metric
from socklat_gate.verdict.answers import answer_differences, answers_differ
from socklat_gate.verdict.decide import decide

from .builders import pair_of, scaled_run

GATE = Gate(metrics=[Metric(quantile=0.5, tolerance=0.02, regression_threshold=0.05)])
REFERENCE = scaled_run(0.0)


def responding(statuses: Mapping[str, int], sizes: np.ndarray | None = None) -> Run:
    number = sum(statuses.values())
    answers = Answers(
        statuses, Histogram.of(np.full(number, 3000) if sizes is None else sizes), {}, 8, 0
    )
    return replace(REFERENCE, load=replace(REFERENCE.load, answers=answers))


def sized(sizes: np.ndarray) -> Run:
    return responding({"200": sizes.size}, sizes)


def differences(baseline: Run, candidate: Run, pairs: int = 5) -> list[ReasonFact]:
    return answer_differences([baseline] * pairs, [candidate] * pairs, GATE)


FINE = responding({"200": 900})


@pytest.mark.parametrize(
    ("statuses", "share"),
    [
        ({"302": 900}, 1.0),
        ({"204": 900}, 1.0),
        ({"200": 600, "302": 300}, 1 / 3),
        ({"200": 850, "404": 50}, 0.0556),
    ],
)
def test_other_statuses_keep_a_pass_away(statuses: Mapping[str, int], share: float) -> None:
    other = responding(statuses)
    (fact,) = differences(FINE, other)
    assert (fact.code, fact.subject) == (Reason.ANSWERS_DIFFER, "statuses")
    assert fact.numbers["share"] == pytest.approx(share, abs=0.001)
    assert fact.numbers["baseline 200"] == 4500
    assert all(fact.numbers[f"candidate {name}"] == 5 * n for name, n in statuses.items())
    pairs = [pair_of(FINE, other, i) for i in range(6)]
    verdict = decide(pairs, GATE)
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert [one.code for one in verdict.reasons] == [Reason.ANSWERS_DIFFER]
    accepted = GATE.model_copy(update={"accept_answers": ["statuses"]})
    assert decide(pairs, accepted).outcome is Outcome.PASS


def test_failed_requests_are_no_other_statuses() -> None:
    """They are judged as errors; where the scenario expects them, they are a mix like any other."""
    other = responding({"200": 855, "500": 45})
    answers = replace(other.load.answers, errors={"bad_status": 45})
    failing = replace(other, load=replace(other.load, answers=answers))
    assert not differences(FINE, failing)
    assert differences(FINE, other)
    redirected = replace(answers, statuses={"200": 500, "302": 355, "500": 45})
    failing = replace(other, load=replace(other.load, answers=redirected))
    (fact,) = differences(FINE, failing)
    assert fact.numbers["share"] == pytest.approx(355 / 855)


@pytest.mark.parametrize(
    ("statuses", "errors", "told"),
    [
        ({"500": 900}, {"bad_status": 900}, "candidate 500"),
        ({}, {"protocol": 900}, "candidate protocol"),
    ],
)
def test_where_errors_are_not_judged_failed_requests_are_other_responses(
    statuses: Mapping[str, int], errors: Mapping[str, int], told: str
) -> None:
    failing = responding(statuses)
    answers = failing.load.answers
    assert answers is not None
    failing = replace(failing, load=replace(failing.load, answers=replace(answers, errors=errors)))
    pairs = [pair_of(FINE, failing, i) for i in range(6)]
    verdict = decide(pairs, GATE.model_copy(update={"errors": False}))
    assert verdict.outcome is Outcome.INCONCLUSIVE
    fact = verdict.reasons[0]
    assert (fact.code, fact.subject) == (Reason.ANSWERS_DIFFER, "statuses")
    assert (fact.numbers["share"], fact.numbers[told]) == (1.0, 5400)
    accepting = GATE.model_copy(update={"errors": False, "accept_answers": ["statuses", "sizes"]})
    assert decide(pairs, accepting).outcome is Outcome.PASS


@pytest.mark.parametrize("empty", [0.5, 0.3, 0.05])
def test_smaller_responses_are_seen_though_the_median_stays(empty: float) -> None:
    sizes = np.full(900, 3000)
    sizes[: round(900 * empty)] = 2
    (fact,) = differences(FINE, sized(sizes))
    assert fact.subject == "sizes"
    assert fact.numbers["larger"] == 0
    assert fact.numbers["share"] == pytest.approx(empty)
    (fact,) = differences(sized(sizes), FINE)
    assert fact.numbers["larger"] == 1
    accepted = GATE.model_copy(update={"accept_answers": ["sizes"]})
    assert not answer_differences([FINE] * 5, [sized(sizes)] * 5, accepted)


@pytest.mark.parametrize("rare", [9, 4])
def test_what_the_baseline_never_does_counts_though_it_is_rare(rare: int) -> None:
    """1% and 0.4% of 900 requests a run; both passed before."""
    sizes = np.full(900, 3000)
    sizes[:rare] = 100
    (fact,) = differences(FINE, sized(sizes))
    assert (fact.subject, fact.numbers["larger"]) == ("sizes", 0)
    assert fact.numbers["share"] == pytest.approx(rare / 900)
    assert fact.numbers["beyond_bytes"] == pytest.approx(2500, rel=0.01)
    (fact,) = differences(FINE, sized(np.where(sizes < 3000, 9000, 3000)))
    assert fact.numbers["larger"] == 1
    (fact,) = differences(FINE, responding({"200": 900 - rare, "304": rare}))
    assert (fact.subject, fact.numbers["candidate 304"]) == ("statuses", 5 * rare)
    assert not differences(FINE, responding({"200": 900 - rare, "": rare}))
    # The baseline does so too, or the candidate in two starts alone, or it is too rare to say.
    one = sizes.copy()
    one[1:rare] = 3000
    assert not answer_differences([FINE] * 4 + [sized(one)], [sized(sizes)] * 5, GATE)
    assert not answer_differences([FINE] * 5, [FINE] * 3 + [sized(sizes)] * 2, GATE)
    assert not differences(FINE, sized(one))


def test_rare_responses_that_count_as_errors_are_judged_as_these() -> None:
    """A waiver of errors would be worth nothing else."""
    sizes = np.full(900, 3000)
    sizes[:9] = 5
    for name in ("500", "-"):
        failing = responding({"200": 891, name: 9}, sizes)
        answers = replace(failing.load.answers, errors={"bad_status": 9})
        failing = replace(failing, load=replace(failing.load, answers=answers))
        assert not differences(FINE, failing)


def test_rare_sizes_of_equal_arms_are_seldom_taken_for_new_ones() -> None:
    """Pages of all sizes, one look after five pairs: at most 0.1% for each of both sides."""
    rng = np.random.default_rng(13)
    found = 0
    for _ in range(300):
        arms = [
            [sized(rng.lognormal(8.0, 1.5, 300).astype(np.int64) + 100) for _ in range(5)]
            for _ in range(2)
        ]
        found += bool(answer_differences(arms[0], arms[1], GATE))
    assert found <= 3


def test_sizes_that_differ_from_start_to_start_are_not_new() -> None:
    rng = np.random.default_rng(14)
    found = 0
    for _ in range(200):
        sizes = rng.lognormal(8.0, 1.0, (2, 5)).astype(np.int64) + 100
        arms = [[sized(np.full(300, size)) for size in arm] for arm in sizes]
        facts = answer_differences(arms[0], arms[1], GATE)
        found += any("beyond_bytes" in fact.numbers for fact in facts)
    assert not found


@pytest.mark.parametrize(
    ("factor", "differs"), [(1.0, 0), (1.15, 0), (0.87, 0), (1.25, 1), (0.78, 1)]
)
def test_sizes_may_move_by_a_fifth(factor: float, differs: int) -> None:
    assert len(differences(FINE, sized(np.full(900, round(3000 * factor))))) == differs


def test_medians_are_said_in_bytes() -> None:
    (fact,) = differences(FINE, sized(np.full(900, 600)))
    assert fact.numbers["baseline_bytes"] == pytest.approx(3000, rel=0.01)
    assert fact.numbers["candidate_bytes"] == pytest.approx(600, rel=0.01)


def test_chance_does_not_keep_a_pass_away() -> None:
    """Mixes of one kind, with a random rest and two sizes at which the median tips over."""
    rng = np.random.default_rng(11)

    def drawn() -> Run:
        found = rng.multinomial(800, [0.9, 0.06, 0.04])
        statuses = dict(zip(("200", "304", "404"), map(int, found), strict=True))
        return responding(statuses, rng.choice([150, 9000], 800))

    for pairs in range(1, 13):
        for _ in range(10):
            arms = [[drawn() for _ in range(pairs)] for _ in range(2)]
            assert not answer_differences(arms[0], arms[1], GATE)


def test_mixes_that_differ_from_start_to_start_are_no_difference() -> None:
    rng = np.random.default_rng(12)

    def drawn() -> Run:
        cached = int(rng.integers(0, 800))
        return responding({"200": 800 - cached, "304": cached})

    for _ in range(40):
        arms = [[drawn() for _ in range(8)] for _ in range(2)]
        assert not answer_differences(arms[0], arms[1], GATE)


@pytest.mark.parametrize("kind", ["statuses", "sizes"])
def test_one_start_that_responds_otherwise_is_a_difference(kind: str) -> None:
    other = responding({"204": 900}) if kind == "statuses" else sized(np.full(900, 2))
    (fact,) = answer_differences([FINE] * 5, [FINE, FINE, other, FINE, FINE], GATE)
    assert (fact.subject, fact.numbers["share"]) == (kind, pytest.approx(0.2))
    both = [FINE, other, FINE, FINE, other]
    assert not answer_differences(both, [FINE, FINE, other, FINE, FINE], GATE)


def test_runs_of_which_nothing_is_known_are_left_out() -> None:
    assert not differences(REFERENCE, FINE)
    nothing = responding({}, np.array([], dtype=np.int64))
    assert not differences(nothing, FINE)
    assert not answer_differences([], [], GATE)


def test_answers_alone_differ_as_those_of_runs_do() -> None:
    def of(statuses: Mapping[str, int], size: int = 200) -> Answers:
        number = sum(statuses.values())
        return Answers(statuses, Histogram.of(np.full(number, size)), {}, 8, 0)

    good = of({"200": 4000})
    for other in (of({"200": 2000, "302": 2000}), of({"200": 4000}, 0)):
        assert answers_differ({"": [good] * 3}, {"": [other] * 3}, GATE)
        assert answers_differ(
            {"": [good], "rare": [good] * 3}, {"": [good], "rare": [other] * 3}, GATE
        )
    assert not answers_differ({"": [good] * 3}, {"": [good] * 3}, GATE)
    assert not answers_differ({"": []}, {"": [good]}, GATE)
