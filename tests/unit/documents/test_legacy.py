"""Documents that hold sentences where facts are stored today."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from socklat_gate.documents.codec import to_body
from socklat_gate.documents.envelope import RESULT_SCHEMA, checksum_of
from socklat_gate.documents.files import read_result
from socklat_gate.documents.legacy import facts_of_prose
from socklat_gate.errors import Reason
from socklat_gate.measured.verdict import EvidenceTrace
from socklat_gate.wording.drift_text import drift_text
from socklat_gate.wording.notes import note_text
from socklat_gate.wording.reasons import coded_reasons
from tests.unit.factories import make_result, make_spike_verdict


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
    body["verdict"]["reasons"] = [[code, "response_p99 changed by +31%"]]
    for metric in body["verdict"]["metrics"]:
        for name in ("raw_baseline_ns", "raw_candidate_ns", "raw_change", "trace", "shortfalls"):
            del metric[name]
    verdict = read_result(written(tmp_path / "result.json", body, version)).verdict
    assert coded_reasons(verdict) == [(today.value, "response_p99 changed by +31%")]
    assert verdict.metrics[0].trace == EvidenceTrace()


def test_notes_that_were_sentences_keep_them(tmp_path):
    result = make_result()
    verdict = replace(result.verdict, spikes=make_spike_verdict())
    body = to_body(replace(result, verdict=verdict))
    spikes = body["verdict"]["spikes"]
    spikes["notes"] = ["spikes were not watched for in pair 3"]
    for old, new in (
        ("accepted_ratio", "tolerance_ratio"),
        ("needed", "threshold"),
        ("events_to_fail", "mde_events"),
        ("smallest_ratio", "mde_ratio"),
    ):
        spikes[old] = spikes.pop(new)
    body["environment"] = {"cpus": "2", "steal": "median 0.0%, at most 0.1%"}
    body.update(drift="it has drifted", calibration="", baseline_choice="this commit")
    body["pairs"][0]["excluded"] = ""
    body["pairs"][1]["excluded"] = "steal 71% is above 60%"
    body["pairs"][1]["noise"]["interference_ignored"] = "bursts follow the requests"
    read = read_result(written(tmp_path / "result.json", body, 2))
    assert [note_text(note) for note in read.verdict.spikes.notes] == [
        "spikes were not watched for in pair 3"
    ]
    assert replace(read.verdict.spikes, notes=()) == verdict.spikes
    assert read.environment == {"cpus": "2", "steal": "median 0.0%, at most 0.1%"}
    assert drift_text(read.drift) == "it has drifted"
    assert (read.calibration, note_text(read.baseline_choice)) == (None, "this commit")
    excluded = [note_text(pair.excluded) for pair in read.pairs]
    assert excluded == ["", "steal 71% is above 60%", ""]
    ignored = [pair.noise.interference_ignored for pair in read.pairs]
    assert ignored == [False, True, False]


def test_campaigns_and_calibrations_are_read_too():
    noise = {"steal": 0.1, "interference_ignored": "bursts follow the requests"}
    campaign = facts_of_prose({"noise": [noise, 3], "runs": []})
    assert campaign["noise"] == [{"steal": 0.1, "interference_ignored": True}, 3]
    findings = {"problems": ["one arm is favoured"], "metrics": [{"smallest": {"5": 0.1}}, 4]}
    calibration = facts_of_prose({"excluded": 2, "findings": findings})
    assert calibration == {
        "excluded": 2,
        "findings": {
            "problems": [{"code": "worded", "numbers": {"text": "one arm is favoured"}}],
            "metrics": [{"mde": {"5": 0.1}}, 4],
        },
    }


@pytest.mark.parametrize("odd", [None, 3, "text", [], [3], {"a": 1}])
def test_what_is_no_such_document_is_left_for_the_codec(odd):
    for name in ("verdict", "findings", "campaign", "noise", "pairs", "drift"):
        facts_of_prose({name: odd})
    for name in ("reasons", "spikes"):
        facts_of_prose({"verdict": {name: odd}})
    for name in ("problems", "metrics"):
        facts_of_prose({"findings": {name: odd}})
