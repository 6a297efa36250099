"""Verdicts by named request: what one of ten does is little of the whole."""

from __future__ import annotations

import datetime
import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pytest

from socklat_gate.errors import Reason
from socklat_gate.measured.histogram import Histogram
from socklat_gate.measured.load_counts import Answers
from socklat_gate.measured.pair import Pair
from socklat_gate.measured.run import RequestStages, Run, Spike
from socklat_gate.measured.verdict import Outcome, Verdict
from socklat_gate.scenario.default_gate import DEFAULT_GATE
from socklat_gate.scenario.gating import Gate, Metric, Waiver
from socklat_gate.scenario.named_gate import default_gate_of
from socklat_gate.verdict.decide import decide
from socklat_gate.verdict.limits_alone import decide_by_limits
from socklat_gate.verdict.stored import compare
from socklat_gate.wording.decisive import carrier
from socklat_gate.wording.reasons import reason_text
from tests.unit.factories import make_corrected, named_run

from .builders import SERVICE_NS, campaign_of, pair_of, run_of

SHARES = {"cart": 20, "search": 2, "home": 3}
"""Every so many-th of the builders' exchanges."""

NOISE = np.random.default_rng(5).normal(0, 0.01, 40)
PER_RUN = {name: float(SERVICE_NS[::step].size) for name, step in SHARES.items()}
GATE = default_gate_of(PER_RUN)


def part(name: str, log_change: float = 0.0, recv_wait_ns: int = 0) -> Run:
    times = np.round(SERVICE_NS[:: SHARES[name]] * math.exp(log_change))
    return run_of(times + recv_wait_ns, recv_wait_ns)


def mixed(**parts: Run) -> Run:
    return named_run({name: parts.get(name, part(name)) for name in SHARES})


def pairs_of(candidate: Mapping[str, float], count: int = 30) -> list[Pair]:
    """Pairs in which these requests take so much longer, on the log scale."""
    return [
        pair_of(
            mixed(),
            mixed(**{name: part(name, candidate.get(name, 0.0) + x) for name in SHARES}),
            at,
        )
        for at, x in enumerate(NOISE[:count])
    ]


def first_end(pairs: Sequence[Pair], gate: Gate) -> tuple[int, Verdict]:
    """Pairs after which the job ends, and how."""
    for seen in range(1, len(pairs) + 1):
        verdict = decide(pairs[:seen], gate)
        if verdict.outcome is not Outcome.INCONCLUSIVE:
            return seen, verdict
    return len(pairs), verdict


def codes(verdict: Verdict) -> list[Reason]:
    return [fact.code for fact in verdict.reasons]


def test_the_default_judges_the_whole_and_every_quantile_of_which_enough_come() -> None:
    names = [metric.name for metric in GATE.metrics]
    assert names[:4] == [metric.name for metric in DEFAULT_GATE.metrics]
    # 300, 3000 and 2000 a run: p99 would take 8000, p90 800.
    assert names[4:] == [
        "response_p50[cart]",
        "response_p50[search]",
        "response_p90[search]",
        "response_p50[home]",
        "response_p90[home]",
    ]
    assert GATE.alpha_metric == pytest.approx(0.5 * 0.004 / 4)
    assert GATE.alpha_named == pytest.approx(0.5 * 0.004 / 5)


def test_equal_arms_pass_by_every_name() -> None:
    seen, verdict = first_end(pairs_of({}), GATE)
    assert verdict.outcome is Outcome.PASS
    assert seen <= 10
    assert [metric.request for metric in verdict.metrics][4:6] == ["cart", "search"]


def test_a_slower_request_of_few_fails_by_its_name_though_the_whole_hides_it() -> None:
    seen, verdict = first_end(pairs_of({"cart": 0.2}), GATE)
    assert verdict.outcome is Outcome.REGRESSION
    assert seen <= 14
    failed = [metric.name for metric in verdict.metrics if metric.verdict is Outcome.REGRESSION]
    assert failed == ["response_p50[cart]"]
    whole = first_end(pairs_of({"cart": 0.2}), DEFAULT_GATE)[1]
    assert whole.outcome is Outcome.PASS


