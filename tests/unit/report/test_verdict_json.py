import json
import math
import re
from dataclasses import replace

import pytest

from socklat_gate.documents.codec import to_body
from socklat_gate.documents.envelope import RESULT_SCHEMA, SCHEMA_VERSION, checksum_of
from socklat_gate.documents.json_schema import result_schema
from socklat_gate.documents.result_types import result_from_body
from socklat_gate.measured.attribution import StageShare
from socklat_gate.measured.verdict import Outcome
from socklat_gate.report.formats.verdict_json import VERDICT_SCHEMA_VERSION, verdict_document
from socklat_gate.report.formats.verdict_schema import verdict_schema
from socklat_gate.report.report import report_of
from tests.unit.factories import (
    make_attribution,
    make_count_verdict,
    make_cpu_metric,
    make_limit,
    make_pair,
    make_result,
    make_spike_verdict,
    make_waived,
    with_correction,
    with_raw,
    worded,
)

TYPES = {
    "object": dict,
    "array": list,
    "string": str,
    "integer": int,
    "number": (int, float),
    "boolean": bool,
    "null": type(None),
}
KEYWORDS = {
    *("$schema", "title", "description", "type", "properties", "required", "additionalProperties"),
    *("items", "prefixItems", "minItems", "enum", "const", "anyOf", "oneOf", "minimum", "pattern"),
    *("$ref", "$defs"),
}

EARLIER = {"raw", "waived", "improved", "evidence_improved"}
"""Members of a metric that earlier versions lack."""


def problems(value, schema, path="$", whole=None):
    """What a JSON schema of the few keywords used here has against a value."""
    assert schema.keys() <= KEYWORDS, f"unknown keywords at {path}"
    whole = whole or schema
    if "$ref" in schema:
        name = schema["$ref"].removeprefix("#/$defs/")
        return problems(value, whole["$defs"][name], path, whole)
    if "anyOf" in schema:
        return [] if any(not problems(value, s, path, whole) for s in schema["anyOf"]) else [path]
    if "oneOf" in schema:
        return (
            [] if sum(not problems(value, s, path, whole) for s in schema["oneOf"]) == 1 else [path]
        )
    names = schema.get("type", list(TYPES))
    names = [names] if isinstance(names, str) else names
    fits = any(
        isinstance(value, TYPES[n]) and (n == "boolean") == isinstance(value, bool) for n in names
    )
    if not fits:
        return [f"{path}: {value!r}"]
    wrong = [
        "enum" in schema and value not in schema["enum"],
        "const" in schema and value != schema["const"],
        "minimum" in schema and value < schema["minimum"],
        "pattern" in schema and not re.search(schema["pattern"], value),
    ]
    if any(wrong):
        return [f"{path}: {value!r}"]
    found = []
    if isinstance(value, dict):
        found += [
            f"{path}.{name} missing" for name in schema.get("required", []) if name not in value
        ]
        for name, item in value.items():
            other = schema.get("additionalProperties", {})
            inner = schema.get("properties", {}).get(name, other)
            found += (
                [f"{path}.{name}"]
                if inner is False
                else problems(item, inner, f"{path}.{name}", whole)
            )
    if isinstance(value, list):
        places = schema.get("prefixItems", [])
        rest = schema.get("items", {})
        found += [f"{path} short"] * (len(value) < schema.get("minItems", 0))
        for at, item in enumerate(value):
            inner = places[at] if at < len(places) else rest
            found += (
                [f"{path}[{at}]"]
                if inner is False
                else problems(item, inner, f"{path}[{at}]", whole)
            )
    return found


@pytest.mark.parametrize("outcome", list(Outcome))
@pytest.mark.parametrize("kind", ["gate", "run", "compare"])
def test_documents_follow_their_schemas(kind, outcome):
    result = make_result(kind, outcome)
    verdict = json.loads(json.dumps(verdict_document(result), allow_nan=False))
    assert problems(verdict, verdict_schema()) == []
    body = json.loads(json.dumps(to_body(result), allow_nan=False))
    envelope = {
        "schema": RESULT_SCHEMA,
        "schema_version": SCHEMA_VERSION,
        "checksum": checksum_of(body),
        "body": body,
    }
    assert problems(envelope, result_schema()) == []


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("verdict", "fine"),
        ("exit_code", 99),
        ("pairs", -1),
        ("reasons", [{"code": "because", "text": ""}]),
        ("metrics", [{}]),
        ("environment", {"a": 1}),
        ("surprise", 1),
    ],
)
def test_the_schema_notices_what_is_wrong(member, value):
    document = {**verdict_document(make_result()), member: value}
    assert problems(document, verdict_schema())


def test_the_promised_fields_are_there():
    document = verdict_document(make_result())
    promised = {
        *("schema_version", "verdict", "exit_code", "reasons", "pairs", "duration_s", "metrics"),
        *("attribution", "completeness", "environment"),
    }
    assert promised <= document.keys()
    metric = document["metrics"][2]
    assert {
        *("name", "stage", "baseline_ns", "candidate_ns", "change", "ci_low", "ci_high"),
        *("evidence_fail", "evidence_pass", "mde", "verdict"),
    } <= metric.keys()
    assert (document["schema_version"], document["verdict"], document["exit_code"]) == (
        VERDICT_SCHEMA_VERSION,
        "regression",
        1,
    )
    assert document["reasons"][0]["code"] == "regression"
    assert document["attribution"][0]["shares"][1]["stage"] == "app"
    assert document["completeness"]["balanced"] is True


@pytest.mark.parametrize("outcome", list(Outcome))
def test_the_exit_code_is_that_of_the_outcome(outcome):
    assert verdict_document(make_result("gate", outcome))["exit_code"] == outcome.exit_code


