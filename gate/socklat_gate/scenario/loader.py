"""Reads a scenario from TOML; every error names the file, the line and the nearest key."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime, timezone
from pathlib import Path

from pydantic import ValidationError

from socklat_gate.errors import Reason, UsageError
from socklat_gate.scenario import Scenario, Waiver
from socklat_gate.scenario.files import with_paths_from
from socklat_gate.scenario.load_check import check_load
from socklat_gate.scenario.problems import explain, place_of
from socklat_gate.scenario.secret import DIRECTORY
from socklat_gate.scenario.tables import REMEDY, Tables, read_tables

__all__ = ["load_scenario", "scenario_of"]


def load_scenario(path: Path, *, today: date | None = None) -> Scenario:
    """The scenario in ``path``: a socklat.toml, or a pyproject.toml's ``[tool.socklat-gate]``.

    ``today`` (UTC; None: the clock's) is held against the waivers.  Raises `UsageError`
    (NO_SUCH_FILE, BAD_SCENARIO, BAD_PAYLOAD, WAIVER_EXPIRED) with one line a problem.
    """
    scenario = scenario_of(read_tables(path))
    _check_expiry(path, scenario.waiver, today or datetime.now(timezone.utc).date())
    return scenario


def _check_expiry(path: Path, waivers: Iterable[Waiver], today: date) -> None:
    expired = [waiver for waiver in waivers if waiver.expires < today]
    if expired:
        raise UsageError(
            Reason.WAIVER_EXPIRED,
            "\n".join(
                f"{path}: the waiver of {waiver.metric} up to {waiver.ceiling:+.0%} expired on "
                f"{waiver.expires} ({waiver.link})"
                for waiver in expired
            ),
            remedy="remove it and what it covers, or agree on a later date and write it down there",
        )


def scenario_of(tables: Tables, *, others: Mapping[str, Tables] | None = None) -> Scenario:
    """The scenario that the tables are; those named in ``others`` come from there instead.

    Raises `UsageError` (BAD_SCENARIO, BAD_PAYLOAD) that names the file a wrong table is from, and
    what `check_load` does.
    """
    others = others or {}
    data = {name: table for name, table in tables.data.items() if name not in others}
    data |= {name: one.data[name] for name, one in others.items() if name in one.data}
    try:
        context = {DIRECTORY: tables.directory}
        scenario = Scenario.model_validate(data, context=context)
        scenario = with_paths_from(tables.directory or Path(tables.where).parent, scenario)
    except ValidationError as error:
        found = error.errors()
        # A key that may hold one of several types has one problem for each of them.
        problems = dict.fromkeys(
            explain(others.get(str(next(iter(problem["loc"]), "")), tables), problem)
            for problem in found
        )
        payload = all(
            problem["loc"][:1] == ("load",) and problem["loc"][-1] == "payload" for problem in found
        )
        raise UsageError(
            Reason.BAD_PAYLOAD if payload else Reason.BAD_SCENARIO,
            "\n".join(problems),
            remedy=REMEDY,
        ) from None
    of_load = others.get("load", tables)
    check_load(scenario.load, lambda key: place_of(of_load, key))
    return scenario
