"""The workflow job this runs in, from the variables that the runner sets."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import Enum
from pathlib import Path

from pydantic import ValidationError

from socklat_gate.errors import Reason, UsageError
from socklat_gate.forge.github.event import Event, PullRequest, read_event, repository_name

__all__ = ["Host", "Job", "job_of", "with_subject"]

URL = re.compile(r"https?://[A-Za-z0-9.:\[\]-]+(?:/[A-Za-z0-9._-]+)*")
SHA = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
NUMBER = re.compile(r"[1-9][0-9]{0,14}")
JOB_ID = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,99}")
GITHUB_HOSTED = "github-hosted"


class Host(str, Enum):
    """Whose API it is: GitHub's own (Enterprise Server as well), or one that is like it."""

    GITHUB = "github"
    GITEA = "gitea"
    FORGEJO = "forgejo"


@dataclass(frozen=True, slots=True)
class Job:
    """A job: of which repository and run, at which commit, and what started it.

    ``sha`` is the commit of the run; for a pull request a merge commit that GitHub made, so
    `head_sha` is what people know.  ``self_hosted`` unless the runner is declared as GitHub's.
    ``name`` is the job's in its workflow, ``runner`` the machine's; ``subject`` a pull request that
    the event does not hold.  ``author_may_write``: who commented may push to the repository, as its
    API says.
    """

    repository: str
    server_url: str
    api_url: str
    run_id: int
    attempt: int
    sha: str
    event_name: str
    event: Event
    self_hosted: bool
    host: Host = Host.GITHUB
    name: str = ""
    runner: str = ""
    subject: PullRequest | None = None
    author_may_write: bool = False

    @property
    def pull_request(self) -> PullRequest | None:
        """The pull request that is measured, if it is one."""
        return self.event.pull_request or self.subject

    @property
    def head_sha(self) -> str:
        """The commit that a check belongs to: the pull request's own, else the run's."""
        return self.pull_request.head.sha if self.pull_request else self.sha

    @property
    def of_run(self) -> str:
        """The run with its attempt, a slash, and which of its jobs; on this machine it is one."""
        return f"{self.run_id}.{self.attempt}/{self.name} on {self.runner[:80] or 'this machine'}"

    @property
    def runs_url(self) -> str:
        """Address of the runs of this repository."""
        return f"{self.server_url}/{self.repository}/actions/runs"


def job_of(environment: Mapping[str, str]) -> Job:
    """The job that these variables describe.

    Raises `UsageError` (BAD_EVENT) that names the variable which is missing or odd.
    """
    host = _host(environment)
    name = environment.get("GITHUB_JOB", "")
    # Elsewhere a run's address has its number, and a run that is repeated is a new one.
    of_run = "GITHUB_RUN_ID" if host is Host.GITHUB else "GITHUB_RUN_NUMBER"
    optional = {} if host is Host.GITHUB else {"GITHUB_RUN_ATTEMPT": "1"}
    environment = {**optional, **environment}
    return Job(
        repository=_repository(environment),
        server_url=_matching(environment, "GITHUB_SERVER_URL", URL),
        api_url=_matching(environment, "GITHUB_API_URL", URL),
        run_id=int(_matching(environment, of_run, NUMBER)),
        attempt=int(_matching(environment, "GITHUB_RUN_ATTEMPT", NUMBER)),
        sha=_matching(environment, "GITHUB_SHA", SHA),
        event_name=_matching(environment, "GITHUB_EVENT_NAME", re.compile(r"[a-z_]{1,50}")),
        event=read_event(Path(_matching(environment, "GITHUB_EVENT_PATH", re.compile(r".+")))),
        self_hosted=environment.get("RUNNER_ENVIRONMENT") != GITHUB_HOSTED,
        host=host,
        name=name if JOB_ID.fullmatch(name) else "",
        runner=environment.get("RUNNER_NAME", ""),
    )


def with_subject(job: Job, subject: str) -> Job:
    """The same about the pull request that ``subject`` is, as `subject.found` wrote it; or none.

    Raises `UsageError` (BAD_ARGUMENT).
    """
    if not subject:
        return job
    try:
        return replace(job, subject=PullRequest.model_validate_json(subject))
    except ValidationError:
        raise UsageError(
            Reason.BAD_ARGUMENT,
            "--subject is not what `github preflight` found",
            remedy="give its output `subject`, or nothing",
        ) from None


def _host(environment: Mapping[str, str]) -> Host:
    """Runners of the others say so, in variables beside those that they share with GitHub's."""
    for host, name in ((Host.FORGEJO, "FORGEJO_ACTIONS"), (Host.GITEA, "GITEA_ACTIONS")):
        if environment.get(name, "") == "true":
            return host
    return Host.GITHUB


def _repository(environment: Mapping[str, str]) -> str:
    name = environment.get("GITHUB_REPOSITORY", "")
    try:
        return repository_name(name)
    except ValueError:
        raise _bad("GITHUB_REPOSITORY", name) from None


def _matching(environment: Mapping[str, str], name: str, pattern: re.Pattern[str]) -> str:
    text = environment.get(name, "")
    if not pattern.fullmatch(text):
        raise _bad(name, text)
    return text


def _bad(name: str, text: str) -> UsageError:
    return UsageError(
        Reason.BAD_EVENT,
        f"{name} is {text[:80]!r}" if text else f"{name} is not set",
        remedy="run this in a step of a GitHub workflow, which sets it",
    )
