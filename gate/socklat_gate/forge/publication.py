"""A gate's end as text for any code host, and where it is shown."""

from __future__ import annotations

import re
import time
from collections.abc import Collection, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field

from socklat_gate.ci_variables import CiRun
from socklat_gate.errors import HostFailure, Reason, UsageError
from socklat_gate.forge.body import MARKER, Source, comment_body, marker_of
from socklat_gate.forge.buildkite import MAX_ANNOTATION, annotate
from socklat_gate.forge.exit_policy import Level
from socklat_gate.forge.finding import Finding
from socklat_gate.forge.hosts import Given, Host, host_of, notes_at, place_of
from socklat_gate.forge.sticky_note import Notes, put_note
from socklat_gate.forge.verdict_history import Entry, entry_of, history_in
from socklat_gate.git import COMMIT
from socklat_gate.masking import mask

__all__ = ["Publication"]

_ID = re.compile(r"[0-9a-f]{7,64}")
_OTHERS = re.compile(r"[^A-Za-z0-9_-]+")
MAX_JOB = 100
PUSHED_SINCE = "no comment: somebody has pushed since, and the next job is about that"


@dataclass(frozen=True, slots=True)
class Publication:
    """What is published of a finding; ``level`` is how loud it is.

    ``commits`` are those that the pull request's head is among while nobody has pushed; none where
    that is not known.  ``job`` is the job's name, empty where it has none.
    """

    finding: Finding
    source: Source
    level: Level
    commits: Collection[str] = ()
    job: str = ""
    warnings: list[str] = field(default_factory=list)
    """What is to be told beside what was done; `show` adds to it."""

    def body(self, old: str, room: int) -> str:
        """Markdown of at most ``room`` characters, with the verdicts that the ``old`` one has."""
        return mask(comment_body(self.finding.report, self.source, self._entry(), old, room))

    def show(self, given: Given, run: CiRun, environment: Mapping[str, str]) -> str:
        """Publish where the command line or the CI says; returns what was done, a sentence.

        Raises `HostFailure`, and `UsageError` (host_unknown) when there is nowhere to publish.
        """
        host = host_of(given, run)
        if host is None:
            raise UsageError(
                Reason.HOST_UNKNOWN,
                f"{run.system or 'this job'} names no code host to publish on",
                remedy="give --host, or only --body FILE to post the text by other means",
            )
        if host is Host.BUILDKITE:
            if not self.finding.scenario:
                raise _no_name()
            name = " ".join(filter(None, (self.finding.scenario, self.source.key)))
            annotate(environment, name, self.level, self.body("", MAX_ANNOTATION))
            return "the build is annotated"
        if not (given.number or run.number):
            return "no pull request: nothing to comment on"
        place = place_of(host, given, run, environment)
        with ExitStack() as stack:
            return self._comment(notes_at(place, stack))

    def _comment(self, notes: Notes) -> str:
        if self._is_old(notes):
            return PUSHED_SINCE
        if not self.finding.scenario:  # so that it is not known which comment is meant
            replaced = self._outdate(notes)
            if replaced:
                return f"{replaced} comment(s) of an earlier push say so now"
            raise _no_name()
        earlier: list[Sequence[Entry]] = []

        def compose(old: str, room: int) -> str:
            earlier.append(history_in(old))
            return self.body(old, room)

        address = put_note(notes, marker_of(self.finding.scenario, self.source.key), compose)
        self._warn_of_other_job(earlier[-1])
        return f"comment: {address}" if address else "the comment is written"

    def _is_old(self, notes: Notes) -> bool:
        """Whether somebody has pushed since: a job that ends late has nothing to say about that."""
        if not self.commits:
            return False
        try:
            head = notes.head()
        except HostFailure:  # a token that may comment need not be one that may look
            return False
        return COMMIT.fullmatch(head) is not None and head not in self.commits

    def _outdate(self, notes: Notes) -> int:
        """Say in each comment of another commit that there is no verdict of this one."""
        markers = [
            marker
            for note in notes.own()
            if MARKER.fullmatch(marker := note.body.partition("\n")[0].rstrip())
            and not self._is_current(history_in(note.body))
        ]
        for marker in markers:
            put_note(notes, marker, self.body)
        return len(markers)

    def _is_current(self, entries: Sequence[Entry]) -> bool:
        return bool(entries) and entries[-1].commit == self.source.commit

    def _warn_of_other_job(self, entries: Sequence[Entry]) -> None:
        own = self._job
        names = (entry.job for entry in entries if entry.commit == self.source.commit)
        other = next((name for name in names if name and own and name != own), "")
        if other:
            self.warnings.append(
                f"jobs {other} and {own} write the same comment: the later one replaces the "
                "other's. Give each a --key"
            )

    @property
    def _job(self) -> str:
        return _OTHERS.sub("-", self.job)[:MAX_JOB]

    def _entry(self) -> Entry | None:
        """Its line in the comment's history; None where a verdict or its commit is not known."""
        result = self.finding.result
        if result is None or not _ID.fullmatch(self.source.commit):
            return None
        run = self.source.run_id or int(time.time())
        return entry_of(result, self.source.commit, run, 1, self._job)


def _no_name() -> UsageError:
    return UsageError(
        Reason.HOST_UNKNOWN,
        "the scenario's name is not known, by which its note is found",
        remedy="give the scenario file with --scenario, and correct what is wrong with it",
    )