def test_a_failed_name_is_attributed_by_its_own_exchanges() -> None:
    slow = [
        pair_of(mixed(), mixed(cart=part("cart", float(x), recv_wait_ns=300_000)), at)
        for at, x in enumerate(NOISE[:16])
    ]
    verdict = decide(slow, GATE)
    assert verdict.outcome is Outcome.REGRESSION
    assert [one.request for one in verdict.attribution] == [""] * 3 + ["cart"] * 3
    metric = next(one for one in verdict.metrics if one.name == "response_p50[cart]")
    found = carrier(verdict, metric)
    assert found is not None
    assert (found.request, found.stage) == ("cart", "recv_wait")
    assert found.delta_ns == pytest.approx(300_000, rel=0.05)


def test_without_its_own_bands_a_name_is_not_attributed() -> None:
    def bare(run: Run) -> Run:
        names = {name: replace(one, bands=None) for name, one in run.requests.items()}
        return replace(run, requests=names)

    pairs = [
        replace(pair, baseline=bare(pair.baseline), candidate=bare(pair.candidate))
        for pair in pairs_of({"cart": 0.5}, 16)
    ]
    verdict = decide(pairs, GATE)
    assert verdict.outcome is Outcome.REGRESSION
    assert {one.request for one in verdict.attribution} == {""}


@pytest.mark.parametrize("arm", ["baseline", "candidate"])
def test_a_name_without_exchanges_in_an_arm_is_never_a_pass(arm: str) -> None:
    gate = default_gate_of({})  # no metric of a name is judged

    def without(run: Run) -> Run:
        empty = replace(run.requests["cart"], exchanges=0, histograms={}, bands=None)
        return replace(run, requests={**run.requests, "cart": empty})

    pairs = [replace(pair, **{arm: without(pair.arm(arm))}) for pair in pairs_of({}, 12)]
    verdict = decide(pairs, gate)
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert codes(verdict) == [Reason.REQUEST_NOT_SEEN]
    assert "of request `cart` nothing is known" in reason_text(verdict.reasons[0], verdict)
    by_name = decide(pairs, GATE)
    assert by_name.outcome is Outcome.INCONCLUSIVE
    assert Reason.NOT_MEASURED in codes(by_name) or Reason.TOO_FEW_SAMPLES in codes(by_name)


def test_a_name_that_only_one_arm_knows_is_not_seen_in_the_other() -> None:
    pairs = [
        replace(pair, candidate=replace(pair.candidate, requests={})) for pair in pairs_of({}, 12)
    ]
    verdict = decide(pairs, DEFAULT_GATE)
    assert codes(verdict) == [Reason.REQUEST_NOT_SEEN] * 3


def test_a_stored_baseline_without_room_for_names_is_one_of_the_whole() -> None:
    def bare(run: Run) -> Run:
        return replace(run, requests={}, load=replace(run.load, requests={}))

    rng = np.random.default_rng(2)
    runs = [mixed(**{n: part(n, rng.normal(0, 0.005)) for n in SHARES}) for _ in range(27)]
    base = [campaign_of([bare(run) for run in runs[at : at + 3]]) for at in range(0, 24, 3)]
    candidate = campaign_of(runs[24:])
    assert compare(base, candidate, DEFAULT_GATE).outcome is Outcome.PASS
    assert compare(base, candidate, GATE).outcome is Outcome.INCONCLUSIVE
    never = RequestStages(weight=0.1, exchanges=0, histograms={})
    lost = [replace(run, requests={**run.requests, "cart": never}) for run in runs[24:]]
    verdict = compare(base, campaign_of(lost), DEFAULT_GATE)
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert [fact.subject for fact in verdict.reasons] == ["cart"]


def test_where_names_are_not_told_apart_the_whole_passes_and_no_name_does() -> None:
    pairs = [
        replace(
            pair,
            baseline=replace(pair.baseline, requests={}),
            candidate=replace(pair.candidate, requests={}),
        )
        for pair in pairs_of({}, 12)
    ]
    assert decide(pairs, DEFAULT_GATE).outcome is Outcome.PASS
    verdict = decide(pairs, GATE)
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert codes(verdict) == [Reason.NOT_MEASURED] * 5


def test_a_metric_of_a_name_with_too_few_exchanges_is_inconclusive() -> None:
    gate = default_gate_of({"cart": 8000.0})
    verdict = decide(pairs_of({}, 12), gate)
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert "response_p99[cart]" in [fact.subject for fact in verdict.reasons]
    said = " ".join(reason_text(fact, verdict) for fact in verdict.reasons)
    assert "p99 of `cart` cannot be judged: pair 0, baseline: 3 of 300 exchanges lie" in said


