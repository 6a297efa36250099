"""Calibrations beside the baselines: ``_calibrations/<scenario>/<key>.json`` in the same place.

One document for each measured shape of a scenario and machine, named by a hash of both; a newer
study replaces the older.  No scenario's name begins with "_", so no campaign lies there.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
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
from socklat_gate.scenario import Scenario
from socklat_gate.wording.changes import percent, plural

__all__ = [
    "NEVER",
    "calibration_for",
    "calibration_sentence",
    "quote",
    "read_calibration",
    "save_calibration",
    "write_calibration",
]

SCHEMA = "socklat-gate/calibration"
FOLDER = "_calibrations"
MEASURE = "measure it again with `socklat-gate calibrate`, or remove the file"
CREATED = re.compile(r"\d{4}-\d{2}-\d{2}T[0-9:.+Z-]{1,40}")
NAME = re.compile(r"[a-z0-9_.]{1,80}")

NEVER = (
    "this gate was never calibrated on this runner, so nobody knows its false-alarm rate or what "
    "it can find here (socklat-gate calibrate with the same scenario tells)"
)


def calibration_for(
    place: Place, scenario: Scenario, fingerprint: Fingerprint
) -> Calibration | None:
    """The newest study of this scenario's shape on this machine; None without one.

    ``place`` is that of the baselines.  The study may have judged by other settings of
    ``[gate]``: compare ``gate_hash``.  Raises `NoUsableBaseline` for a file that is damaged, lies
    elsewhere through a link, or holds something else than its name says.
    """
    name = _name(scenario.name, scenario.measured_hash(), fingerprint)
    if name not in place.names(name.rpartition("/")[0]):
        return None
    where = place.shown(name)
    calibration = _decoded(where, parse_document(where, place.read(name), SCHEMA))
    alike = (
        calibration.scenario_name == scenario.name
        and calibration.scenario_hash == scenario.measured_hash()
        and not fingerprint.differences(calibration.fingerprint)
    )
    if not alike:
        _corrupt(where, "holds the calibration of another scenario or machine")
    return calibration


def calibration_sentence(place: Place, scenario: Scenario, fingerprint: Fingerprint) -> str:
    """What a gate says of its calibration here: a quote, `NEVER`, or why it cannot quote one."""
    try:
        found = calibration_for(place, scenario, fingerprint)
    except NoUsableBaseline as error:
        return f"the calibration of this runner cannot be used: {error.message}"
    if found is None:
        return NEVER
    if found.gate_hash != scenario.gate_hash():
        return (
            f"this runner was calibrated on {found.created[:10]} with other settings of [gate], "
            "which says nothing about these: run socklat-gate calibrate again"
        )
    return quote(found)


def quote(calibration: Calibration) -> str:
    """The study in one sentence."""
    found = calibration.findings
    text = (
        f"calibrated here on {calibration.created[:10]} with {plural(found.pairs, 'pair')} of the "
        f"same image: {found.false_alarms} of {found.jobs} resampled jobs of up to "
        f"{plural(found.max_pairs, 'pair')} raised a false alarm (at most "
        f"{found.false_alarm_limit:.2%}, as far as so few pairs can tell)"
    )
    minutes = found.minutes_to_verdict
    if minutes is not None:
        text += f", half of them were decided within {minutes:.1f} min"
    reach = [
        f"{metric.name} {percent(smallest)}"
        for metric in found.metrics
        if (smallest := metric.smallest.get("5")) is not None
    ]
    if reach:
        text += f"; 5 min find 4 in 5 changes of {', '.join(reach)}"
    if found.problems:
        # The texts stay out of it: a stored file may come from anywhere.
        text += f"; it names {plural(len(found.problems), 'problem')}"
    return text


def save_calibration(place: Place, calibration: Calibration) -> str:
    """Keep a study in ``place`` for later gates, instead of an older one; its name there.

    Raises `UsageError` (output_not_writable).
    """
    name = _name(calibration.scenario_name, calibration.scenario_hash, calibration.fingerprint)
    where = place.shown(name)
    place.replace(name, encode_document(where, SCHEMA, _body(where, calibration)))
    return name


def write_calibration(path: Path, calibration: Calibration) -> None:
    """Write a study to a file, replacing one.  Raises `UsageError` (output_not_writable)."""
    write_document(path, SCHEMA, _body(str(path), calibration), overwrite=True)


def read_calibration(path: Path) -> Calibration:
    """A study in a file.  Raises `NoUsableBaseline` as `read_document` and `from_body` do."""
    return _decoded(str(path), read_document(path, SCHEMA))


def _body(where: str, calibration: Calibration) -> JSON:
    body = to_body(calibration)
    _check(where, from_body(Calibration, body))  # never store what could not be read again
    return body


def _decoded(where: str, body: JSON) -> Calibration:
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
    """What is quoted must make sense, whoever wrote the file."""
    found = calibration.findings
    numbers = [found.pair_s, *(x for m in found.metrics for x in (m.pair_sd, m.change))]
    shares = [found.false_alarm_limit, *(metric.change_p for metric in found.metrics)]
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
