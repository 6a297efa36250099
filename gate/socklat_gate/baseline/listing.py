"""The campaigns of a place as lines: what their documents begin with, no distribution decoded.

A document's checksum is held against all of its content, so that every file that was damaged or
altered is named; whether the content is one that this version can work with, `verify` finds out.
It takes numpy, and so twice as long.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, get_args

from socklat_gate.baseline.creation_time import creation_time
from socklat_gate.baseline.places.place import Place
from socklat_gate.documents.envelope import CAMPAIGN_SCHEMA, parse_document
from socklat_gate.documents.fields import Field
from socklat_gate.documents.reading import refuse_document
from socklat_gate.errors import GateError, NoUsableBaseline
from socklat_gate.measured.names import Mode

__all__ = ["CampaignSummary", "campaign_names", "check_folder", "summaries"]

TEXTS = ("scenario_name", "created", "mode", "image", "commit")
MODES = get_args(Mode)


@dataclass(frozen=True, slots=True)
class CampaignSummary:
    """One line of ``baseline list``; ``problem`` is why the file cannot be read, else empty."""

    name: str
    scenario: str
    created: str = ""
    mode: str = ""
    image: str = ""
    branch: str = ""
    commit: str = ""
    runs: int = 0
    problem: str = ""


def summaries(place: Place) -> tuple[CampaignSummary, ...]:
    """A line for every campaign, unreadable ones included, by scenario and time."""
    return tuple(_summary(place, name) for name in campaign_names(place))


def campaign_names(place: Place) -> tuple[str, ...]:
    """All campaigns of a place, by scenario and time."""
    return tuple(name for folder in place.folders() for name in place.names(folder))


def check_folder(where: str, name: str, scenario_name: str) -> None:
    """Raises `NoUsableBaseline` for a campaign of another scenario than its folder is for."""
    if scenario_name != name.partition("/")[0]:
        refuse_document(where, f"holds a campaign of scenario {scenario_name[:80]!r}")


def _summary(place: Place, name: str) -> CampaignSummary:
    where = place.display_name(name)
    try:
        body = parse_document(where, place.read(name), CAMPAIGN_SCHEMA)
        return _heading(where, name, body)
    except GateError as error:
        return CampaignSummary(name, name.partition("/")[0], problem=error.message)


def _heading(where: str, name: str, body: dict[str, Any]) -> CampaignSummary:
    try:
        members = Field(body).members()
        for member in (*TEXTS, "runs"):
            if member not in members:
                Field(body).refuse(f"an object with member {member!r}")
        texts = {member: members[member].text() for member in TEXTS}
        branch = members["branch"].text() if "branch" in members else ""
        if texts["mode"] not in MODES:
            members["mode"].refuse(f"one of {MODES}")
        runs = len(members["runs"].items())
        if not runs:
            Field(body).refuse("a campaign of at least one run")
    except NoUsableBaseline as error:
        refuse_document(where + ":", error.message)
    check_folder(where, name, texts["scenario_name"])
    creation_time(texts["created"])
    return CampaignSummary(
        name=name,
        scenario=texts["scenario_name"],
        created=texts["created"],
        mode=texts["mode"],
        image=texts["image"],
        branch=branch,
        commit=texts["commit"],
        runs=runs,
    )
