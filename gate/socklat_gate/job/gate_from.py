"""Limits and waivers as a branch has them, so that a change cannot loosen its own gate."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import date, datetime, timezone
from pathlib import Path
from typing import Any

from socklat_gate.ci_variables import ci_run
from socklat_gate.errors import UsageError
from socklat_gate.git import git
from socklat_gate.job.bytes_at import bytes_at, place_of
from socklat_gate.job.lineage import commit_of
from socklat_gate.job.stack_differences import differing_keys
from socklat_gate.measured.facts import Note, NoteCode
from socklat_gate.scenario import Scenario
from socklat_gate.scenario.loader import load_scenario, scenario_of
from socklat_gate.scenario.tables import Tables, read_tables, tables_of, tomllib

__all__ = ["planned_scenario"]

RULES = ("gate", "waiver", "baseline")
"""Tables of the scenario that say what is judged, how, and against what."""

BASELINES = "baselines"
"""Where they are by default."""

MEASURED = ("service", "load", "probe")
MOST_KEYS = 8


def planned_scenario(path: Path, ref: str | None) -> tuple[Scenario, tuple[Note, ...]]:
    """The scenario at ``path``, with limits, waivers and reference as they are in ``ref``.

    ``ref`` is a branch, tag or commit (None or "": all is the file's own), and where it does not
    have the file yet, that is noted and the file's own hold.  Waivers of ``ref`` that have expired
    or name no baseline are left out with a note: no change could be measured until they are
    removed, the one that removes them included.  Raises `UsageError`: as `load_scenario`,
    no_such_commit, and bad_scenario for what is wrong in ``ref``.
    """
    if not ref:
        return load_scenario(path), ()
    tables = read_tables(path)
    own = scenario_of(tables)
    top, _ = place_of(path)
    of_origin = ref == ci_run(os.environ).target
    commit = commit_of(top, ref, of_origin=of_origin)
    found = bytes_at(path, commit)
    text = (found or b"").decode("utf-8", "replace")
    where = f"{ref}:{path}"
    if found is None or not _has_scenario(path.name, text):
        return load_scenario(path), (Note(NoteCode.GATE_FROM_HERE, ref, {"commit": commit}),)
    try:
        base = tables_of(where, path.name, text)
        notes = _without_dead_waivers(base.data, datetime.now(timezone.utc).date())
        planned = scenario_of(tables, others=dict.fromkeys(RULES, base))
    except UsageError as error:
        raise UsageError(
            error.reason,
            error.message,
            remedy=f"limits and waivers are taken from {ref}: correct them there, or measure this "
            "change by its own once, without --gate-from (in GitHub Actions, gate-from: off)",
        ) from None
    files = _changed_files(path, own, commit)
    return planned, (_note(ref, commit, own, planned, tables, base, files), *notes)


def _has_scenario(name: str, text: str) -> bool:
    """False for a pyproject.toml that has no scenario in it yet."""
    if name != "pyproject.toml":
        return True
    try:
        tool = tomllib.loads(text).get("tool")
    except (tomllib.TOMLDecodeError, RecursionError):
        return True  # which is an error of its own
    return isinstance(tool, dict) and "socklat-gate" in tool


def _without_dead_waivers(data: dict[str, Any], today: date) -> tuple[Note, ...]:
    """Takes those out that cannot be in force; anything else that is wrong stays, to be refused."""
    waivers = data.get("waiver")
    if not isinstance(waivers, list):
        return ()
    kept, notes = [], []
    for waiver in waivers:
        expires = waiver.get("expires") if isinstance(waiver, dict) else None
        why = ""
        if isinstance(waiver, dict) and "baseline" not in waiver:
            why = "unbound"
        elif type(expires) is date and expires < today:
            why = "expired"
        if why:
            subject = str(waiver.get("metric", ""))[:80]
            notes.append(Note(NoteCode.WAIVER_NOT_IN_FORCE, subject, {"why": why}))
        else:
            kept.append(waiver)
    data["waiver"] = kept
    return tuple(notes)


def _changed_files(path: Path, own: Scenario, commit: str) -> list[str]:
    """Files of what is sent that are other ones in ``commit``, though their keys are the same.

    And the baselines beside the scenario, as far as HEAD has changed them since both parted:
    whoever commits them chooses what is compared with.  Those outside of the working tree are left
    out.
    """
    load, (top, _) = own.load, place_of(path)
    named = [("load.feeder", load.feeder)]
    named += [(f"load.request.{one.name}.body_file", one.body_file) for one in load.request]
    named += [(f"load.setup.{one.name}.body_file", one.body_file) for one in load.setup]
    if load.grpc is not None:  # whose paths are absolute by now
        named += [
            (f"load.grpc.{key}", os.path.relpath(name, path.absolute().parent))
            for key in ("descriptor_set", "proto")
            if (name := getattr(load.grpc, key))
        ]
    changed = []
    for key, name in named:
        file = Path(os.path.abspath(path.parent / name)) if name else None
        if file and file.is_relative_to(top) and bytes_at(file, commit) != file.read_bytes():
            changed.append(f"{key} ({name})")
    since = f"{commit}...HEAD"
    stored = git(path.resolve().parent, "diff", "--name-only", "-z", since, "--", BASELINES).rows
    return [*changed, f"{BASELINES}/ ({len(stored)} files)"] if stored else changed


def _note(
    ref: str,
    commit: str,
    own: Scenario,
    planned: Scenario,
    here: Tables,
    base: Tables,
    files: list[str],
) -> Note:
    unused = [
        name
        for table in RULES
        for name in _differing(table, _dumped(own, table), _dumped(planned, table))
    ]
    changed = [
        name
        for table in MEASURED
        for name in _differing(table, here.data.get(table), base.data.get(table))
    ] + files
    numbers = {"commit": commit, "unused": _listed(unused), "changed": _listed(changed)}
    return Note(NoteCode.GATE_FROM, ref, numbers)


def _dumped(scenario: Scenario, table: str) -> Any:
    return scenario.model_dump(mode="json", include={table})[table]


def _differing(table: str, one: Any, other: Any) -> list[str]:
    """Keys of a table that are not the same in both; its name where it is no table."""
    if one == other:
        return []
    if not (isinstance(one, Mapping) and isinstance(other, Mapping)):
        return [table]
    return [f"{table}.{key}" for key in differing_keys(one, other)]


def _listed(names: list[str]) -> str:
    more = len(names) - MOST_KEYS
    return ", ".join(names[:MOST_KEYS]) + (f" and {more} more" if more > 0 else "")
