"""The text of a comment: the report, where it comes from, and the verdicts before it."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass

from socklat_gate.forge.shortening import characters, shorten
from socklat_gate.forge.verdict_history import (
    Entry,
    hidden_line,
    history_in,
    history_table,
    with_entry,
)
from socklat_gate.report.report import Report
from socklat_gate.wording.units import commit_id

__all__ = ["MARKER", "Source", "comment_body", "marker_of", "origin"]

PLAIN = re.compile(r"[a-z0-9](?:[a-z0-9._-]{0,62}[a-z0-9])?")

MARKER = re.compile(r"<!-- socklat-gate comment [a-z0-9._-]{1,64}(?: [A-Za-z0-9._-]{1,80})? -->")
"""The first line of any scenario's comment."""

FROM_FORK = (
    "These numbers come from a run of the pull request's own code, which could have made them up.\n"
)


@dataclass(frozen=True, slots=True)
class Source:
    """Where a result was measured: the commit people know, the run, and its artifact's address.

    ``runs_url`` is the address of all runs, without the last slash; empty where runs have none.
    ``untrusted``: measured by a run that whoever opened the pull request controls.  ``key`` tells
    its job from others of the run, if it has one.  ``changed``: with changes that are in no commit.
    ``ended`` is how the run ended where that is known and was no success.
    """

    runs_url: str
    commit: str
    run_id: int
    artifact_url: str
    untrusted: bool = False
    key: str = ""
    changed: bool = False
    ended: str = ""

    @property
    def run_url(self) -> str:
        """Address of the run."""
        return self.url_of(self.run_id)

    def url_of(self, run_id: int) -> str:
        """Address of a run beside it, or empty."""
        return f"{self.runs_url}/{run_id}" if self.runs_url else ""


def marker_of(scenario: str, key: str = "") -> str:
    """The first line of a scenario's comment; a scenario's name cannot end the HTML comment.

    ``key`` is a word (see `forge.github.key`): each has a comment of its own.
    """
    plain = PLAIN.fullmatch(scenario) is not None
    name = scenario if plain else hashlib.sha256(scenario.encode("utf-8", "replace")).hexdigest()
    return (
        f"<!-- socklat-gate comment {name} {key} -->"
        if key
        else (f"<!-- socklat-gate comment {name} -->")
    )


def comment_body(
    report: Report | str, source: Source, entry: Entry | None, old: str, room: int
) -> str:
    """A comment of at most ``room`` characters that follows upon the ``old`` one (or "").

    ``entry`` is the report's verdict, if it has one.
    """
    earlier: Sequence[Entry] = history_in(old)
    entries = with_entry(earlier, entry) if entry else earlier
    listed = [e for e in entries if e is not entry]
    notice = f"{FROM_FORK}\n" if source.untrusted else ""
    if source.ended:
        notice += f"The run itself ended with `{source.ended}`: this report is not all of it.\n\n"
    tail = "\n" + history_table(listed, source.url_of) + "\n" + origin(source) + "\n"
    tail += hidden_line(entries) + "\n"
    left = room - characters(notice) - characters(tail)
    return notice + shorten(report, left) + tail


def origin(source: Source) -> str:
    """Where to find all of it."""
    run = f"[run {source.run_id}]({source.run_url})" if source.run_url else "a run"
    if source.commit:
        run += f" of `{commit_id(source.commit)}`" + (" with changed files" * source.changed)
    if source.key:
        run += f" (`{source.key}`)"
    if not source.artifact_url:
        return f"Measured by {run}.\n"
    return f"The full report: [artifact]({source.artifact_url}) of {run}.\n"
