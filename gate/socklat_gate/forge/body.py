"""The text of a comment: the report, where it comes from, and the verdicts before it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from socklat_gate.forge.github.workflow_job import Job
from socklat_gate.forge.shortening import characters, shorten
from socklat_gate.forge.verdict_history import (
    Entry,
    hidden_line,
    history_in,
    history_table,
    with_entry,
)

__all__ = ["Source", "comment_body", "origin"]

FROM_FORK = (
    "These numbers come from a run of the pull request's own code, which could have made them up.\n"
)


@dataclass(frozen=True, slots=True)
class Source:
    """Where a result was measured: the commit people know, the run, and its artifact's address.

    ``untrusted``: by a run that whoever opened the pull request controls.
    """

    job: Job
    commit: str
    run_id: int
    artifact_url: str
    untrusted: bool = False

    @property
    def run_url(self) -> str:
        """Address of the run."""
        return self.job.run_url(self.run_id)


def comment_body(report: str, source: Source, entry: Entry | None, old: str, room: int) -> str:
    """A comment of at most ``room`` characters that follows upon the ``old`` one (or "").

    ``entry`` is the report's verdict, if it has one.
    """
    earlier: Sequence[Entry] = history_in(old)
    entries = with_entry(earlier, entry) if entry else earlier
    listed = [e for e in entries if e is not entry]
    notice = f"{FROM_FORK}\n" if source.untrusted else ""
    tail = "\n" + history_table(listed, source.job.run_url) + "\n" + origin(source) + "\n"
    tail += hidden_line(entries) + "\n"
    left = room - characters(notice) - characters(tail)
    return notice + shorten(report, left) + tail


def origin(source: Source) -> str:
    """Where to find all of it."""
    run = f"[run {source.run_id}]({source.run_url}) of `{source.commit[:10]}`"
    if not source.artifact_url:
        return f"Measured by {run}.\n"
    return f"The whole report: [artifact]({source.artifact_url}) of {run}.\n"
