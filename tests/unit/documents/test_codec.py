import dataclasses
import itertools
import json
import math

import numpy as np
import pytest

from socklat_gate.documents.codec import from_body, to_body
from socklat_gate.documents.result_types import result_from_body
from socklat_gate.errors import NoUsableBaseline, Reason
from socklat_gate.measured.attribution import StageShare
from socklat_gate.measured.campaign import Campaign
from socklat_gate.measured.result import Result
from socklat_gate.measured.run import Join, Mismatch, RequestStages, StallCorrected
from socklat_gate.measured.verdict import Outcome, SpikeVerdict, Waived
from tests.unit.factories import (
    make_answers,
    make_campaign,
    make_metric,
    make_pair,
    make_result,
    with_answers,
    worded,
)
from tests.unit.named_results import make_named_result


def assert_same(left: object, right: object) -> None:
    """Deep equality that treats NaN as equal and compares arrays."""
    assert type(left) is type(right)
    if isinstance(left, np.ndarray):
        assert left.dtype == right.dtype
        assert np.array_equal(left, right)
    elif dataclasses.is_dataclass(left) and not hasattr(left, "counts"):
        for field in dataclasses.fields(left):
            assert_same(getattr(left, field.name), getattr(right, field.name))
    elif isinstance(left, dict):
        assert left.keys() == right.keys()
        for key in left:
            assert_same(left[key], right[key])
    elif isinstance(left, tuple):
        assert len(left) == len(right)
        for one, other in zip(left, right, strict=True):
            assert_same(one, other)
    else:
        assert left == right or (math.isnan(left) and math.isnan(right))


def through_json(value):
    body = json.loads(json.dumps(to_body(value), allow_nan=False))
    return result_from_body(body) if isinstance(value, Result) else from_body(type(value), body)


def changed(path: str, value: object) -> dict:
    """Body of a result with one value replaced; path elements separated by dots."""
    body = json.loads(json.dumps(to_body(make_result())))
    at = body
    *parents, last = [int(p) if p.isdigit() else p for p in path.split(".")]
    for parent in parents:
        at = at[parent]
    at[last] = value
    return body


@pytest.mark.parametrize("outcome", list(Outcome))
@pytest.mark.parametrize("kind", ["gate", "run", "compare"])
def test_a_result_comes_back_equal(kind, outcome):
    result = make_result(kind, outcome)
    assert_same(through_json(result), result)


def answered_result(answers):
    result = make_result()
    pair = with_answers(result.pairs[0], make_answers(), answers)
    return dataclasses.replace(result, pairs=(pair,))


def test_what_came_back_survives():
    answers = make_answers({"200": 1990, "503": 10}, {"bad_status": 10, "timeout": 2}, lost=3)
    result = answered_result(answers)
    assert_same(through_json(result), result)
    assert through_json(result).pairs[0].candidate.load.answers.failed == 12


def test_a_result_from_before_answers_were_recorded_can_be_read():
    body = to_body(make_result())
    del body["pairs"][0]["baseline"]["load"]["answers"]
    assert result_from_body(body).pairs[0].baseline.load.answers is None


def test_an_unknown_kind_of_error_is_refused():
    with pytest.raises(NoUsableBaseline, match="errors of the kinds timeout"):
        through_json(answered_result(make_answers(errors={"boredom": 1})))


def test_a_campaign_comes_back_equal():
    assert_same(through_json(make_campaign()), make_campaign())


def test_bodies_have_exactly_the_members_of_the_dataclasses():
    for kind in ("gate", "run", "compare"):
        result = make_result(kind)
        assert list(to_body(result)) == ["kind", *(f.name for f in dataclasses.fields(result))]
    assert list(to_body(make_campaign())) == [f.name for f in dataclasses.fields(Campaign)]


def with_metric(**changes):
    metric = dataclasses.replace(make_metric("response_p99", Outcome.PASS), **changes)
    result = make_result()
    verdict = dataclasses.replace(result.verdict, metrics=(metric,))
    return dataclasses.replace(result, verdict=verdict)


