"""Named requests for machines: `verdict.json`, OpenMetrics, JUnit, and the size of the page."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from junitparser import JUnitXml
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from socklat_gate.measured.result import Result
from socklat_gate.measured.verdict import EvidenceTrace, JointEvidence, Outcome
from socklat_gate.report.formats.verdict_json import verdict_document
from socklat_gate.report.formats.verdict_schema import verdict_schema
from tests.unit.factories import make_count_verdict, make_limit, make_result
from tests.unit.named_results import MANY, NAMES, make_named_result, make_named_run_result
from tests.unit.report.rendered import render_html, render_junit, render_openmetrics
from tests.unit.report.test_html_page import every, parsed, text_of
from tests.unit.report.test_verdict_json import problems

RESULT = make_named_result()


def samples_of(result, name, **labels):
    families = text_string_to_metric_families(render_openmetrics(result))
    return [
        sample
        for family in families
        for sample in family.samples
        if sample.name == name and labels.items() <= sample.labels.items()
    ]


def value_of(result, name, **labels):
    (sample,) = samples_of(result, name, **labels)
    return sample.value


def traced(result: Result) -> Result:
    """Every metric's evidence known for two pairs, and that of all together."""
    trace = EvidenceTrace((0, 2), (0.2, 0.3), (9.0, 900.0), (0.1, 0.01))
    metrics = tuple(replace(metric, trace=trace) for metric in result.verdict.metrics)
    joint = JointEvidence(410.0, 100.0, (0, 2), (3.0, 410.0))
    return replace(result, verdict=replace(result.verdict, metrics=metrics, together=joint))


@pytest.mark.parametrize(
    "result", [RESULT, make_named_result(MANY), make_named_run_result(), make_result()]
)
def test_verdict_json_follows_its_schema(result: Result) -> None:
    document = json.loads(json.dumps(verdict_document(result), allow_nan=False))
    assert problems(document, verdict_schema()) == []


def test_verdict_json_has_counts_quantiles_and_errors_by_name() -> None:
    document = verdict_document(RESULT)
    assert list(document["requests"]) == list(NAMES)
    checkout = document["requests"]["checkout"]
    assert checkout["weight"] == 0.05
    candidate = checkout["arms"]["candidate"]
    assert (candidate["sent"], candidate["errors"], candidate["spikes"]) == (200, 4, 2)
    assert candidate["failures"] == {"bad_status": 4}
    assert candidate["statuses"] == {"200": 196, "503": 4}
    assert candidate["size_p50_bytes"] == pytest.approx(540, rel=0.01)
    response, before = candidate["response"], checkout["arms"]["baseline"]["response"]
    assert response["corrected"]
    assert before["p50_ns"] < response["p50_ns"] < response["p99_ns"] <= response["p999_ns"]
    requests = [metric["request"] for metric in document["metrics"]]
    assert requests[:3] == ["", "", ""]
    assert requests[-1] == "checkout"
    assert document["attribution"][-1]["request"] == "checkout"
    assert document["handshakes"]["baseline"]["count"] == 64
    assert document["join"]["candidate"]["connections"] == 64
    assert document["join"]["candidate"]["mismatches"] == []


def test_without_names_the_members_are_empty() -> None:
    document = verdict_document(make_result())
    assert document["requests"] == document["handshakes"] == document["join"] == {}


def test_what_only_a_driver_knows_is_null_without_one() -> None:
    (pair, *_) = RESULT.pairs
    runs = {
        arm: replace(pair.arm(arm), load=replace(pair.arm(arm).load, requests={}))
        for arm in ("baseline", "candidate")
    }
    found = verdict_document(replace(RESULT, pairs=(replace(pair, **runs),)))["requests"]
    browse = found["browse"]["arms"]["candidate"]
    assert (browse["planned"], browse["errors"], browse["size_p50_bytes"]) == (None, None, None)
    assert browse["exchanges"] == 1_400


def test_openmetrics_has_the_label_on_metrics_of_a_request_only() -> None:
    change = samples_of(RESULT, "socklat_gate_metric_change_ratio")
    labels = {one.labels["metric"]: one.labels.get("request") for one in change}
    assert labels["response_p99"] is None
    assert labels["response_p99[checkout]"] == "checkout"
    limit = replace(make_limit("response_p99", Outcome.PASS), request="checkout")
    result = replace(RESULT, verdict=replace(RESULT.verdict, limits=(limit,)))
    assert value_of(result, "socklat_gate_limit_seconds", request="checkout") == 0.05