def waiver(metric: str, ceiling: float) -> Waiver:
    return Waiver(
        metric=metric,
        ceiling=ceiling,
        expires=datetime.date(2999, 1, 1),
        link="https://example.org/1",
        baseline="1f2e3d4c5b6a",
    )


def test_a_waiver_is_of_one_name() -> None:
    pairs = pairs_of({"cart": 0.2}, 25)
    assert decide(pairs, GATE).outcome is Outcome.REGRESSION
    found = decide(pairs, GATE, waivers=[waiver("response_p50[cart]", 0.3)])
    assert found.outcome is Outcome.PASS
    with pytest.raises(ValueError, match=r"'response_p50\[card\]' is not gated; did you mean"):
        decide(pairs, GATE, waivers=[waiver("response_p50[card]", 0.4)])


def test_a_waiver_of_a_names_errors_waits_for_the_first_pair() -> None:
    """That can have been excluded: no run tells then which names there are."""
    early = decide([], GATE, waivers=[waiver("errors[cart]", 0.1)])
    assert early.outcome is Outcome.INCONCLUSIVE
    with pytest.raises(ValueError, match="is not gated"):
        decide([], GATE, waivers=[waiver("response_p50[card]", 0.4)])
    with pytest.raises(ValueError, match="is not gated"):
        decide(pairs_of({}, 1), GATE, waivers=[waiver("errors[card]", 0.1)])


def test_a_limit_of_a_name_looks_at_its_exchanges_alone() -> None:
    gate = Gate(metrics=[Metric(request="cart", quantile=0.5, limit_ms=0.5)])
    verdict = decide(pairs_of({"cart": 0.5}, 14), gate)
    (limit,) = verdict.limits
    assert limit.request == "cart"
    assert limit.verdict is Outcome.REGRESSION
    assert limit.candidate_ns == pytest.approx(400_000 * math.exp(0.5), rel=0.03)
    assert decide(pairs_of({"search": 0.5}, 14), gate).outcome is Outcome.PASS


def test_limits_alone_do_not_pass_a_name_that_never_came() -> None:
    gate = Gate(metrics=[Metric(quantile=0.5, limit_ms=5.0)])
    runs = [mixed() for _ in range(12)]
    assert decide_by_limits(runs, gate).outcome is Outcome.PASS
    never = RequestStages(weight=0.01, exchanges=0, histograms={})
    runs = [replace(run, requests={**run.requests, "rare": never}) for run in runs]
    verdict = decide_by_limits(runs, gate)
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert [fact.subject for fact in verdict.reasons] == ["rare"]


def corrected_part(name: str, log_change: float = 0.0) -> Run:
    """Raw numbers are slower; its correction says that they are as ever."""
    run = part(name, log_change)
    return replace(run, corrected=make_corrected(part(name), kept=1.0))


def test_raw_numbers_of_a_name_hold_a_pass() -> None:
    gate = Gate(
        metrics=[Metric(request="cart", quantile=0.5, tolerance=0.02, regression_threshold=0.05)]
    )
    pairs = [
        pair_of(mixed(cart=corrected_part("cart")), mixed(cart=corrected_part("cart", 0.04)), at)
        for at in range(8)
    ]
    verdict = decide(pairs, gate)
    assert codes(verdict) == [Reason.RAW_SLOWER]
    assert verdict.metrics[0].raw_change == pytest.approx(math.expm1(0.04), abs=0.01)


def test_clients_of_a_name_hold_a_pass() -> None:
    gate = Gate(
        metrics=[Metric(request="cart", quantile=0.5, tolerance=0.02, regression_threshold=0.05)]
    )

    def heard(run: Run, factor: float) -> Run:
        times = Histogram.of(np.round(SERVICE_NS[::20] * factor))
        counts = {**run.load.requests, "cart": replace(run.load.requests["cart"], client=times)}
        return replace(run, load=replace(run.load, requests=counts))

    pairs = [
        replace(pair, baseline=heard(pair.baseline, 1.0), candidate=heard(pair.candidate, 2.0))
        for pair in pairs_of({}, 12)
    ]
    verdict = decide(pairs, gate)
    assert codes(verdict) == [Reason.CLIENTS_SLOWER]
    assert verdict.reasons[0].subject == "response_p50[cart]"


def failing(run: Run, **errors: int) -> Run:
    counts = {
        name: replace(one, errors=errors.get(name, 0)) for name, one in run.load.requests.items()
    }
    total = sum(errors.values())
    return replace(run, load=replace(run.load, requests=counts, errors=total))


