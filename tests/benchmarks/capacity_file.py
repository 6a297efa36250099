"""Recorded rounds of capacity jobs: ``tests/data/capacity.json``, a line a round."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from typing import Any

from socklat_gate.measured.capacity import CapacityRound

__all__ = ["FILE", "Job", "Recorded", "load", "save"]

FILE = Path(__file__).resolve().parents[1] / "data" / "capacity.json"
DIGITS = 6
NAMES = [field.name for field in fields(CapacityRound)]


@dataclass(frozen=True)
class Job:
    """Rounds of one job, and how long a response may take (0: no round has found it)."""

    within_ns: int
    rounds: tuple[CapacityRound, ...]


@dataclass(frozen=True)
class Recorded:
    """Jobs by scene, and where they ran."""

    machine: str
    jobs: Mapping[str, tuple[Job, ...]]


def load(path: Path = FILE) -> Recorded:
    document = json.loads(path.read_text("utf-8"))
    assert document["columns"] == NAMES, "recorded by another version"
    return Recorded(
        document["machine"],
        {
            scene: tuple(
                Job(job["within_ns"], tuple(CapacityRound(*row) for row in job["rounds"]))
                for job in jobs
            )
            for scene, jobs in document["jobs"].items()
        },
    )


def save(path: Path, recorded: Recorded) -> None:
    jobs = {
        scene: [{"within_ns": job.within_ns, "rounds": _rows(job)} for job in found]
        for scene, found in recorded.jobs.items()
    }
    document = {"machine": recorded.machine, "columns": NAMES, "jobs": jobs}
    text = json.dumps(document, indent=1)
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_suffix(".new")
    new.write_text(_rows_in_lines(text) + "\n", "utf-8")
    new.replace(path)


def _rows(job: Job) -> list[list[Any]]:
    return [
        [float(f"{one:.{DIGITS}g}") if isinstance(one, float) else one for one in astuple(row)]
        for row in job.rounds
    ]


def _rows_in_lines(text: str) -> str:
    """A round a line, so that a difference of two files can be read."""
    lines: list[str] = []
    depth = None
    for line in text.splitlines():
        if depth is not None:
            lines[-1] += (" " if lines[-1].endswith(",") else "") + line.strip()
            if line.startswith(" " * depth + "]"):
                depth = None
        elif line.endswith("[") and line.strip() == "[":
            depth = len(line) - 1
            lines.append(line)
        else:
            lines.append(line)
    return "\n".join(lines)
