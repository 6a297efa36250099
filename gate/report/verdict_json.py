"""``verdict.json``: the outcome for machines, flat, small and stable.

Strict JSON: a number that is not known or not bounded is null.  The whole measurement is in
``result.json``, whose body is `gate.baseline.codec.to_body`.
"""

from __future__ import annotations

import math
from dataclasses import asdict
from enum import Enum
from typing import Any

from gate.baseline.codec import to_body
from gate.errors import Exit
from gate.result import Completeness, Result

__all__ = ["VERDICT_SCHEMA_VERSION", "result_document", "verdict_document"]

VERDICT_SCHEMA_VERSION = 1

JSON = dict[str, Any]


def verdict_document(result: Result) -> JSON:
    """Content of ``verdict.json``; a run without verdict has verdict null and exit code 0."""
    verdict = result.verdict
    return {
        "schema_version": VERDICT_SCHEMA_VERSION,
        "verdict": verdict.outcome.value if verdict else None,
        "exit_code": int(verdict.outcome.exit_code if verdict else Exit.PASS),
        "reasons": [
            {"code": code.value, "text": text}
            for code, text in (verdict.reasons if verdict else ())
        ],
        "kind": result.kind,
        "scenario": result.scenario_name,
        "baseline_image": result.baseline_image,
        "candidate_image": result.candidate_image,
        "commit": result.commit,
        "created": result.created,
        "seed": result.seed,
        "pairs": verdict.pairs if verdict else 0,
        "further_pairs": verdict.further_pairs if verdict else None,
        "duration_s": _strict(result.duration_s),
        "metrics": [_strict(asdict(metric)) for metric in (verdict.metrics if verdict else ())],
        "attribution": [_strict(asdict(part)) for part in (verdict.attribution if verdict else ())],
        "completeness": _completeness(result.completeness) if result.completeness else None,
        "environment": dict(result.environment),
        "drift": result.drift,
    }


def result_document(result: Result) -> JSON:
    """Body of ``result.json``; `gate.baseline.files.read_result` reads it back."""
    return to_body(result)


def _completeness(done: Completeness) -> JSON:
    numbers: JSON = _strict(asdict(done))
    return {**numbers, "balanced": done.balanced}


def _strict(value: Any) -> Any:
    """The same with null for NaN and infinity, and enumerations by their value."""
    if isinstance(value, dict):
        return {name: _strict(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_strict(item) for item in value]
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    return value
