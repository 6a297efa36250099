import json
import math
import re
from dataclasses import replace

import pytest

from gate.baseline.codec import from_body
from gate.baseline.document import RESULT_SCHEMA, checksum_of
from gate.report.schema import result_schema, verdict_schema
from gate.report.verdict_json import result_document, verdict_document
from gate.result import Result
from gate.verdict.model import Outcome
from tests.unit.factories import make_result

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
    *("items", "prefixItems", "minItems", "enum", "const", "anyOf", "minimum", "pattern"),
}


def problems(value, schema, path="$"):
    """What a JSON schema of the few keywords used here has against a value."""
    assert schema.keys() <= KEYWORDS, f"unknown keywords at {path}"
    if "anyOf" in schema:
        return [] if any(not problems(value, s, path) for s in schema["anyOf"]) else [path]
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
                [f"{path}.{name}"] if inner is False else problems(item, inner, f"{path}.{name}")
            )
    if isinstance(value, list):
        places = schema.get("prefixItems", [])
        rest = schema.get("items", {})
        found += [f"{path} short"] * (len(value) < schema.get("minItems", 0))
        for at, item in enumerate(value):
            inner = places[at] if at < len(places) else rest
            found += [f"{path}[{at}]"] if inner is False else problems(item, inner, f"{path}[{at}]")
    return found


@pytest.mark.parametrize("outcome", list(Outcome))
@pytest.mark.parametrize("kind", ["gate", "run", "compare"])
def test_documents_follow_their_schemas(kind, outcome):
    result = make_result(kind, outcome)
    verdict = json.loads(json.dumps(verdict_document(result), allow_nan=False))
    assert problems(verdict, verdict_schema()) == []
    body = json.loads(json.dumps(result_document(result), allow_nan=False))
    envelope = {
        "schema": RESULT_SCHEMA,
        "schema_version": 1,
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
        1,
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
    document = verdict_document(make_result("run"))
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
    back = from_body(Result, json.loads(json.dumps(result_document(result))))
    assert back.verdict == result.verdict
