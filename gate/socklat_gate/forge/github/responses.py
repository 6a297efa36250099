"""Answers of GitHub's API: read within bounds, and what to make of those that are no success."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import requests
import urllib3

from socklat_gate.errors import GitHubFailure, Reason
from socklat_gate.wording.markdown_escape import one_line

__all__ = ["Answer", "failure_of", "parsed", "read_answer", "unexpected"]

PASSING = {502, 503, 504}
"""Statuses that are over after a moment."""

SECONDARY_S = 60.0
"""How long to wait after a rate limit that does not say: what GitHub's documentation asks for."""

SECONDARY = re.compile(r"secondary rate limit|abuse detection", re.IGNORECASE)
CHUNK = 1 << 16
MAX_SAID = 200


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer; names of ``headers`` in any case, ``next_url`` from the Link header."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    next_url: str | None


def read_answer(response: requests.Response, most_bytes: int, until_s: float) -> Answer:
    """Read an answer to its end.

    Raises `GitHubFailure` when it has more than ``most_bytes``, or is not there by ``until_s``
    (of the monotonic clock) however steadily it trickles.
    """
    if response.headers.get("Content-Encoding", "identity") != "identity":
        raise unexpected("GitHub's answer is compressed, which it was asked not to be")
    chunks: list[bytes] = []
    size = 0
    while True:
        try:
            chunk = response.raw.read1(CHUNK)
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise _broken_off(type(error).__name__) from error
        if not chunk:
            break
        size += len(chunk)
        if size > most_bytes:
            raise unexpected(f"GitHub's answer has more than {most_bytes} bytes")
        if time.monotonic() > until_s:
            raise _broken_off("too slow")
        chunks.append(chunk)
    following = response.links.get("next", {}).get("url")
    return Answer(response.status_code, response.headers, b"".join(chunks), following)


def parsed(answer: Answer) -> Any:
    """The JSON of a successful answer.  Raises `GitHubFailure` when it is none."""
    try:
        return json.loads(answer.body) if answer.body else None
    except (ValueError, RecursionError) as error:
        raise unexpected("GitHub's answer is not JSON") from error


def failure_of(what: str, answer: Answer, now_s: float) -> GitHubFailure:
    """What went wrong with request ``what`` (method and path), and whether to ask again.

    ``now_s`` is the time of day, seconds since 1970.
    """
    status = answer.status
    said = _message(answer)
    text = f"{what}: GitHub answered {status}" + (f" ({said})" if said else "")
    wait_s = _rate_limit_s(answer, said, now_s)
    if wait_s is not None:
        return GitHubFailure(
            Reason.GITHUB_RATE_LIMITED,
            f"{text}, to be asked again in {wait_s:.0f} s",
            remedy="run this step again later, or comment less often",
            status=status,
            wait_s=wait_s,
        )
    if status in PASSING:
        return GitHubFailure(
            Reason.GITHUB_UNREACHABLE,
            text,
            remedy="see GitHub's status page, and run this step again",
            status=status,
            wait_s=0.0,
            unsure=True,
        )
    if status in {401, 403, 404}:
        return GitHubFailure(
            Reason.GITHUB_REFUSED,
            text,
            remedy="give the job the permissions that docs/howto/github.md names; "
            "a fork's job never has them",
            status=status,
        )
    return unexpected(text, status)


def unexpected(text: str, status: int | None = None) -> GitHubFailure:
    """An answer that this client has no use for."""
    return GitHubFailure(
        Reason.GITHUB_UNEXPECTED,
        text,
        remedy="check GITHUB_API_URL, and report it if GitHub's API has changed",
        status=status,
    )


def _rate_limit_s(answer: Answer, said: str, now_s: float) -> float | None:
    """Seconds to wait when this is a rate limit, else None."""
    if answer.status not in {403, 429}:
        return None
    after = answer.headers.get("Retry-After", "")
    if re.fullmatch(r"[0-9]{1,6}", after):
        return float(after)
    reset = answer.headers.get("X-RateLimit-Reset", "")
    none_left = answer.headers.get("X-RateLimit-Remaining") == "0"
    if none_left and re.fullmatch(r"[0-9]{1,12}", reset):
        return max(0.0, float(reset) - now_s) + 1.0
    return SECONDARY_S if answer.status == 429 or SECONDARY.search(said) else None


def _message(answer: Answer) -> str:
    """What GitHub says of it, as one line."""
    try:
        document = json.loads(answer.body)
    except (ValueError, RecursionError):
        return ""
    if not isinstance(document, dict):
        return ""
    listed = document.get("errors")
    errors = listed if isinstance(listed, list) else []
    more = [one.get("message") if isinstance(one, dict) else one for one in errors]
    said = [document.get("message"), *more]
    return one_line("; ".join(text for text in said if isinstance(text, str)), MAX_SAID)


def _broken_off(why: str) -> GitHubFailure:
    return GitHubFailure(
        Reason.GITHUB_UNREACHABLE,
        f"GitHub's answer broke off ({why})",
        remedy="run this step again",
        wait_s=0.0,
        unsure=True,
    )