def test_errors_that_moved_to_one_name_are_named_though_the_total_is_the_same() -> None:
    pairs = [
        replace(
            pair,
            baseline=failing(pair.baseline, search=6),
            candidate=failing(pair.candidate, cart=6),
        )
        for pair in pairs_of({}, 14)
    ]
    verdict = decide(pairs, GATE)
    assert codes(verdict) == [Reason.MORE_ERRORS]
    assert verdict.reasons[0].subject == "errors[cart]"
    counts = {count.name: count for count in verdict.counts}
    assert list(counts) == ["errors", "errors[cart]", "errors[search]", "capacity"]
    assert not counts["errors"].failed
    assert counts["errors[cart]"].failed
    assert counts["errors[cart]"].request == "cart"
    assert not counts["errors[search]"].failed
    text = reason_text(verdict.reasons[0], verdict)
    assert text.startswith("84 of 4\u202f200 (2%) of the candidate's `cart` requests failed")


def test_a_name_that_fails_whenever_it_is_asked_holds_a_pass_before_it_fails() -> None:
    pairs = [replace(pair, candidate=failing(pair.candidate, cart=300)) for pair in pairs_of({}, 3)]
    counts = {count.name: count for count in decide(pairs, GATE).counts}
    assert counts["errors[cart]"].undecided
    assert not counts["errors[cart]"].failed


def test_a_waiver_of_all_errors_is_enough_for_the_name_that_they_are_of() -> None:
    pairs = [replace(pair, candidate=failing(pair.candidate, cart=6)) for pair in pairs_of({}, 14)]
    assert decide(pairs, GATE).outcome is Outcome.REGRESSION
    # 6 of 5300 requests are 0.11%.
    assert decide(pairs, GATE, waivers=[waiver("errors", 0.002)]).outcome is Outcome.PASS
    own = [waiver("errors[cart]", 0.05), waiver("errors", 0.002)]
    assert decide(pairs, GATE, waivers=own).outcome is Outcome.PASS


def answering(run: Run, statuses: Mapping[str, Mapping[str, int]]) -> Run:
    def answers(mix: Mapping[str, int]) -> Answers:
        return Answers(mix, Histogram.of([200] * sum(mix.values())), {}, 8, 0)

    counts = {
        name: replace(one, answers=answers(statuses.get(name, {"200": one.responded})))
        for name, one in run.load.requests.items()
    }
    whole = Answers.merged(one.answers for one in counts.values())
    return replace(run, load=replace(run.load, requests=counts, answers=whole))


def test_one_request_that_is_redirected_is_told_though_it_is_little_of_the_whole() -> None:
    rare = {"cart": {"200": 252, "302": 48}}  # 0.9% of all responses
    pairs = [
        replace(
            pair,
            baseline=answering(pair.baseline, {}),
            candidate=answering(pair.candidate, rare),
        )
        for pair in pairs_of({}, 12)
    ]
    verdict = decide(pairs, GATE)
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert codes(verdict) == [Reason.ANSWERS_DIFFER]
    assert verdict.reasons[0].subject == "statuses[cart]"
    assert "16.0% of the responses to `cart` have another status" in reason_text(
        verdict.reasons[0], verdict
    )
    accepting = replace(GATE, accept_answers=("statuses",))
    assert decide(pairs, accepting).outcome is Outcome.PASS


def test_differences_of_many_names_are_told_by_the_largest() -> None:
    def many(redirected: float) -> Run:
        run = named_run({f"r{at}": part("cart") for at in range(9)})
        moved = {
            f"r{at}": {"200": 300 - round(redirected * 10 * at), "302": round(redirected * 10 * at)}
            for at in range(9)
        }
        return answering(run, moved)

    found = decide([pair_of(many(0.0), many(1.0), at) for at in range(6)], DEFAULT_GATE).reasons
    subjects = [fact.subject for fact in found if fact.code is Reason.ANSWERS_DIFFER]
    assert subjects == ["statuses", *(f"statuses[r{at}]" for at in (8, 7, 6, 5, 4))]
    assert found[5].numbers["more"] == 3


