"""The check of a scenario at a commit: success, failure, or neutral when undecided.

Gitea and Forgejo know no checks, but the same commit statuses as GitHub, where a person's token
may create nothing else.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from pydantic import BaseModel, ConfigDict, ValidationError

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
MAX_ID = 200
FOR_ANOTHER = " (another's failure)"
"""The end of the id of a check that failed for another job's sake."""
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


class _Run(BaseModel):
    model_config = ConfigDict(extra="ignore")
    id: int
    external_id: str | None = None
    conclusion: str | None = None


class _Runs(BaseModel):
    model_config = ConfigDict(extra="ignore")
    check_runs: list[_Run]


@dataclass(frozen=True, slots=True)
class Check:
    """One finished check; ``title`` is plain text, ``report`` a report or its markdown.

    ``job`` tells who writes it: the run and its attempt, a slash, and which of its jobs.
    """

    name: str
    head_sha: str
    conclusion: Conclusion
    title: str
    report: Report | str
    details_url: str
    job: str = ""


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
    other = "" if check.conclusion == "failure" else _failed_job(api, repository, check)
    if other:
        # The newer check of a name hides the older one, which would turn it green.
        title = f"job {other} of this run failed under the same name: give each the input key"
        job = check.job + FOR_ANOTHER
        check = replace(check, conclusion="failure", title=title, job=job)
    content = {
        "name": one_line(check.name, MAX_NAME),
        "head_sha": check.head_sha,
        "status": "completed",
        "conclusion": check.conclusion,
        "details_url": check.details_url,
        "external_id": check.job[:MAX_ID],
        "output": {
            "title": one_line(check.title, MAX_TITLE),
            "summary": shorten(check.report, MAX_SUMMARY),
        },
    }
    api.send("POST", f"/repos/{repository}/check-runs", content, repeatable=True)


def _failed_job(api: GitHub, repository: str, check: Check) -> str:
    """Another job of this very run that wrote the check and failed; empty without one."""
    if not check.job:
        return ""
    query: dict[str, str | int] = {
        "check_name": one_line(check.name, MAX_NAME),
        "filter": "all",
        "per_page": 100,
    }
    try:
        found = api.get(f"/repos/{repository}/commits/{check.head_sha}/check-runs", query)
        runs = _Runs.model_validate(found).check_runs
    except (GitHubFailure, ValidationError):  # a token that may write one need not see any
        return ""
    run, _, own = check.job.partition("/")
    # Of a job that wrote it twice the newer one counts.
    failed = {
        (one.external_id or "").removesuffix(FOR_ANOTHER): one.conclusion == "failure"
        and not (one.external_id or "").endswith(FOR_ANOTHER)
        for one in sorted(runs, key=lambda one: one.id)
    }
    for job, has_failed in failed.items():
        other_run, _, other = job.partition("/")
        if other_run == run and other != own and has_failed:
            return one_line(other, MAX_NAME)
    return ""


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