def test_unbounded_ends_and_missing_numbers_survive_as_null():
    numbers = {
        "ci_low": -math.inf,
        "ci_high": math.inf,
        "mde": math.inf,
        "baseline_ns": math.nan,
        "evidence_fail": math.nan,
    }
    body = to_body(with_metric(**numbers))["verdict"]["metrics"][0]
    assert {body[name] for name in numbers} == {None}
    back = through_json(with_metric(**numbers)).verdict.metrics[0]
    assert (back.ci_low, back.ci_high, back.mde) == (-math.inf, math.inf, math.inf)
    assert math.isnan(back.baseline_ns)
    assert math.isnan(back.evidence_fail)


def test_spikes_waivers_and_intervals_of_stages_come_back_equal():
    spikes = SpikeVerdict(
        threshold_ns=5e7,
        baseline_events=0,
        candidate_events=2,
        baseline_exposure_s=40.0,
        candidate_exposure_s=40.0,
        stored_events=1,
        stored_exposure_s=800.0,
        rate_ratio=math.nan,
        tolerance_ratio=1.0,
        evidence=220.5,
        threshold=200.0,
        p_value=1 / 220.5,
        by_runs=False,
        dispersion_p=1.0,
        mde_events=None,
        mde_ratio=math.inf,
        failed=True,
        notes=(worded("more spikes were counted than sent up"),),
        waived=Waived(0.3, "2030-01-01", "https://example.org/7"),
    )
    result = with_metric(waived=Waived(0.3, "2030-01-01", "https://example.org/7"))
    share = StageShare("depend", 1.0, 2.0, 0.9, -math.inf, math.inf)
    where = dataclasses.replace(result.verdict.attribution[0], stage="depend", depend=share)
    verdict = dataclasses.replace(result.verdict, spikes=spikes, attribution=(where,))
    result = dataclasses.replace(result, verdict=verdict)
    assert_same(through_json(result), result)
    assert json.dumps(to_body(result), allow_nan=False)


def test_a_verdict_from_before_spikes_were_judged_can_be_read():
    body = to_body(make_result())
    del body["verdict"]["spikes"]
    for metric in body["verdict"]["metrics"]:
        del metric["waived"]
    back = result_from_body(body).verdict
    assert back.spikes is None
    assert back.metrics[0].waived is None


def test_corrected_stages_without_their_counts_are_refused():
    result = make_result()
    run = result.pairs[0].baseline
    corrected = StallCorrected(run.histograms, run.bands, {}, 0)
    pair = dataclasses.replace(
        result.pairs[0], baseline=dataclasses.replace(run, corrected=corrected)
    )
    with pytest.raises(NoUsableBaseline, match=r"corrected\.used"):
        through_json(dataclasses.replace(result, pairs=(pair,)))


def test_those_of_a_named_request_are_refused_too():
    result = make_result()
    run = result.pairs[0].baseline
    stages = RequestStages(0.5, 3, run.histograms, StallCorrected(run.histograms, run.bands, {}, 0))
    pair = dataclasses.replace(
        result.pairs[0], baseline=dataclasses.replace(run, requests={"cart": stages})
    )
    with pytest.raises(NoUsableBaseline, match=r"requests\.cart\.corrected.*corrected\.used"):
        through_json(dataclasses.replace(result, pairs=(pair,)))


def test_infinite_evidence_stays_huge_instead_of_getting_lost():
    back = through_json(with_metric(evidence_fail=math.inf)).verdict.metrics[0]
    assert back.evidence_fail > 1e300


def test_numpy_numbers_are_written_as_plain_numbers():
    result = with_metric(change=np.float64(0.25), pairs_to_decide=np.int64(3))
    back = through_json(result).verdict.metrics[0]
    assert (type(back.change), type(back.pairs_to_decide)) == (float, int)