def test_a_run_has_no_verdict():
    result = make_result("run")
    assert not hasattr(result, "verdict")
    assert report_of(result).head.reasons == ()
    document = verdict_document(result)
    assert (document["verdict"], document["exit_code"], document["metrics"]) == (None, 0, [])


def test_unknown_and_unbounded_numbers_are_null():
    result = make_result()
    metric = replace(
        result.verdict.metrics[0],
        baseline_ns=math.nan,
        ci_low=-math.inf,
        ci_high=math.inf,
        mde=math.inf,
    )
    result = replace(result, verdict=replace(result.verdict, metrics=(metric,)))
    shown = json.loads(json.dumps(verdict_document(result), allow_nan=False))["metrics"][0]
    assert [shown[name] for name in ("baseline_ns", "ci_low", "ci_high", "mde")] == [None] * 4


def test_the_result_document_can_be_read_back():
    result = make_result()
    back = result_from_body(json.loads(json.dumps(to_body(result))))
    assert back.verdict == result.verdict


def unbounded_limit():
    limit = make_limit("response_p50", Outcome.INCONCLUSIVE)
    return replace(limit, ci_low_ns=0.0, ci_high_ns=math.inf, runs=2)


def everything():
    """A result in which every optional part is there."""
    result = make_result()
    metrics = (
        with_raw(replace(result.verdict.metrics[0], waived=make_waived())),
        make_cpu_metric(Outcome.REGRESSION, 0.2),
    )
    depend = StageShare("depend", 2e6, 2.5e6, 0.94, -math.inf, math.inf)
    parts = tuple(replace(part, depend=depend) for part in make_attribution("depend"))
    spikes = replace(make_spike_verdict(candidate=2), mde_ratio=math.inf, mde_events=None)
    counts = (replace(make_count_verdict(failed=True), waived=make_waived()),)
    limits = (make_limit("response_p99", Outcome.PASS), unbounded_limit())
    verdict = replace(
        result.verdict,
        metrics=metrics,
        attribution=parts,
        spikes=spikes,
        counts=counts,
        limits=limits,
    )
    pairs = tuple(replace(with_correction(make_pair(i)), start=i // 2) for i in range(4))
    return replace(result, verdict=verdict, pairs=pairs, calibration=worded("never calibrated"))


def test_every_optional_part_follows_the_schemas():
    result = everything()
    verdict = json.loads(json.dumps(verdict_document(result), allow_nan=False))
    assert problems(verdict, verdict_schema()) == []
    body = json.loads(json.dumps(to_body(result), allow_nan=False))
    whole = result_schema()
    assert problems(body, whole["properties"]["body"], "$.body", whole) == []
    assert verdict_document(result_from_body(body)) == verdict_document(result)


def test_counts_of_both_arms():
    (count,) = verdict_document(everything())["counts"]
    assert count["name"] == "errors"
    assert (count["baseline_count"], count["candidate_count"]) == (2, 31)
    assert (count["baseline_total"], count["candidate_total"]) == (48_000, 48_000)
    assert (count["failed"], count["undecided"], count["by_runs"]) == (True, False, False)
    assert count["evidence"] > count["threshold"]
    assert count["waived"]["ceiling"] == 0.4


def test_corrected_and_raw_numbers_spikes_and_the_machine():
    document = verdict_document(everything())
    p50, cpu = document["metrics"]
    assert p50["raw"]["baseline_ns"] == pytest.approx(1.5 * p50["baseline_ns"])
    assert p50["raw"]["change"] == 0.31
    assert not {"raw_change", "trace", "shortfalls"} & p50.keys()
    assert cpu["raw"] == dict.fromkeys(("baseline_ns", "candidate_ns", "change"))
    assert p50["waived"] == {
        "ceiling": 0.4,
        "expires": "2026-12-31",
        "link": "https://example.org/decisions/17",
        "baseline": "1f2e3d4c5b6a",
    }
    kept, open_ = document["limits"]
    assert (kept["limit_ns"], kept["candidate_ns"], kept["verdict"]) == (5e7, 3.1e7, "pass")
    assert (open_["ci_high_ns"], "shortfalls" in open_) == (None, False)
    spikes = document["spikes"]
    assert (spikes["candidate_events"], spikes["candidate_per_s"]) == (2, 0.125)
    assert (spikes["mde_ratio"], spikes["failed"]) == (None, False)
    assert spikes["power"].startswith("MDE: none, ")
    correction = document["correction"]
    assert (correction["runs"], correction["logged"]) == (8, 16_000)
    assert document["machine"]["stalled"] == {"median": 0.02, "max": 0.02}
    assert (document["interleave"], document["starts"]) == ("request", 2)
    assert document["attribution"][0]["depend"]["low_ns"] is None
    assert document["calibration"] == "never calibrated"


@pytest.mark.parametrize("kind", ["run", "compare"])
def test_what_a_kind_does_not_have_is_null(kind):
    document = verdict_document(make_result(kind, Outcome.PASS))
    assert document["spikes"] is None
    assert document["interleave"] is None
    assert document["starts"] is None


def test_files_of_earlier_versions_of_this_schema_follow_it():
    document = verdict_document(make_result())
    added = ("limits", "spikes", "machine", "correction", "interleave", "starts", "calibration")
    old = {name: value for name, value in document.items() if name not in added}
    old["metrics"] = [
        {name: value for name, value in metric.items() if name not in EARLIER}
        for metric in old["metrics"]
    ]
    assert old.keys() < document.keys()
    assert problems(old, verdict_schema()) == []
