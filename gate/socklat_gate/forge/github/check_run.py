"""The check of a scenario at a commit: success, failure, or neutral when undecided."""

from __future__ import annotations

from dataclasses import dataclass

from socklat_gate.forge.exit_policy import Conclusion
from socklat_gate.forge.github.api import GitHub
from socklat_gate.forge.shortening import shorten
from socklat_gate.report.report import Report
from socklat_gate.wording.markdown_escape import one_line

__all__ = ["Check", "create_check"]

MAX_SUMMARY = 65_535
MAX_TITLE = 250
MAX_NAME = 100


@dataclass(frozen=True, slots=True)
class Check:
    """One finished check; ``title`` is plain text, ``report`` a report or its markdown."""

    scenario: str
    head_sha: str
    conclusion: Conclusion
    title: str
    report: Report | str
    details_url: str


def create_check(api: GitHub, repository: str, check: Check) -> None:
    """Create the check run; of two with the same name GitHub shows the newer.

    Raises `GitHubFailure`.
    """
    content = {
        "name": one_line(f"socklat-gate: {check.scenario}", MAX_NAME),
        "head_sha": check.head_sha,
        "status": "completed",
        "conclusion": check.conclusion,
        "details_url": check.details_url,
        "output": {
            "title": one_line(check.title, MAX_TITLE),
            "summary": shorten(check.report, MAX_SUMMARY),
        },
    }
    api.send("POST", f"/repos/{repository}/check-runs", content, repeatable=True)