def test_campaigns_and_results_from_before_branches_were_known_can_be_read():
    campaign, result = to_body(make_campaign(branch="main")), to_body(make_result())
    assert from_body(Campaign, campaign).branch == "main"
    del campaign["branch"]
    for name in ("branch", "baseline_commit", "baseline_choice"):
        del result[name]
    assert from_body(Campaign, campaign).branch == ""
    assert result_from_body(result).baseline_commit == ""


EMPTY = {
    "baseline_image": "",
    "baseline_commit": "",
    "baseline_choice": None,
    "pairs": [],
    "campaign": None,
    "completeness": None,
    "verdict": None,
    "drift": None,
    "calibration": None,
}
"""What earlier versions wrote where a kind has no such member."""


@pytest.mark.parametrize("kind", ["gate", "run", "compare"])
def test_a_result_from_when_all_kinds_had_all_members_can_be_read(kind):
    result = make_result(kind)
    body = json.loads(json.dumps(to_body(result)))
    assert_same(result_from_body({**EMPTY, **body}), result)
    assert_same(result_from_body({**EMPTY, "hooks": {}, **body}), result)


@pytest.mark.parametrize(
    ("kind", "name", "value"),
    [
        ("run", "pairs", [{}]),
        ("run", "verdict", {"outcome": "pass"}),
        ("run", "baseline_image", "example/service:1.2"),
        ("run", "drift", 0),
        ("compare", "pairs", [1]),
        ("compare", "calibration", {"code": "not_calibrated"}),
        ("compare", "drift", False),
    ],
)
def test_a_member_of_another_kind_must_be_empty(kind, name, value):
    body = {**to_body(make_result(kind)), name: value}
    with pytest.raises(NoUsableBaseline, match=rf"field {name}: expected nothing.*'{kind}'") as got:
        result_from_body(body)
    assert got.value.reason is Reason.BASELINE_CORRUPT


@pytest.mark.parametrize(
    ("kind", "name"),
    [("gate", "verdict"), ("compare", "verdict"), ("run", "campaign"), ("run", "completeness")],
)
def test_what_every_result_of_a_kind_has_must_be_there(kind, name):
    body = to_body(make_result(kind))
    with pytest.raises(NoUsableBaseline, match=f"field {name}: expected"):
        result_from_body({**body, name: None})
    del body[name]
    with pytest.raises(NoUsableBaseline, match=f"an object with member '{name}'"):
        result_from_body(body)


def test_a_missing_optional_member_takes_its_default():
    body = to_body(make_result())
    del body["drift"]
    assert result_from_body(body).drift is None


