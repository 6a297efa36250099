"""The workflow job this runs in, from the variables that the runner sets."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from socklat_gate.errors import Reason, UsageError
from socklat_gate.forge.github.event import Event, read_event, repository_name

__all__ = ["Job", "job_of"]

URL = re.compile(r"https?://[A-Za-z0-9.:\[\]-]+(?:/[A-Za-z0-9._-]+)*")
SHA = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
NUMBER = re.compile(r"[1-9][0-9]{0,14}")
GITHUB_HOSTED = "github-hosted"


@dataclass(frozen=True, slots=True)
class Job:
    """A job: of which repository and run, at which commit, and what started it.

    ``sha`` is the commit of the run; for a pull request a merge commit that GitHub made, so
    `head_sha` is what people know.  ``self_hosted`` unless the runner is declared as GitHub's.
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

    @property
    def head_sha(self) -> str:
        """The commit that a check belongs to: the pull request's own, else the run's."""
        pull_request = self.event.pull_request
        return pull_request.head.sha if pull_request else self.sha

    @property
    def runs_url(self) -> str:
        """Address of the runs of this repository."""
        return f"{self.server_url}/{self.repository}/actions/runs"


def job_of(environment: Mapping[str, str]) -> Job:
    """The job that these variables describe.

    Raises `UsageError` (BAD_EVENT) that names the variable which is missing or odd.
    """
    return Job(
        repository=_repository(environment),
        server_url=_matching(environment, "GITHUB_SERVER_URL", URL),
        api_url=_matching(environment, "GITHUB_API_URL", URL),
        run_id=int(_matching(environment, "GITHUB_RUN_ID", NUMBER)),
        attempt=int(_matching(environment, "GITHUB_RUN_ATTEMPT", NUMBER)),
        sha=_matching(environment, "GITHUB_SHA", SHA),
        event_name=_matching(environment, "GITHUB_EVENT_NAME", re.compile(r"[a-z_]{1,50}")),
        event=read_event(Path(_matching(environment, "GITHUB_EVENT_PATH", re.compile(r".+")))),
        self_hosted=environment.get("RUNNER_ENVIRONMENT") != GITHUB_HOSTED,
    )


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
