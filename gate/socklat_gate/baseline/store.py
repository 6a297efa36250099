"""Campaigns in a place: ``<scenario>/<created, UTC>-<12 hex of the checksum>.json``.

Files are only ever added, each under a name of its own content, so processes that save at the
same time lose nothing and a git branch or a synchronised directory merges without conflicts.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Literal

from socklat_gate.baseline.comparability import SAVE, comparable
from socklat_gate.baseline.creation_time import compact_time, creation_time
from socklat_gate.baseline.listing import campaign_names, check_folder
from socklat_gate.baseline.named_parts import storable_body
from socklat_gate.baseline.places.location import open_place
from socklat_gate.baseline.places.place import SCENARIO_NAME, Place
from socklat_gate.baseline.places.slow_notice import ShowLine
from socklat_gate.documents.codec import from_body, to_body
from socklat_gate.documents.envelope import (
    CAMPAIGN_SCHEMA,
    checksum_of,
    encode_document,
    parse_document,
)
from socklat_gate.documents.files import decode_document
from socklat_gate.documents.limits import CAMPAIGN, decoded_bytes
from socklat_gate.documents.reading import VERIFY
from socklat_gate.errors import GateError, NoUsableBaseline, Reason, UsageError
from socklat_gate.measured.campaign import Campaign, Fingerprint

__all__ = ["BaselineStore", "StoredCampaign"]

FILE_NAME = re.compile(r"\d{8}T\d{6}Z-([0-9a-f]{12})\.json")


@dataclass(frozen=True, slots=True)
class StoredCampaign:
    """A campaign and its name in the place."""

    name: str
    campaign: Campaign


@dataclass(frozen=True, slots=True)
class BaselineStore:
    """The campaigns of a place."""

    place: Place
    _known: dict[str, StoredCampaign] = field(default_factory=dict, repr=False, compare=False)
    """What was read already: a job reads several times, and files never change."""

    @classmethod
    def at(cls, location: str | Path, *, show_line: ShowLine | None = None) -> BaselineStore:
        """The store at a location as the command line gives it; see `open_place`."""
        return cls(open_place(location, show_line=show_line))

    def save(self, campaign: Campaign) -> str:
        """Add a campaign and return its name; saving the same one again changes nothing.

        Raises `UsageError` when its scenario name or creation time cannot name a file, or the
        place cannot be written.
        """
        body = storable_body(campaign)
        if decoded_bytes(body) > CAMPAIGN.decoded:
            raise UsageError(
                Reason.OUTPUT_NOT_WRITABLE,
                f"the campaign's {len(campaign.runs)} runs are more than can be read back: their "
                f"histograms would take more than {CAMPAIGN.decoded >> 20} MiB",
                remedy="store fewer runs in one campaign",
            )
        from_body(Campaign, body)  # never store what could not be read again
        folder = _check_name(campaign.scenario_name)
        name = f"{folder}/{compact_time(campaign.created)}-{checksum_of(body)[7:19]}.json"
        where = self.place.display_name(name)
        data = encode_document(where, CAMPAIGN_SCHEMA, body)
        try:
            self.place.add(name, data)
        except FileExistsError:
            # The name holds the content's checksum: an intact file of that name is this campaign.
            if self._problem(name):
                raise UsageError(
                    Reason.OUTPUT_NOT_WRITABLE,
                    f"{where} exists already, and stored campaigns are never changed",
                    remedy=VERIFY,
                ) from None
        return name

    def campaigns(
        self, scenario_name: str, *, leave_out: Collection[str] = ()
    ) -> tuple[StoredCampaign, ...]:
        """All campaigns of a scenario but those named, oldest first; none when it has none.

        Raises `NoUsableBaseline` when one of them cannot be read, `UsageError` for a bad name.
        """
        names = [n for n in self.place.names(_check_name(scenario_name)) if n not in leave_out]
        for name in names:
            if name not in self._known:
                self._known[name] = StoredCampaign(name, self._read(name))
        found = [self._known[name] for name in names]
        return tuple(sorted(found, key=lambda s: (creation_time(s.campaign.created), s.name)))

    def each(
        self, scenario_name: str, *, leave_out: Collection[str] = ()
    ) -> Iterator[StoredCampaign]:
        """The same one by one, by name, which begins with the time; none of them is kept."""
        for name in self.place.names(_check_name(scenario_name)):
            if name not in leave_out:
                yield StoredCampaign(name, self._read(name))

    def scenarios(self) -> tuple[str, ...]:
        """Names of the scenarios that have a folder, sorted."""
        return self.place.folders()

    def has(self, scenario_name: str) -> bool:
        """Whether there is a folder for the scenario.  Raises `UsageError` for a bad name."""
        return self.place.has(_check_name(scenario_name))

    def missing(self, scenario_name: str) -> str:
        """That there is no such folder, as a sentence."""
        absent = self.place.absent()
        why = f" ({absent})" if absent else ""
        return f"no baseline of {scenario_name!r} in {self.place.location}{why}"

    def existing(self, scenario_name: str) -> list[Campaign]:
        """All campaigns of a scenario, oldest first.

        Raises as `campaigns` does, and `NoUsableBaseline` (no_baseline_yet) without a folder.
        """
        if not self.has(scenario_name):
            raise NoUsableBaseline(Reason.NO_BASELINE_YET, self.missing(scenario_name), remedy=SAVE)
        return [stored.campaign for stored in self.campaigns(scenario_name)]

    def usable(
        self,
        scenario_name: str,
        scenario_hash: str,
        fingerprint: Fingerprint,
        mode: Literal["single", "paired"],
        former_hashes: Collection[str] = (),
    ) -> tuple[Campaign, ...]:
        """Campaigns that a measurement here and now may be compared with, oldest first; never none.

        Raises `NoUsableBaseline` with why there are none: no_baseline_yet, baseline_missing,
        baseline_empty, baseline_corrupt, baseline_scenario, or baseline_fingerprint with the
        fields that differ.
        """
        campaigns = self.existing(scenario_name)
        return comparable(campaigns, scenario_name, scenario_hash, fingerprint, mode, former_hashes)

    def verify(self) -> tuple[tuple[str, str], ...]:
        """The name of every campaign with what is wrong with it, or with an empty text."""
        return tuple((name, self._problem(name)) for name in campaign_names(self.place))

    def problems(self, scenario_name: str) -> dict[str, str]:
        """What is wrong with the campaigns of a scenario, by name; those that are well left out."""
        found = {name: self._problem(name) for name in self.place.names(_check_name(scenario_name))}
        return {name: problem for name, problem in found.items() if problem}

    def _read(self, name: str) -> Campaign:
        where = self.place.display_name(name)
        body = parse_document(where, self.place.read(name), CAMPAIGN_SCHEMA)
        campaign = decode_document(partial(from_body, Campaign), where, body)
        check_folder(where, name, campaign.scenario_name)
        creation_time(campaign.created)
        return campaign

    def _problem(self, name: str) -> str:
        try:
            campaign = self._read(name)
        except GateError as error:
            return error.message
        named = FILE_NAME.fullmatch(name.rpartition("/")[2])
        if named and named[1] != checksum_of(to_body(campaign))[7:19]:
            where = self.place.display_name(name)
            return f"{where} was replaced: its name and its content have different checksums"
        return ""


def _check_name(scenario_name: str) -> str:
    if not SCENARIO_NAME.fullmatch(scenario_name):
        raise UsageError(
            Reason.BAD_ARGUMENT,
            f"{scenario_name[:80]!r} is not a scenario name",
            remedy="use lower-case letters, digits, '.', '_' and '-', at most 63",
        )
    return scenario_name
