"""The check of a scenario at a commit: success, failure, or neutral when undecided.

Gitea and Forgejo know no checks, but the same commit statuses as GitHub, where a person's token
may create nothing else.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from socklat_gate.errors import GitHubFailure
from socklat_gate.forge.exit_policy import Conclusion
from socklat_gate.forge.github.api import GitHub
from socklat_gate.forge.github.workflow_job import Host
from socklat_gate.forge.shortening import shorten
from socklat_gate.report.report import Report
from socklat_gate.wording.markdown_escape import one_line

__all__ = ["Check", "check_name", "create_check"]

MAX_SUMMARY = 65_535
MAX_TITLE = 250
MAX_NAME = 100
MAX_DESCRIPTION = 140
NEUTRAL = {Host.GITHUB: "success", Host.GITEA: "warning", Host.FORGEJO: "warning"}
"""The state that lets a pull request through as a neutral check does; its text says the rest."""

UNDECIDED = "inconclusive: "

APPS_ONLY = re.compile(r"authenticate via a GitHub App", re.IGNORECASE)


def check_name(scenario: str, key: str = "", given: str = "") -> str:
    """Under which name a check arrives, whatever comes of the job.

    ``given`` is the workflow's own name for it.  Each ``key`` has a check of its own.
    """
    name = given or (f"socklat-gate: {scenario}" if scenario else "socklat-gate")
    end = f" ({key})" if key else ""
    return one_line(name, MAX_NAME - len(end)) + end


@dataclass(frozen=True, slots=True)
class Check:
    """One finished check; ``title`` is plain text, ``report`` a report or its markdown."""

    name: str
    head_sha: str
    conclusion: Conclusion
    title: str
    report: Report | str
    details_url: str


def create_check(api: GitHub, repository: str, check: Check, host: Host = Host.GITHUB) -> None:
    """Create the check run, or a commit status; of two with the same name GitHub shows the newer.

    Raises `GitHubFailure`.
    """
    if host is Host.GITHUB:
        try:
            _create_run(api, repository, check)
        except GitHubFailure as error:
            if not APPS_ONLY.search(error.message):
                raise
        else:
            return
    _create_status(api, repository, check, host)


def _create_run(api: GitHub, repository: str, check: Check) -> None:
    content = {
        "name": one_line(check.name, MAX_NAME),
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


def _create_status(api: GitHub, repository: str, check: Check, host: Host) -> None:
    neutral = check.conclusion == "neutral"
    content = {
        "state": NEUTRAL[host] if neutral else check.conclusion,
        "context": one_line(check.name, MAX_NAME),
        "description": one_line(f"{UNDECIDED if neutral else ''}{check.title}", MAX_DESCRIPTION),
        "target_url": check.details_url,
    }
    path = f"/repos/{repository}/statuses/{check.head_sha}"
    api.send("POST", path, content, repeatable=True)