@pytest.mark.parametrize(
    ("path", "value", "named"),
    [
        ("kind", "party", "kind"),
        ("kind", ["gate"], "kind"),
        ("seed", -1, "seed"),
        ("seed", 1.5, "seed"),
        ("seed", True, "seed"),
        ("seed", 1 << 64, "seed"),
        ("duration_s", "8", "duration_s"),
        ("duration_s", 10**400, "duration_s"),
        ("duration_s", -1.0, "duration_s"),
        ("pairs", {}, "pairs"),
        ("pairs.1.noise.steal", [], "pairs[1].noise.steal"),
        ("pairs.0.first_started", "both", "pairs[0].first_started"),
        ("pairs.0.baseline.load.sent", -5, "pairs[0].baseline.load.sent"),
        ("pairs.0.baseline.load.external", 1, "pairs[0].baseline.load.external"),
        ("pairs.0.baseline.load.client", "AAAA", "pairs[0].baseline.load.client"),
        ("pairs.0.baseline.histograms.service", 7, "pairs[0].baseline.histograms.service"),
        ("pairs.0.baseline.counters", None, "pairs[0].baseline.counters"),
        ("pairs.0.baseline.counters.seen", -3, "pairs[0].baseline.counters.seen"),
        ("pairs.0.baseline.bands", {}, "pairs[0].baseline.bands"),
        ("pairs.0.baseline.bands.stages", ["x"] * 33, "pairs[0].baseline.bands.stages"),
        ("pairs.0.baseline.bands.rows.0", [1, 2], "pairs[0].baseline.bands.rows[0]"),
        ("pairs.0.baseline.bands.rows.0.0", 272, "pairs[0].baseline.bands.rows[0][0]"),
        ("pairs.0.baseline.bands.rows.1.0", 0, "pairs[0].baseline.bands.rows[1][0]"),
        ("pairs.0.baseline.bands.rows.0.2", -1, "pairs[0].baseline.bands.rows[0][2]"),
        ("verdict.outcome", "fine", "verdict.outcome"),
        ("verdict.reasons.0", ["regression"], "verdict.reasons[0]"),
        ("verdict.reasons.0.numbers", {"text": ["a"]}, "verdict.reasons[0].numbers.text"),
        ("verdict.reasons.0.numbers", {"pairs": True}, "verdict.reasons[0].numbers.pairs"),
        ("verdict.metrics.0.trace.pairs", [1], "verdict.metrics[0].trace"),
        ("verdict.reasons.0.code", "because", "verdict.reasons[0].code"),
        ("verdict.metrics.0.change", "a lot", "verdict.metrics[0].change"),
        ("verdict.attribution.0.shares.0.stage", 3, "verdict.attribution[0].shares[0].stage"),
        ("completeness.seen", None, "completeness.seen"),
        ("environment.kernel", {"a": {"b": {}}}, "environment.kernel"),
        ("hooks.rx_first", "x" * 70_000, "hooks.rx_first"),
        ("surprise", 1, "surprise"),
    ],
)
def test_a_wrong_value_is_refused_by_its_path(path, value, named):
    with pytest.raises(NoUsableBaseline) as caught:
        result_from_body(changed(path, value))
    assert caught.value.reason is Reason.BASELINE_CORRUPT
    assert f"field {named}: expected" in caught.value.message
    assert caught.value.remedy


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"runs": []}, "at least one run"),
        ({"noise": []}, "noise of each of its 2 runs"),
    ],
)
def test_a_campaign_without_what_its_readers_need_is_refused(changes, message):
    with pytest.raises(NoUsableBaseline, match=message):
        from_body(Campaign, {**to_body(make_campaign()), **changes})


def test_a_run_without_what_its_readers_need_is_refused():
    for member, name in [("histograms", "service"), ("counters", "pending")]:
        body = json.loads(json.dumps(to_body(make_campaign())))
        del body["runs"][1][member][name]
        with pytest.raises(NoUsableBaseline, match=rf"field runs\[1\]: .*{name}"):
            from_body(Campaign, body)


def blocked_result(replicas, starts=(0, 0, 2, 2), excluded=("", "", "", "")):
    """A result with these pairs; four of them are two blocks of two containers an arm."""
    pairs = tuple(
        dataclasses.replace(make_pair(at, 1.0, why), replica=replica, start=start)
        for at, (replica, start, why) in enumerate(zip(replicas, starts, excluded, strict=True))
    )
    return dataclasses.replace(make_result(), pairs=pairs)


def test_blocks_come_back_equal():
    result = blocked_result((0, 1, 0, 1))
    assert_same(through_json(result), result)


