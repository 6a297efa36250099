from __future__ import annotations

from dataclasses import replace
from xml.etree import ElementTree

import pytest
from junitparser import JUnitXml

from socklat_gate.measured.verdict import Outcome
from tests.unit.factories import (
    make_count_verdict,
    make_metric,
    make_result,
    make_spike_verdict,
    make_waived,
)
from tests.unit.report.rendered import render_junit

# What Jenkins' and Ant's schemas allow, and no more.
CHILDREN = {
    "testsuites": {"testsuite"},
    "testsuite": {"properties", "testcase"},
    "properties": {"property"},
    "property": set(),
    "testcase": {"skipped", "error", "failure", "system-out"},
    "skipped": set(),
    "error": set(),
    "failure": set(),
    "system-out": set(),
}
COUNTED = {"tests", "failures", "errors", "skipped", "time"}
ATTRIBUTES = {
    "testsuites": {"name", *COUNTED},
    "testsuite": {"name", "timestamp", *COUNTED},
    "property": {"name", "value"},
    "testcase": {"name", "classname", "time"},
    **{tag: {"message", "type"} for tag in ("skipped", "error", "failure")},
}
KINDS = [
    *(("gate", outcome) for outcome in Outcome),
    *(("compare", outcome) for outcome in (Outcome.PASS, Outcome.REGRESSION, Outcome.INCONCLUSIVE)),
    ("run", Outcome.PASS),
]
TAG = {
    Outcome.PASS: None,
    Outcome.REGRESSION: "failure",
    Outcome.INCONCLUSIVE: "skipped",
    Outcome.INVALID: "error",
    Outcome.NO_BASELINE: "error",
}


def tree_of(*args, **changes) -> ElementTree.Element:
    return ElementTree.fromstring(render_junit(replace(make_result(*args), **changes)).encode())


def outcome_of(case: ElementTree.Element) -> str | None:
    found = [one.tag for one in case if one.tag in {"failure", "error", "skipped"}]
    assert len(found) <= 1
    return found[0] if found else None


@pytest.mark.parametrize(("kind", "outcome"), KINDS)
def test_the_structure_is_that_of_the_common_schemas(kind, outcome):
    tree = tree_of(kind, outcome)
    assert tree.tag == "testsuites"
    for element in tree.iter():
        assert {child.tag for child in element} <= CHILDREN[element.tag]
        assert set(element.attrib) <= ATTRIBUTES.get(element.tag, set())
    (suite,) = tree
    cases = suite.findall("testcase")
    assert len({(case.get("classname"), case.get("name")) for case in cases}) == len(cases)
    for parent in (tree, suite):
        assert int(parent.get("tests")) == len(cases)
        for name, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
            assert int(parent.get(name)) == sum(outcome_of(case) == tag for case in cases)
    assert all(float(case.get("time")) >= 0 for case in cases)
    assert suite.get("timestamp") == "2026-03-04T05:06:07"


@pytest.mark.parametrize("outcome", list(Outcome))
def test_the_gates_own_case_has_the_outcome(outcome):
    case = tree_of("gate", outcome).find("testsuite/testcase")
    assert (case.get("classname"), case.get("name")) == ("socklat-gate.checkout", "gate")
    assert outcome_of(case) == TAG[outcome]
    assert float(case.get("time")) == 71.25
    word = outcome.value.replace("_", " ").upper()
    assert any(one.text.splitlines()[0].find(f"**{word}**") > 0 for one in case.iter("system-out"))


def test_every_metric_is_a_case_with_its_numbers():
    cases = {c.get("name"): c for c in tree_of().iter("testcase")}
    assert list(cases) == ["gate", "response_p50", "response_p90", "response_p99"]
    failure = cases["response_p99"].find("failure")
    assert failure.get("message") == (
        "response_p99 changed by +31.0% (interval +24.0% to +39.0%); tolerance +5.00%"
    )
    assert failure.get("type") == "regression"
    assert "e-value to fail / threshold 3.2e4 / 300, to pass 0.3 / 20" in failure.text
    assert outcome_of(cases["response_p50"]) is None
    assert "+0.40%" in cases["response_p50"].findtext("system-out")


def test_what_is_open_is_skipped_not_passed():
    cases = {c.get("name"): c for c in tree_of("gate", Outcome.INCONCLUSIVE).iter("testcase")}
    assert outcome_of(cases["response_p99"]) == "skipped"
    assert outcome_of(cases["gate"]) == "skipped"


def test_spikes_and_waivers():
    verdict = make_result().verdict
    waived = replace(make_metric("response_p99", Outcome.PASS, 0.2), waived=make_waived())
    spikes = make_spike_verdict(failed=True, candidate=5)
    cases = {
        case.get("name"): case
        for case in tree_of(verdict=replace(verdict, metrics=(waived,), spikes=spikes)).iter(
            "testcase"
        )
    }
    assert cases["spikes"].find("failure").get("message").startswith("5 spikes of 50.0 ms")
    said = cases["response_p99"].findtext("system-out")
    assert "waived until 2026-12-31: https://example.org/decisions/17" in said


def test_a_run_has_one_case_that_passed():
    cases = list(tree_of("run").iter("testcase"))
    assert [case.get("name") for case in cases] == ["gate"]
    assert outcome_of(cases[0]) is None


def test_its_reader_reads_it_back():
    back = JUnitXml.fromstring(render_junit(make_result()).encode())
    (suite,) = back
    assert (suite.tests, suite.failures, suite.errors) == (4, 2, 0)
    assert {one.name: one.value for one in suite.properties()}["verdict"] == "regression"


@pytest.mark.parametrize(
    ("count", "kind"),
    [
        (make_count_verdict(failed=True), "failure"),
        (make_count_verdict(undecided=True), "skipped"),
        (make_count_verdict(), None),
        (replace(make_count_verdict(), baseline_total=0), "skipped"),
    ],
)
def test_every_count_is_a_case(count, kind):
    verdict = replace(make_result().verdict, counts=(count,))
    case = tree_of(verdict=verdict).find(".//testcase[@name='errors']")
    assert outcome_of(case) == kind
    text = case.find("system-out") if kind is None else case.find(kind)
    assert "e-value against no increase / threshold" in text.text
