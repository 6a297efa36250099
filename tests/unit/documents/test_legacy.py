"""Documents that hold sentences where facts are stored today."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from socklat_gate.documents.codec import to_body
from socklat_gate.documents.envelope import RESULT_SCHEMA, checksum_of
from socklat_gate.documents.files import read_result
from socklat_gate.errors import Reason
from socklat_gate.measured.verdict import EvidenceTrace
from socklat_gate.wording.reasons import coded_reasons
from tests.unit.factories import make_result


def written(path: Path, body: dict, version: int) -> Path:
    document = {
        "schema": RESULT_SCHEMA,
        "schema_version": version,
        "checksum": checksum_of(body),
        "body": body,
    }
    path.write_text(json.dumps(document))
    return path


@pytest.mark.parametrize(
    ("version", "code", "today"),
    [
        (1, "regression", Reason.REGRESSION),
        (1, "watched_briefly", Reason.INSUFFICIENT_EXPOSURE),
        (2, "regression", Reason.REGRESSION),
    ],
)
def test_reasons_with_a_sentence_keep_it(tmp_path, version, code, today):
    body = to_body(make_result())
    body["verdict"]["reasons"] = [[code, "service_p99 changed by +31%"]]
    for metric in body["verdict"]["metrics"]:
        for name in ("raw_baseline_ns", "raw_candidate_ns", "raw_change", "trace", "shortfalls"):
            del metric[name]
    verdict = read_result(written(tmp_path / "result.json", body, version)).verdict
    assert coded_reasons(verdict) == [(today.value, "service_p99 changed by +31%")]
    assert verdict.metrics[0].trace == EvidenceTrace()