def test_pairs_from_before_there_were_blocks_are_of_one_container_an_arm():
    body = to_body(make_result())
    for pair in body["pairs"]:
        del pair["replica"]
    del body["verdict"]["containers"]
    read = result_from_body(body)
    assert {pair.replica for pair in read.pairs} == {0}
    assert read.verdict.containers == 1


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"replicas": (0, 1, 0, -1)}, "an integer from 0 to"),
        ({"replicas": (0, 1, 0, 10**9)}, "a replica from 0 to 63"),
        ({"replicas": (0, 1, 0, 2)}, "blocks of 3 pairs, replicas 0 to 2"),
        ({"replicas": (0, 1, 1, 0)}, "blocks of 2 pairs, replicas 0 to 1"),
        ({"replicas": (1, 0, 1, 0)}, "blocks of 2 pairs, replicas 0 to 1"),
        ({"replicas": (0, 1, 0, 1), "starts": (0, 1, 2, 2)}, "one start for the pairs"),
        ({"replicas": (0, 1, 0, 1), "starts": (None,) * 4}, "one start for the pairs"),
        ({"replicas": (0, 1, 0, 1), "excluded": ("", "frozen", "", "")}, "as a whole"),
    ],
)
def test_blocks_that_lack_a_container_are_refused(changes, message):
    with pytest.raises(NoUsableBaseline, match=message):
        through_json(blocked_result(**changes))


@pytest.mark.parametrize("body", [None, [], "text", 3, {}, {"kind": "gate"}])
def test_a_body_of_another_shape_is_refused(body):
    with pytest.raises(NoUsableBaseline, match="field body: expected an object"):
        result_from_body(body)


def test_what_is_shown_of_a_wrong_value_is_short():
    with pytest.raises(NoUsableBaseline) as caught:
        result_from_body(changed("kind", "x" * 10_000))
    assert len(caught.value.message) < 200


@pytest.mark.parametrize("every", [5, pytest.param(1, marks=pytest.mark.slow)])
def test_replacing_any_value_never_raises_anything_else(every):
    """Each value by some of the hostile ones, which are 7; by all of them in the slow test."""
    original = to_body(make_result())
    del original["pairs"][1:]
    hostile = [None, True, -1, 1 << 70, "\ud800", [[]], {"a": 1}]

    def replaced(value):
        """Every body that differs from ``value`` in one node."""
        yield from hostile
        children = value.items() if isinstance(value, dict) else list(enumerate(value))[:2]
        for key, child in children:
            nested = isinstance(child, (dict, list))
            for variant in replaced(child) if nested else hostile:
                copy = dict(value) if isinstance(value, dict) else list(value)
                copy[key] = variant
                yield copy

    refused = 0
    for body in itertools.islice(replaced(original), 0, None, every):
        try:
            result_from_body(body)
        except NoUsableBaseline:
            refused += 1
    assert refused > 1500 / every


def test_named_requests_survive():
    result = make_named_result()
    spike = dataclasses.replace(result.pairs[0].baseline.spikes[0], request="checkout")
    join = Join(2000, 1999, 32, 1, (Mismatch(40_001, 12, 11),))
    baseline = dataclasses.replace(result.pairs[0].baseline, spikes=(spike,), join=join)
    pair = dataclasses.replace(result.pairs[0], baseline=baseline)
    result = dataclasses.replace(result, pairs=(pair,))
    read = through_json(result)
    assert_same(read, result)
    assert read.pairs[0].baseline.spikes[0].request == "checkout"


def test_a_result_from_before_requests_had_names_can_be_read():
    body = to_body(make_named_result())
    run = body["pairs"][0]["baseline"]
    del run["requests"], run["join"], run["load"]["requests"], run["load"]["handshakes"]
    for spike in run["spikes"]:
        del spike["request"]
    read = result_from_body(json.loads(json.dumps(body))).pairs[0].baseline
    assert (read.requests, read.join, read.load.requests) == ({}, None, {})
    assert {spike.request for spike in read.spikes} == {""}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"weight": -0.1}, "from 0 on"),
        ({"exchanges": -1}, "an integer from 0"),
        ({"corrected": {}}, "an object with member"),
        ({"histograms": []}, "an object of at most"),
    ],
)
def test_a_named_request_that_cannot_be_is_refused(changes, expected):
    body = json.loads(json.dumps(to_body(make_named_result())))
    body["pairs"][0]["baseline"]["requests"]["checkout"] |= changes
    with pytest.raises(NoUsableBaseline, match=expected) as caught:
        result_from_body(body)
    assert "baseline.requests.checkout" in caught.value.message
