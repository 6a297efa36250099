"""Where a result is published: which code host, which pull request, in whose name."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from enum import Enum
from typing import NoReturn

from socklat_gate import masking
from socklat_gate.ci_variables import CiRun
from socklat_gate.errors import Reason, UsageError
from socklat_gate.forge.api.client import ApiClient
from socklat_gate.forge.body import Source
from socklat_gate.forge.comments import FORGEJO, GITEA, PullRequestComments
from socklat_gate.forge.github.key import AUTO, key_of
from socklat_gate.forge.github.responses import GITHUB
from socklat_gate.forge.gitlab import GITLAB, MergeRequestNotes
from socklat_gate.forge.sticky_note import Notes
from socklat_gate.git import CheckedOut

__all__ = [
    "Given",
    "Host",
    "Place",
    "commits_of",
    "heads_of",
    "host_of",
    "mask_tokens",
    "notes_at",
    "place_of",
    "source_of",
]

_URL = re.compile(r"https?://[A-Za-z0-9.:\[\]-]+(?:/[A-Za-z0-9._~%-]+)*/?")
_REPOSITORY = re.compile(r"[A-Za-z0-9._-]+(?:/[A-Za-z0-9._-]+)*")
_RUN = re.compile(r"(https?://.*)/([1-9][0-9]{0,14})/?")


class Host(str, Enum):
    """Where results are published."""

    GITLAB = "gitlab"
    FORGEJO = "forgejo"
    GITEA = "gitea"
    GITHUB = "github"
    BUILDKITE = "buildkite"


BY_SYSTEM = {
    "GitLab CI": Host.GITLAB,
    "Forgejo or Gitea Actions": Host.FORGEJO,
    "Buildkite": Host.BUILDKITE,
}

API = {
    Host.GITLAB: ("CI_API_V4_URL",),
    Host.FORGEJO: ("GITHUB_API_URL",),
    Host.GITEA: ("GITHUB_API_URL",),
    Host.GITHUB: ("GITHUB_API_URL",),
}
REPOSITORY = {
    Host.GITLAB: ("CI_MERGE_REQUEST_PROJECT_ID", "CI_PROJECT_ID"),
    Host.FORGEJO: ("GITHUB_REPOSITORY",),
    Host.GITEA: ("GITHUB_REPOSITORY",),
    Host.GITHUB: ("GITHUB_REPOSITORY",),
}
TOKENS = {
    Host.GITLAB: ("GITLAB_TOKEN",),
    Host.FORGEJO: ("FORGEJO_TOKEN", "GITEA_TOKEN", "GITHUB_TOKEN"),
    Host.GITEA: ("GITEA_TOKEN", "FORGEJO_TOKEN", "GITHUB_TOKEN"),
    Host.GITHUB: ("GITHUB_TOKEN",),
}
DIALECTS = {Host.GITLAB: GITLAB, Host.FORGEJO: FORGEJO, Host.GITEA: GITEA, Host.GITHUB: GITHUB}
PUBLIC = {Host.GITHUB: "https://api.github.com"}
"""Addresses of APIs that are one for everybody."""


@dataclass(frozen=True, slots=True)
class Given:
    """What the command line says; what it leaves empty comes from the CI's variables."""

    host: Host | None = None
    url: str = ""
    repository: str = ""
    number: int = 0
    token_variable: str = ""
    author: str = ""


@dataclass(frozen=True, slots=True)
class Place:
    """A pull request of a host's API, and the token for it (never shown)."""

    host: Host
    url: str
    repository: str
    number: int
    author: str
    project_url: str
    token: str

    def __repr__(self) -> str:
        return f"Place({self.host.value}, {self.url}, {self.repository}, {self.number})"


def host_of(given: Given, run: CiRun) -> Host | None:
    """The host named, else the one whose CI this is; None where the CI has no host of its own."""
    return given.host or BY_SYSTEM.get(run.system)


def mask_tokens(given: Given, environment: Mapping[str, str]) -> None:
    """Keep every token that may be used, and what looks like one, out of all that is written."""
    masking.suspect(environment)
    for name in (given.token_variable, *(name for names in TOKENS.values() for name in names)):
        masking.register(environment.get(name, "").strip())


