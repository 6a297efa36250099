"""Calibrations beside the baselines: ``<root>/_calibrations/<scenario>/<key>.json``.

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

from gate.baseline.codec import from_body, to_body
from gate.baseline.document import read_document, write_document
from gate.calibration import Calibration, gate_hash
from gate.campaign import Fingerprint
from gate.errors import NoUsableBaseline, Reason, UsageError
from gate.scenario import Scenario
from gate.verdict.wording import percent, plural

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
DIRECTORY = "_calibrations"
MEASURE = "measure it again with `socklat-gate calibrate`, or remove the file"
CREATED = re.compile(r"\d{4}-\d{2}-\d{2}T[0-9:.+Z-]{1,40}")
NAME = re.compile(r"[a-z0-9_.]{1,80}")

NEVER = (
    "this gate was never calibrated on this runner, so nobody knows its false-alarm rate or what "
    "it can find here (socklat-gate calibrate with the same scenario tells)"
)


def calibration_for(
    directory: Path, scenario: Scenario, fingerprint: Fingerprint
) -> Calibration | None:
    """The newest study of this scenario's shape on this machine; None without one.

    ``directory`` is that of the baselines.  The study may have judged by other settings of
    ``[gate]``: compare ``gate_hash``.  Raises `NoUsableBaseline` for a file that is damaged, lies
    elsewhere through a link, or holds something else than its name says.
    """
    path = _path(directory, scenario.name, scenario.measured_hash(), fingerprint)
    if not path.is_file() and not path.is_symlink():
        return None
    if not _inside(directory, path):
        _corrupt(path, "links to a place outside the directory of baselines")
    calibration = read_calibration(path)
    alike = (
        calibration.scenario_name == scenario.name
        and calibration.scenario_hash == scenario.measured_hash()
        and not fingerprint.differences(calibration.fingerprint)
    )
    if not alike:
        _corrupt(path, "holds the calibration of another scenario or machine")
    return calibration


def calibration_sentence(directory: Path, scenario: Scenario, fingerprint: Fingerprint) -> str:
    """What a gate says of its calibration here: a quote, `NEVER`, or why it cannot quote one."""
    try:
        found = calibration_for(directory, scenario, fingerprint)
    except NoUsableBaseline as error:
        return f"the calibration of this runner cannot be used: {error.message}"
    if found is None:
        return NEVER
    if found.gate_hash != gate_hash(scenario):
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


def save_calibration(directory: Path, calibration: Calibration) -> Path:
    """Keep a study under ``directory`` for later gates, instead of an older one; its file.

    Raises `UsageError` (output_not_writable).
    """
    name, hash_ = calibration.scenario_name, calibration.scenario_hash
    path = _path(directory, name, hash_, calibration.fingerprint)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(
            Reason.OUTPUT_NOT_WRITABLE,
            f"cannot create {path.parent}: {error.strerror}",
            remedy="choose a directory that this user may write to with --baselines",
        ) from error
    if not _inside(directory, path):
        raise UsageError(
            Reason.OUTPUT_NOT_WRITABLE,
            f"{path} links to a place outside {directory}",
            remedy="replace the symbolic link by a directory",
        )
    write_calibration(path, calibration)
    return path


def write_calibration(path: Path, calibration: Calibration) -> None:
    """Write a study to a file, replacing one.  Raises `UsageError` (output_not_writable)."""
    body = to_body(calibration)
    _check(path, from_body(Calibration, body))  # never store what could not be read again
    write_document(path, SCHEMA, body, overwrite=True)


def read_calibration(path: Path) -> Calibration:
    """A stored study.  Raises `NoUsableBaseline` as `read_document` and `from_body` do."""
    body = read_document(path, SCHEMA)
    try:
        calibration = from_body(Calibration, body)
    except NoUsableBaseline as error:
        raise NoUsableBaseline(error.reason, f"{path}: {error.message}", remedy=MEASURE) from None
    _check(path, calibration)
    return calibration


def _path(directory: Path, name: str, scenario_hash: str, fingerprint: Fingerprint) -> Path:
    key = json.dumps([scenario_hash, sorted(fingerprint.must_match.items())])
    return directory / DIRECTORY / name / f"{hashlib.sha256(key.encode()).hexdigest()[:16]}.json"


def _inside(directory: Path, path: Path) -> bool:
    try:
        return path.resolve().is_relative_to(directory.resolve())
    except (OSError, RuntimeError):  # a loop of links
        return False


def _check(path: Path, calibration: Calibration) -> None:
    """What is quoted must make sense, whoever wrote the file."""
    found = calibration.findings
    numbers = [found.pair_s, *(x for m in found.metrics for x in (m.pair_sd, m.change))]
    shares = [found.false_alarm_limit, *(metric.change_p for metric in found.metrics)]
    counts = max(found.false_alarms, found.decided) <= found.jobs
    ratios = all(ratio > 0 for metric in found.metrics for ratio in metric.ratios)
    names = all(NAME.fullmatch(metric.name) for metric in found.metrics)
    if not (found.metrics and found.pairs and found.jobs and counts and ratios and names):
        _corrupt(path, "holds counts, ratios or names that no study has")
    if not all(0 <= share <= 1 for share in shares) or not all(map(math.isfinite, numbers)):
        _corrupt(path, "holds a number that no study has")
    if not CREATED.fullmatch(calibration.created):
        _corrupt(path, "has a creation time that is not ISO 8601")


def _corrupt(path: Path, what: str) -> NoReturn:
    raise NoUsableBaseline(Reason.BASELINE_CORRUPT, f"{path} {what}", remedy=MEASURE)