def test_spikes_are_said_to_be_of_the_request_that_they_answered() -> None:
    def spiky(at_s: Sequence[float]) -> Run:
        spikes = tuple(
            Spike(int(at * 1e9), {"response": 90_000_000, "service": 90_000_000}, "peer", 0)
            for at in at_s
        )
        run = mixed(cart=replace(part("cart"), spikes=spikes))
        return replace(run, counters={**run.counters, "spikes": len(spikes)})

    pairs = [pair_of(mixed(), spiky([1.0, 3.0]), at) for at in range(8)]
    verdict = decide(pairs, GATE)
    assert verdict.spikes is not None
    assert verdict.spikes.failed
    assert verdict.spikes.request == "cart"
    fact = next(fact for fact in verdict.reasons if fact.code is Reason.MORE_SPIKES)
    assert fact.subject == "cart"
    assert "in response to `cart`" in reason_text(fact, verdict)


def test_without_a_spike_none_is_said_to_be_of_a_request() -> None:
    """What the probe sends up is more than what is judged."""
    slow = Spike(int(1e9), {"response": 9_000_000, "service": 9_000_000}, "peer", 0)
    run = mixed(cart=replace(part("cart"), spikes=(slow,)))
    spiky = replace(run, counters={**run.counters, "spikes": 1})
    verdict = decide([pair_of(mixed(), spiky, at) for at in range(8)], GATE)
    assert verdict.spikes is not None
    assert (verdict.spikes.candidate_events, verdict.spikes.request) == (0, "")


def test_stored_campaigns_are_compared_by_name() -> None:
    def campaign(seed: int, **slower: float) -> object:
        rng = np.random.default_rng(seed)
        runs = [
            mixed(**{n: part(n, slower.get(n, 0.0) + rng.normal(0, 0.005)) for n in SHARES})
            for _ in range(3)
        ]
        return campaign_of(runs)

    base = [campaign(seed) for seed in range(20, 37)]
    verdict = compare(base, campaign(9, cart=0.25), GATE)
    assert verdict.outcome is Outcome.REGRESSION
    assert [fact.subject for fact in verdict.reasons] == ["response_p50[cart]"]
    assert compare(base, campaign(10), GATE).outcome is Outcome.PASS
    whole = sum(map(GATE.alpha_stored, GATE.compared))
    assert whole == pytest.approx(GATE.alpha)


def test_a_name_that_fails_is_no_pass_beside_stored_numbers_that_judge_no_errors() -> None:
    """A rare one: the whole keeps below ``load.max_errors``."""

    def answering(run: Run, statuses: Mapping[str, int], errors: Mapping[str, int]) -> Run:
        cart = replace(
            run.load.requests["cart"], answers=Answers(statuses, Histogram.empty(), errors, 0, 0)
        )
        load = replace(run.load, requests={**run.load.requests, "cart": cart})
        return replace(run, load=load)

    rng = np.random.default_rng(4)
    runs = [mixed(**{n: part(n, rng.normal(0, 0.005)) for n in SHARES}) for _ in range(27)]
    fine = [answering(run, {"200": 300}, {}) for run in runs]
    base = [campaign_of(fine[at : at + 3]) for at in range(0, 24, 3)]
    assert compare(base, campaign_of(fine[24:]), DEFAULT_GATE).outcome is Outcome.PASS
    failing = [answering(run, {"500": 300}, {"bad_status": 300}) for run in runs[24:]]
    verdict = compare(base, campaign_of(failing), DEFAULT_GATE)
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert [(fact.code, fact.subject) for fact in verdict.reasons] == [
        (Reason.ANSWERS_DIFFER, "statuses[cart]")
    ]


@pytest.mark.parametrize("names", [0, 1, 32])
def test_metrics_of_names_cost_a_gross_change_of_the_whole_one_pair_at_most(names: int) -> None:
    """32 names with 3 quantiles each and 4 of the whole: 100 metrics."""
    alone = [replace(metric, request=None) for metric in DEFAULT_GATE.metrics]
    parts = {f"r{at}": part("search") for at in range(names)}

    def run(log_change: float) -> Run:
        slower = run_of(np.round(SERVICE_NS * math.exp(log_change)))
        return (
            replace(named_run(parts), histograms=slower.histograms, bands=slower.bands)
            if parts
            else slower
        )

    gate = default_gate_of(dict.fromkeys(parts, 1000000.0))
    assert len(gate.metrics) == len(alone) + 3 * names
    baseline, candidate = run(0.0), run(1.0)
    pairs = [pair_of(baseline, candidate, at) for at in range(14)]
    usual = first_end(pairs, DEFAULT_GATE)
    seen, verdict = first_end(pairs, gate)
    assert verdict.outcome is usual[1].outcome is Outcome.REGRESSION
    assert seen <= usual[0] + 1
