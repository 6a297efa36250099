"""Campaigns in a directory: ``<root>/<scenario>/<created, UTC>-<12 hex of the checksum>.json``.

Files are only ever added, each under a name of its own content, so processes that save at the
same time lose nothing and a git branch or a synchronised directory merges without conflicts.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Literal

from gate.baseline.codec import from_body, to_body
from gate.baseline.comparable import SAVE, comparable
from gate.baseline.document import CAMPAIGN_SCHEMA, checksum_of, write_document
from gate.baseline.files import read_campaign
from gate.campaign import Campaign, Fingerprint
from gate.errors import GateError, NoUsableBaseline, Reason, UsageError

__all__ = ["BaselineStore", "CampaignSummary", "StoredCampaign"]

SCENARIO_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")
FILE_NAME = re.compile(r"\d{8}T\d{6}Z-([0-9a-f]{12})\.json")

VERIFY = "run `socklat-gate baseline verify`, then restore or remove what it names"


@dataclass(frozen=True, slots=True)
class StoredCampaign:
    """A campaign and the file that holds it."""

    path: Path
    campaign: Campaign


@dataclass(frozen=True, slots=True)
class CampaignSummary:
    """One line of ``baseline list``; ``problem`` says why the file cannot be read, else empty."""

    path: Path
    scenario: str
    created: str = ""
    mode: str = ""
    image: str = ""
    commit: str = ""
    runs: int = 0
    problem: str = ""


@dataclass(frozen=True, slots=True)
class BaselineStore:
    """A directory of campaigns.  ``root`` need not exist before the first `save`."""

    root: Path

    def save(self, campaign: Campaign) -> Path:
        """Add a campaign and return its file; saving the same one again changes nothing.

        Raises `UsageError` when its scenario name or creation time cannot name a file, or the
        directory cannot be written.
        """
        body = to_body(campaign)
        from_body(Campaign, body)  # never store what could not be read again
        name = f"{_compact_utc(campaign.created)}-{checksum_of(body)[7:19]}.json"
        directory = self._directory(campaign.scenario_name)
        try:
            directory.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UsageError(
                Reason.OUTPUT_NOT_WRITABLE,
                f"cannot create {directory}: {error.strerror}",
                remedy="choose a directory that this user may write to with --baselines",
            ) from error
        path = directory / name
        if not self._inside(path):
            raise UsageError(
                Reason.OUTPUT_NOT_WRITABLE,
                f"{directory} links to a place outside {self.root}",
                remedy="replace the symbolic link by a directory",
            )
        try:
            write_document(path, CAMPAIGN_SCHEMA, body)
        except UsageError:
            # The name holds the content's checksum: an intact file of that name is this campaign.
            if not path.exists() or self._problem(path):
                raise
        return path

    def campaigns(self, scenario_name: str) -> tuple[StoredCampaign, ...]:
        """All campaigns of a scenario, oldest first; none when it has no directory.

        Raises `NoUsableBaseline` when one of them cannot be read, `UsageError` for a bad name.
        """
        found = [StoredCampaign(path, self._read(path)) for path in self._files(scenario_name)]
        return tuple(sorted(found, key=lambda s: (_utc(s.campaign.created), s.path.name)))

    def usable(
        self,
        scenario_name: str,
        scenario_hash: str,
        fingerprint: Fingerprint,
        mode: Literal["single", "paired"],
    ) -> tuple[Campaign, ...]:
        """Campaigns that a measurement here and now may be compared with, oldest first; never none.

        Raises `NoUsableBaseline` saying why there are none: baseline_missing, baseline_empty,
        baseline_corrupt, baseline_scenario, or baseline_fingerprint with the fields that differ.
        """
        if not self._directory(scenario_name).is_dir():
            raise NoUsableBaseline(
                Reason.BASELINE_MISSING,
                f"no baseline of {scenario_name!r} in {self.root}",
                remedy=SAVE,
            )
        campaigns = [stored.campaign for stored in self.campaigns(scenario_name)]
        return comparable(campaigns, scenario_name, scenario_hash, fingerprint, mode)

    def verify(self) -> tuple[tuple[Path, str], ...]:
        """Every campaign file with what is wrong with it, or with an empty text."""
        return tuple((path, self._problem(path)) for path in self._all_files())

    def list(self) -> tuple[CampaignSummary, ...]:
        """A line for every campaign file, unreadable ones included, by scenario and time."""
        return tuple(self._summary(path) for path in self._all_files())

    def _directory(self, scenario_name: str) -> Path:
        if not SCENARIO_NAME.fullmatch(scenario_name):
            raise UsageError(
                Reason.BAD_ARGUMENT,
                f"{scenario_name[:80]!r} is not a scenario name",
                remedy="use lower-case letters, digits, '.', '_' and '-', at most 63",
            )
        return self.root / scenario_name

    def _files(self, scenario_name: str) -> tuple[Path, ...]:
        return _entries(self._directory(scenario_name), r".*\.json")

    def _all_files(self) -> tuple[Path, ...]:
        names = [path.name for path in _entries(self.root, SCENARIO_NAME.pattern)]
        return tuple(path for name in names for path in self._files(name))

    def _inside(self, path: Path) -> bool:
        try:
            return path.resolve().is_relative_to(self.root.resolve())
        except (OSError, RuntimeError):  # a loop of links
            return False

    def _read(self, path: Path) -> Campaign:
        if not self._inside(path):
            raise NoUsableBaseline(
                Reason.BASELINE_CORRUPT, f"{path} links to a place outside the store", remedy=VERIFY
            )
        campaign = read_campaign(path)
        if campaign.scenario_name != path.parent.name:
            raise NoUsableBaseline(
                Reason.BASELINE_CORRUPT,
                f"{path} holds a campaign of scenario {campaign.scenario_name[:80]!r}",
                remedy=VERIFY,
            )
        _utc(campaign.created)
        return campaign

    def _problem(self, path: Path) -> str:
        try:
            campaign = self._read(path)
        except GateError as error:
            return error.message
        named = FILE_NAME.fullmatch(path.name)
        if named and named[1] != checksum_of(to_body(campaign))[7:19]:
            return f"{path} was replaced: its name and its content have different checksums"
        return ""

    def _summary(self, path: Path) -> CampaignSummary:
        try:
            campaign = self._read(path)
        except GateError as error:
            return CampaignSummary(path, path.parent.name, problem=error.message)
        return CampaignSummary(
            path=path,
            scenario=campaign.scenario_name,
            created=campaign.created,
            mode=campaign.mode,
            image=campaign.image,
            commit=campaign.commit,
            runs=len(campaign.runs),
        )


def _entries(directory: Path, pattern: str) -> tuple[Path, ...]:
    """Entries whose name matches, sorted; temporary files begin with a dot and never match."""
    try:
        found = sorted(directory.iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return ()
    except OSError as error:
        raise NoUsableBaseline(
            Reason.BASELINE_MISSING,
            f"cannot read {directory}: {error.strerror}",
            remedy="check the permissions of the baseline directory",
        ) from error
    return tuple(p for p in found if re.fullmatch(pattern, p.name) and p.name[0] != ".")


def _utc(created: str) -> datetime:
    """Creation time in UTC; a time without zone is taken as UTC."""
    try:
        moment = datetime.fromisoformat(re.sub("Z$", "+00:00", created))
        return moment.replace(tzinfo=moment.tzinfo or timezone.utc).astimezone(timezone.utc)
    except (ValueError, OverflowError):
        raise NoUsableBaseline(
            Reason.BASELINE_CORRUPT,
            f"creation time {created[:40]!r} of a campaign is not ISO 8601",
            remedy=VERIFY,
        ) from None


def _compact_utc(created: str) -> str:
    try:
        return _utc(created).strftime("%Y%m%dT%H%M%SZ")
    except NoUsableBaseline as error:
        raise UsageError(Reason.BAD_ARGUMENT, error.message, remedy="use ISO 8601") from None
