"""A gate's end as text for any code host, and where it is shown."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass

from socklat_gate.ci_variables import CiRun
from socklat_gate.errors import Reason, UsageError
from socklat_gate.forge.body import Source, comment_body, marker_of
from socklat_gate.forge.buildkite import MAX_ANNOTATION, annotate
from socklat_gate.forge.exit_policy import Level
from socklat_gate.forge.finding import Finding
from socklat_gate.forge.hosts import Given, Host, host_of, notes_at, place_of
from socklat_gate.forge.sticky_note import put_note
from socklat_gate.forge.verdict_history import Entry, entry_of
from socklat_gate.masking import mask

__all__ = ["Publication"]

_ID = re.compile(r"[0-9a-f]{7,64}")


@dataclass(frozen=True, slots=True)
class Publication:
    """What is published of a finding; ``level`` is how loud it is."""

    finding: Finding
    source: Source
    level: Level

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
        if not self.finding.scenario:
            raise UsageError(
                Reason.HOST_UNKNOWN,
                "the scenario's name is not known, by which its note is found",
                remedy="give the scenario file with --scenario, and correct what is wrong with it",
            )
        if host is Host.BUILDKITE:
            name = " ".join(filter(None, (self.finding.scenario, self.source.key)))
            annotate(environment, name, self.level, self.body("", MAX_ANNOTATION))
            return "the build is annotated"
        if not (given.number or run.number):
            return "no pull request: nothing to comment on"
        place = place_of(host, given, run, environment)
        with ExitStack() as stack:
            notes = notes_at(place, stack)
            marker = marker_of(self.finding.scenario, self.source.key)
            address = put_note(notes, marker, self.body)
        return f"comment: {address}" if address else "the comment is written"

    def _entry(self) -> Entry | None:
        """Its line in the comment's history; None where a verdict or its commit is not known."""
        result = self.finding.result
        if result is None or not _ID.fullmatch(self.source.commit):
            return None
        return entry_of(result, self.source.commit, self.source.run_id or int(time.time()), 1)
