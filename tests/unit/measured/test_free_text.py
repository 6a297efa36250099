"""Which texts of a result somebody else may have written, and that secrets are gone from those."""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass, replace
from enum import Enum
from typing import Any

import pytest

from socklat_gate import masking
from socklat_gate.documents.codec import to_body
from socklat_gate.documents.result_types import result_from_body
from socklat_gate.errors import Reason
from socklat_gate.measured.facts import TEXT, Note, NoteCode, ReasonFact
from socklat_gate.measured.free_text import FREE_TEXT, masked
from socklat_gate.measured.result import Result
from socklat_gate.measured.verdict import Outcome
from socklat_gate.report.formats.registry import FORMATS
from socklat_gate.report.report import report_of
from tests.unit.factories import make_result
from tests.unit.poisoned import full_result, poisoned

CANARY = """canary-9f3/+"\\<&'ü ~Zq7="""

IDENTIFIERS = {
    *("Attribution.internal", "Attribution.port", "Attribution.slice"),
    *("Campaign.branch", "Campaign.commit", "Campaign.created", "Campaign.former_hashes"),
    *("Campaign.image", "Campaign.image_id", "Campaign.scenario_hash", "Campaign.scenario_name"),
    *("Fingerprint.facts", "Fingerprint.must_match"),
    *("Result.baseline_commit", "Result.baseline_image", "Result.branch", "Result.candidate_image"),
    *("Result.commit", "Result.created", "Result.environment", "Result.former_hashes"),
    *("Result.hooks", "Result.scenario_hash", "Result.scenario_name"),
    *("MetricVerdict.name", "MetricVerdict.stage", "ReasonFact.subject", "StageShare.stage"),
    *("Run.image", "Run.image_id", "Spike.peer", "Waived.baseline", "Waived.expires"),
    *("Waived.link", "CountVerdict.name", "Attribution.request", "MetricVerdict.request"),
}
"""What something is looked up by, or what the machine or the scenario's own text says."""


def texts_with(part: str, value: Any, place: str = "") -> Iterator[str]:
    """Type and field of every text that has the part; keys of mappings are names."""
    if isinstance(value, str) and not isinstance(value, Enum):
        if part in value:
            yield place
    elif is_dataclass(value) and not isinstance(value, type):
        kind = type(value).__name__
        kind = "Result" if kind in ("GateResult", "RunResult", "Comparison") else kind
        for field in fields(value):
            yield from texts_with(part, getattr(value, field.name), f"{kind}.{field.name}")
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from texts_with(part, inner, place)
    elif isinstance(value, (tuple, list)):
        for inner in value:
            yield from texts_with(part, inner, place)


@pytest.mark.parametrize("kind", ["gate", "run"])
def test_a_text_is_masked_unless_something_is_looked_up_by_it(kind: Any) -> None:
    result = poisoned(full_result(kind), CANARY)
    masking.register(CANARY)
    left = set(texts_with(CANARY, masked(result)))
    assert left - IDENTIFIERS == set(), "is it an identifier, or does FREE_TEXT lack it?"


def with_canary() -> Result:
    """A result as an error or a response that repeats a secret makes it."""
    result: Any = full_result()
    pair = result.pairs[0]
    load = replace(pair.candidate.load, first_error=f"HTTP status 401: {CANARY}")
    pairs = (replace(pair, candidate=replace(pair.candidate, load=load)), *result.pairs[1:])
    reason = ReasonFact(Reason.SERVICE_DIED, numbers={TEXT: f"died: {CANARY}"})
    verdict = replace(result.verdict, outcome=Outcome.INVALID, reasons=(reason,))
    note = Note(NoteCode.STAND_IN, f"AUTH {CANARY}")
    made: Result = replace(result, pairs=pairs, verdict=verdict, notes=(note,))
    return made


def pieces(text: str) -> Iterator[str]:
    """The text, and what is compressed in it."""
    yield text
    for word in text.replace('"', " ").split():
        try:
            yield zlib.decompress(base64.b64decode(word)[8:]).decode("latin-1")
        except (ValueError, zlib.error):
            continue


@pytest.mark.parametrize("name", FORMATS)
def test_no_format_of_a_report_has_it(name: str) -> None:
    result = with_canary()
    clear = FORMATS[name].render(report_of(result))
    masking.register(CANARY)
    text = FORMATS[name].render(report_of(result))
    for piece in pieces(text):
        assert "canary-9f3" not in piece
        assert "Zq7" not in piece
    if name in ("markdown", "json", "junit"):  # else the others prove nothing
        assert "canary-9f3" in clear


def test_no_document_has_it() -> None:
    masking.register(CANARY)
    body = to_body(with_canary())
    for piece in pieces(json.dumps(body)):
        assert "canary-9f3" not in piece
    assert result_from_body(body).verdict.outcome is Outcome.INVALID


@pytest.mark.parametrize("value", ["response", "baseline", "candidate", "pass", "1234", "0123"])
def test_a_weak_secret_breaks_no_document(value: str) -> None:
    result = make_result("gate", Outcome.PASS)
    before = to_body(result)
    masking.register(value)
    body = to_body(result)
    assert result_from_body(body).scenario_hash == result.scenario_hash
    assert {name: body[name] for name in ("candidate_image", "commit", "pairs")} == {
        name: before[name] for name in ("candidate_image", "commit", "pairs")
    }
    assert FORMATS["openmetrics"].render(report_of(result)).endswith("# EOF\n")


def test_without_secrets_an_object_is_itself() -> None:
    result = full_result()
    assert masked(result) is result
    masking.register("is nowhere in there")
    assert masked(result) is result
    assert all(is_dataclass(kind) for kind in FREE_TEXT)