def test_openmetrics_has_counts_and_times_by_name() -> None:
    one = {"request": "checkout", "arm": "candidate"}
    assert value_of(RESULT, "socklat_gate_requests", fate="sent", **one) == 200
    assert value_of(RESULT, "socklat_gate_request_errors", kind="bad_status", **one) == 4
    assert value_of(RESULT, "socklat_gate_request_weight_ratio", request="checkout") == 0.05
    assert value_of(RESULT, "socklat_gate_request_spikes", **one) == 2
    place = {**one, "stage": "response", "numbers": "corrected"}
    assert value_of(RESULT, "socklat_gate_request_seconds_count", **place) == 200
    p99 = value_of(RESULT, "socklat_gate_request_seconds", quantile="0.99", **place)
    document = verdict_document(RESULT)["requests"]["checkout"]["arms"]["candidate"]
    assert p99 == pytest.approx(document["response"]["p99_ns"] / 1e9)
    assert value_of(RESULT, "socklat_gate_handshake_seconds_count", arm="baseline") == 64
    assert value_of(RESULT, "socklat_gate_join", arm="baseline", of="connections") == 64


def test_openmetrics_of_results_without_names_has_nothing_of_them() -> None:
    text = render_openmetrics(make_result())
    assert "request=" not in text
    assert "socklat_gate_join" not in text


def test_junit_has_a_case_for_each_name_and_metric_in_a_class_of_its_own() -> None:
    count = replace(make_count_verdict("errors[checkout]", failed=True), request="checkout")
    name = "response_p99[checkout]"
    limit = replace(make_limit("response_p99", Outcome.PASS), name=name, request="checkout")
    verdict = replace(RESULT.verdict, counts=(count,), limits=(limit,))
    suite = next(iter(JUnitXml.fromstring(render_junit(replace(RESULT, verdict=verdict)).encode())))
    cases = {(case.classname, case.name): case for case in suite}
    assert len(cases) == 1 + 3 + 9 + 2
    case = cases["socklat-gate.checkout.checkout", "response_p99[checkout]"]
    assert case.result[0].message.startswith("p99 of `checkout` changed by +31.0%")
    assert case.result[0].type == "regression"
    assert cases["socklat-gate.checkout.browse", "response_p99[browse]"].is_passed
    assert ("socklat-gate.checkout", "response_p99") in cases
    assert ("socklat-gate.checkout.checkout", "errors[checkout]") in cases
    assert ("socklat-gate.checkout.checkout", "response_p99[checkout]_limit") in cases


def test_thirty_names_keep_the_page_small() -> None:
    """As they are, and were they all slower; about 6 kB each."""
    alone = len(render_html(make_named_result({"only": 1.0})))
    for slow in (("checkout",), tuple(MANY)):
        page = render_html(traced(make_named_result(MANY, slow=slow)))
        assert len(page) - alone < 450_000
        assert parsed(page) is not None


def test_the_page_draws_names_beyond_some_not_at_all_and_says_so() -> None:
    weights = {f"r{n}": 1 / 60 for n in range(60)}
    tree = parsed(render_html(make_named_result(weights, slow=("r59",))))
    (select,) = (one for one in every(tree, "select") if one.get("id") == "curve-request")
    names = [text_of(option) for option in every(select, "option")]
    assert names[:2] == ["all", "r59"]
    assert len(names) == 41
    assert "20 more requests are not drawn" in text_of(tree)


def test_curves_of_a_request_have_fewer_points_and_stages() -> None:
    tree = parsed(render_html(make_named_result(MANY)))
    (holder,) = (s for s in every(tree, "script") if s.get("type") == "application/json")
    sets = json.loads(holder.text)["curves"]["sets"]
    named = [one for one in sets if one["request"]]
    assert {one["request"] for one in named} == set(MANY)
    assert {one["stage"] for one in named} == {"response", "recv_wait", "app", "respond"}
    assert {one["step"] for one in sets if not one["request"]} == {0.05}
    bands = {one["request"]: bool(one["curves"][0]["low"]) for one in named}
    assert [name for name, drawn in bands.items() if drawn] == ["checkout"]
    assert all(len(one["curves"][0]["at"]) <= 51 for one in named)


def test_evidence_of_all_together_is_drawn_first() -> None:
    tree = parsed(render_html(traced(RESULT)))
    (holder,) = (s for s in every(tree, "script") if s.get("type") == "application/json")
    first, second, *_ = json.loads(holder.text)["evidence"]["metrics"]
    assert (first["name"], first["fail"], first["pass"]) == ("all together", [3.0, 410.0], [])
    assert first["threshold_pass"] is None
    assert second["name"] == "response_p50"
    assert "All together: 410 / 100." in text_of(tree)
