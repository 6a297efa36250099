"""How GitHub's API speaks, and the failures that are GitHub's."""

from __future__ import annotations

from socklat_gate.errors import GitHubFailure, HostFailure, Reason
from socklat_gate.forge.api.dialect import Dialect

__all__ = ["GITHUB", "unexpected_response"]

API_VERSION = "2022-11-28"

GITHUB = Dialect(
    name="GitHub",
    headers={"Accept": "application/vnd.github+json", "X-GitHub-Api-Version": API_VERSION},
    authorisation=lambda token: ("Authorization", f"Bearer {token}"),
    rights="give the job the permissions that docs/howto/github.md names; a fork's job never has "
    "them",
    address="check GITHUB_API_URL, and report it if GitHub's API has changed",
    failure=GitHubFailure,
    refused=Reason.GITHUB_REFUSED,
    rate_limited=Reason.GITHUB_RATE_LIMITED,
    unreachable=Reason.GITHUB_UNREACHABLE,
    unexpected=Reason.GITHUB_UNEXPECTED,
    passing=frozenset({502, 503, 504}),
    pages_elsewhere=True,
)


def unexpected_response(text: str, status: int | None = None) -> HostFailure:
    """A response that this client has no use for."""
    return GITHUB.unexpected_response(text, status)
