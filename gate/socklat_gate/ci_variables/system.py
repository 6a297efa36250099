"""A CI system, as data: which variables say what of a job."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

__all__ = [
    "ANY",
    "COMMIT",
    "FETCH_ALL",
    "HEAD",
    "MAYBE_HEAD",
    "MERGE",
    "NUMBER",
    "REQUEST_REF",
    "CiSystem",
    "Fork",
    "From",
    "Variables",
    "of_pull_requests",
    "repository_of",
]

Variables = Mapping[str, str]
Fork = Literal["no", "yes", "unknown"]

From = tuple[str, str]
"""A variable, and the pattern whose first group is what is meant; another value says nothing."""

ANY = r"(.+)"
HEAD = r"refs/heads/(.+)"
MAYBE_HEAD = r"(?:refs/heads/)?(.+)"
NUMBER = r"([1-9][0-9]{0,14})"
MERGE = r"refs/(?:pull|merge-requests)/[0-9]+/(?:merge|train)"
REQUEST_REF = r"(?:refs/)?(?:pull|pull-requests|merge-requests)/"
"""How the name of a ref begins that is a pull request's, on whatever host."""
COMMIT = r"([0-9a-f]{40}(?:[0-9a-f]{24})?)"

FETCH_ALL = "git fetch --unshallow (in GitHub Actions check out with fetch-depth: 0)"


def _never(_: Variables) -> Fork:
    return "no"


def of_pull_requests(known: Callable[[Variables], bool]) -> Callable[[Variables], Fork]:
    """`CiSystem.fork` of a system whose variables tell it for sure."""
    return lambda env: "yes" if known(env) else "no"


def repository_of(url: str) -> str:
    """Host and whole path, whichever way the address of a repository is written.

    Groups may lie in groups, and a fork keeps the names of the last ones.
    """
    plain = url.strip().lower().rstrip("/").removesuffix(".git")
    if "://" in plain:
        try:
            parts = urlsplit(plain)
            return f"{parts.hostname}/{parts.path.strip('/')}"
        except ValueError:
            return plain
    host, _, path = plain.rpartition("@")[2].partition(":")
    return f"{host}/{path.strip('/')}"


@dataclass(frozen=True, slots=True)
class CiSystem:
    """One row: which variables say what, the first that says something counts.

    ``signs``: variables that give the system away, and a pattern for each.  ``tag``: set when a tag
    was pushed, which is of no branch.  ``job``: its name in the pipeline, ``parallel``: what tells
    jobs of one definition apart.  ``queued``: set where a merge queue tries what is about to become
    the target branch, on no branch of its own.  ``targets_pull_requests``: ``target`` is set for
    pushes, too.  ``run_url``: a template of variables.
    """

    name: str
    signs: tuple[From, ...]
    commit: tuple[From, ...]
    branch: tuple[From, ...]
    target: tuple[From, ...] = ()
    number: tuple[From, ...] = ()
    head: tuple[From, ...] = ()
    merged: tuple[From, ...] = ()
    job: tuple[From, ...] = ()
    parallel: tuple[From, ...] = ()
    queued: tuple[From, ...] = ()
    tag: tuple[str, ...] = ()
    targets_pull_requests: bool = True
    fork: Callable[[Variables], Fork] = _never
    run_url: str = ""
    history: str = FETCH_ALL