def place_of(host: Host, given: Given, run: CiRun, environment: Mapping[str, str]) -> Place:
    """Where to write; its token is masked everywhere from now on.

    Raises `UsageError` (host_unknown) that names what is missing.
    """
    url, url_name = _known(given.url, environment, API[host])
    url = url or PUBLIC.get(host, "")
    repository, repository_name = _known(given.repository, environment, REPOSITORY[host])
    names = (given.token_variable,) if given.token_variable else TOKENS[host]
    token, _ = _known("", environment, names)
    if not _URL.fullmatch(url):
        _unknown("the address of its API", url, "--url", url_name)
    if not _REPOSITORY.fullmatch(repository) or ".." in repository.split("/"):
        _unknown("the repository", repository, "--repository", repository_name)
    if not token:
        raise UsageError(
            Reason.HOST_UNKNOWN,
            f"no token for {host.value}: {' or '.join(names)} is not set",
            remedy="give the job a masked variable of that name, or name another one with "
            "--token-variable; see docs/howto/hosts.md",
        )
    masking.register(token)
    return Place(
        host=host,
        url=url,
        repository=repository,
        number=given.number or run.number,
        author=given.author,
        project_url=_address(environment.get("CI_MERGE_REQUEST_PROJECT_URL", "")),
        token=token,
    )


def notes_at(place: Place, stack: ExitStack) -> Notes:
    """The pull request's notes, by a client that ``stack`` closes."""
    api = stack.enter_context(ApiClient(place.url, place.token, DIALECTS[place.host]))
    if place.host is Host.GITLAB:
        return MergeRequestNotes(
            api, place.repository, place.number, place.author, place.project_url
        )
    return PullRequestComments(api, place.repository, place.number, place.author)


def commits_of(run: CiRun, here: CheckedOut) -> Collection[str]:
    """Commits of which a result may be that this job measured; none where nobody can tell.

    What a script checked out instead is none of them, but what is ``here`` may be another
    repository, of scenarios, which does not have the job's commit.
    """
    named = {run.commit, run.head} - {""}
    if not named:
        return {here.head} - {""}
    own = here.is_merge_of(named) or here.is_made_of(named)
    other = here.head and not any(map(here.knows, named))
    return named | {here.head} if own or other else named


def heads_of(run: CiRun, here: CheckedOut) -> Collection[str]:
    """Commits that the pull request's head is among while nobody has pushed since.

    None where nobody can tell: a CI may merge it, and what is ``here`` is then all that knows.
    """
    if not here.head and run.head == run.commit:
        return ()
    return {run.commit, run.head, here.head, *here.parents} - {""}


def source_of(
    run: CiRun, commit: str, artifact_url: str, key: str = "", *, changed: bool = False
) -> Source:
    """Where the result was measured; ``artifact_url`` is where its files are, or empty.

    ``key`` tells its job from others, in any words.

    Raises `UsageError` (bad_argument) for an address that is none: it goes into markdown.
    """
    if artifact_url and not _URL.fullmatch(artifact_url):
        raise UsageError(
            Reason.BAD_ARGUMENT,
            f"--artifact-url {artifact_url[:200]!r} is not a plain address",
            remedy="give one that begins with https://, or leave the option out",
        )
    found = _RUN.fullmatch(run.run_url)
    runs_url, number = (found[1], int(found[2])) if found else ("", 0)
    word = key_of(run.parallel if key == AUTO else key, "")
    return Source(runs_url, run.head or commit, number, artifact_url, key=word, changed=changed)


def _known(given: str, environment: Mapping[str, str], names: tuple[str, ...]) -> tuple[str, str]:
    """A value, and the variables it may have come from."""
    found = next((environment[name] for name in names if environment.get(name)), "")
    return (given or found).strip(), " or ".join(names)


def _address(text: str) -> str:
    return text.rstrip("/") if _URL.fullmatch(text) else ""


def _unknown(what: str, found: str, option: str, names: str) -> NoReturn:
    state = f"{found[:80]!r} is not one" if found else f"{names} is not set"
    raise UsageError(Reason.HOST_UNKNOWN, f"{what} is not known: {state}", remedy=f"give {option}")
