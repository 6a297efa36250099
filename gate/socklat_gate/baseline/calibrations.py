"""Calibrations beside the baselines: ``_calibrations/<scenario>/<key>.json`` in the same place.

One document for each measured shape of a scenario and machine, named by a hash of both; a newer
study replaces the older.  No scenario's name begins with "_", so no campaign lies there.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

from socklat_gate.baseline.places.place import Place
from socklat_gate.documents.codec import JSON, from_body, to_body
from socklat_gate.documents.envelope import (
    encode_document,
    parse_document,
    read_document,
    write_document,
)
from socklat_gate.errors import NoUsableBaseline, Reason
from socklat_gate.measured.calibration import Calibration
from socklat_gate.measured.campaign import Fingerprint
from socklat_gate.measured.facts import TEXT, Note, NoteCode, Scalar
from socklat_gate.scenario import Scenario

__all__ = [
    "calibration_for",
    "calibration_note",
    "read_calibration",
    "save_calibration",
    "studies",
    "summary",
    "write_calibration",
]

SCHEMA = "socklat-gate/calibration"
FOLDER = "_calibrations"
MEASURE = "measure it again with `socklat-gate calibrate`, or remove the file"
CREATED = re.compile(r"\d{4}-\d{2}-\d{2}T[0-9:.+Z-]{1,40}")
NAME = re.compile(r"[a-z0-9_.]{1,80}(?:\[[A-Za-z0-9_.-]{1,63}\])?")


def calibration_for(
    place: Place, scenario: Scenario, fingerprint: Fingerprint
) -> Calibration | None:
    """The newest study of this scenario's shape on this machine; None without one.

    ``place`` is that of the baselines.  The study may have judged by other settings of
    ``[gate]``: compare ``gate_hash``.  Raises `NoUsableBaseline` for a file that is damaged, lies
    elsewhere through a link, or holds something else than its name stands for.
    """
    hashes = scenario.hashes()
    names = [_name(scenario.name, known_by, fingerprint) for known_by in hashes]
    kept = place.names(f"{FOLDER}/{scenario.name}")
    name = next((name for name in names if name in kept), None)
    if name is None:
        return None
    where = place.display_name(name)
    calibration = _decode(where, parse_document(where, place.read(name), SCHEMA))
    alike = (
        calibration.scenario_name == scenario.name
        and calibration.scenario_hash in hashes
        and not fingerprint.differences(calibration.fingerprint)
    )
    if not alike:
        _corrupt(where, "holds the calibration of another scenario or machine")
    return calibration


def studies(place: Place, scenario_name: str) -> list[Calibration]:
    """All studies of a scenario that can be read, oldest first."""
    found = []
    for name in place.names(f"{FOLDER}/{scenario_name}"):
        where = place.display_name(name)
        with suppress(NoUsableBaseline):
            found.append(_decode(where, parse_document(where, place.read(name), SCHEMA)))
    return sorted(found, key=lambda study: study.created)


def calibration_note(place: Place, scenario: Scenario, fingerprint: Fingerprint) -> Note:
    """What is known of the gate here: the study's rates, or why there are none."""
    try:
        found = calibration_for(place, scenario, fingerprint)
    except NoUsableBaseline as error:
        text = f"the calibration of this runner cannot be used: {error.message}"
        return Note(NoteCode.CALIBRATION_UNUSABLE, numbers={TEXT: text})
    if found is None:
        return Note(NoteCode.NOT_CALIBRATED)
    if found.gate_hash != scenario.gate_hash():
        return Note(NoteCode.OTHER_GATE_CALIBRATED, numbers={"date": found.created[:10]})
    return summary(found)


def summary(calibration: Calibration) -> Note:
    """The study's rates and the MDE of a 5-minute job, by metric."""
    found = calibration.findings
    # The texts stay out of it: a stored file may come from anywhere.
    numbers: dict[str, Scalar] = {
        "date": calibration.created[:10],
        "pairs": found.pairs,
        "false_alarms": found.false_alarms,
        "jobs": found.jobs,
        "max_pairs": found.max_pairs,
        "false_alarm_limit": found.false_alarm_limit,
        "minutes_to_verdict": found.minutes_to_verdict,
        "problems": len(found.problems),
    }
    for metric in found.metrics:
        if (mde := metric.mde.get("5")) is not None:
            numbers[f"mde.{metric.name}"] = mde
    return Note(NoteCode.CALIBRATED, numbers=numbers)


def save_calibration(place: Place, calibration: Calibration) -> str:
    """Keep a study in ``place`` for later gates, instead of an older one; its name there.

    Raises `UsageError` (output_not_writable).
    """
    name = _name(calibration.scenario_name, calibration.scenario_hash, calibration.fingerprint)
    where = place.display_name(name)
    place.replace(name, encode_document(where, SCHEMA, _body(where, calibration)))
    return name


def write_calibration(path: Path, calibration: Calibration) -> None:
    """Write a study to a file, replacing one.  Raises `UsageError` (output_not_writable)."""
    write_document(path, SCHEMA, _body(str(path), calibration), overwrite=True)


def read_calibration(path: Path) -> Calibration:
    """A study in a file.  Raises `NoUsableBaseline` as `read_document` and `from_body` do."""
    return _decode(str(path), read_document(path, SCHEMA))


def _body(where: str, calibration: Calibration) -> JSON:
    body = to_body(calibration)
    _check(where, from_body(Calibration, body))  # never store what could not be read again
    return body


def _decode(where: str, body: JSON) -> Calibration:
    try:
        calibration = from_body(Calibration, body)
    except NoUsableBaseline as error:
        raise NoUsableBaseline(error.reason, f"{where}: {error.message}", remedy=MEASURE) from None
    _check(where, calibration)
    return calibration


def _name(scenario_name: str, scenario_hash: str, fingerprint: Fingerprint) -> str:
    key = json.dumps([scenario_hash, sorted(fingerprint.must_match.items())])
    file_name = f"{hashlib.sha256(key.encode()).hexdigest()[:16]}.json"
    return f"{FOLDER}/{scenario_name}/{file_name}"


def _check(where: str, calibration: Calibration) -> None:
    """What is shown must make sense, whoever wrote the file."""
    found = calibration.findings
    points = [point for metric in found.metrics for point in metric.curve]
    numbers = [found.pair_s, *(x for m in found.metrics for x in (m.pair_sd, m.change))]
    numbers += [x for point in points for x in (point.change, point.minutes)]
    shares = [found.false_alarm_limit, *(metric.change_p for metric in found.metrics)]
    shares += [point.share for point in points]
    counts = max(found.false_alarms, found.decided) <= found.jobs
    ratios = all(ratio > 0 for metric in found.metrics for ratio in metric.ratios)
    names = all(NAME.fullmatch(metric.name) for metric in found.metrics)
    if not (found.metrics and found.pairs and found.jobs and counts and ratios and names):
        _corrupt(where, "holds counts, ratios or names that no study has")
    if not all(0 <= share <= 1 for share in shares) or not all(map(math.isfinite, numbers)):
        _corrupt(where, "holds a number that no study has")
    if not CREATED.fullmatch(calibration.created):
        _corrupt(where, "has a creation time that is not ISO 8601")


def _corrupt(where: str, what: str) -> NoReturn:
    raise NoUsableBaseline(Reason.BASELINE_CORRUPT, f"{where} {what}", remedy=MEASURE)
