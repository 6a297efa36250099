"""Responses of GitHub's API: read within bounds, and the failure that one without success is."""

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

__all__ = ["ApiResponse", "failure_from", "parse_json", "read_response", "unexpected_response"]

PASSING = {502, 503, 504}
"""Statuses that are over after a moment."""

SECONDARY_S = 60.0
"""How long to wait after a rate limit without a time: what GitHub's documentation wants."""

SECONDARY = re.compile(r"secondary rate limit|abuse detection", re.IGNORECASE)
CHUNK = 1 << 16
MAX_MESSAGE = 200


@dataclass(frozen=True, slots=True)
class ApiResponse:
    """A whole response; names of ``headers`` in any case, ``next_url`` from the Link header."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    next_url: str | None


def read_response(raw: requests.Response, most_bytes: int, until_s: float) -> ApiResponse:
    """Read a response to its end.

    Raises `GitHubFailure` when it has more than ``most_bytes``, or is not there by ``until_s``
    (of the monotonic clock) however steadily it trickles.
    """
    if raw.headers.get("Content-Encoding", "identity") != "identity":
        raise unexpected_response("GitHub's response is compressed, against the request")
    chunks: list[bytes] = []
    size = 0
    while True:
        try:
            chunk = raw.raw.read1(CHUNK)
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise _broken_off(type(error).__name__) from error
        if not chunk:
            break
        size += len(chunk)
        if size > most_bytes:
            raise unexpected_response(f"GitHub's response has more than {most_bytes} bytes")
        if time.monotonic() > until_s:
            raise _broken_off("too slow")
        chunks.append(chunk)
    following = raw.links.get("next", {}).get("url")
    return ApiResponse(raw.status_code, raw.headers, b"".join(chunks), following)


def parse_json(response: ApiResponse) -> Any:
    """The JSON of a successful response.  Raises `GitHubFailure` when it is none."""
    try:
        return json.loads(response.body) if response.body else None
    except (ValueError, RecursionError) as error:
        raise unexpected_response("GitHub's response is not JSON") from error


def failure_from(what: str, response: ApiResponse, now_s: float) -> GitHubFailure:
    """What went wrong with request ``what`` (method and path), and whether to try again.

    ``now_s`` is the time of day, seconds since 1970.
    """
    status = response.status
    message = _message(response)
    text = f"{what}: GitHub responded with {status}" + (f" ({message})" if message else "")
    wait_s = _rate_limit_s(response, message, now_s)
    if wait_s is not None:
        return GitHubFailure(
            Reason.GITHUB_RATE_LIMITED,
            f"{text}, can be repeated in {wait_s:.0f} s",
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
            outcome_unknown=True,
        )
    if status in {401, 403, 404}:
        return GitHubFailure(
            Reason.GITHUB_REFUSED,
            text,
            remedy="give the job the permissions that docs/howto/github.md names; "
            "a fork's job never has them",
            status=status,
        )
    return unexpected_response(text, status)


def unexpected_response(text: str, status: int | None = None) -> GitHubFailure:
    """A response that this client has no use for."""
    return GitHubFailure(
        Reason.GITHUB_UNEXPECTED,
        text,
        remedy="check GITHUB_API_URL, and report it if GitHub's API has changed",
        status=status,
    )


def _rate_limit_s(response: ApiResponse, message: str, now_s: float) -> float | None:
    """Seconds to wait when this is a rate limit, else None."""
    if response.status not in {403, 429}:
        return None
    after = response.headers.get("Retry-After", "")
    if re.fullmatch(r"[0-9]{1,6}", after):
        return float(after)
    reset = response.headers.get("X-RateLimit-Reset", "")
    none_left = response.headers.get("X-RateLimit-Remaining") == "0"
    if none_left and re.fullmatch(r"[0-9]{1,12}", reset):
        return max(0.0, float(reset) - now_s) + 1.0
    return SECONDARY_S if response.status == 429 or SECONDARY.search(message) else None


def _message(response: ApiResponse) -> str:
    """GitHub's own message, as one line."""
    try:
        document = json.loads(response.body)
    except (ValueError, RecursionError):
        return ""
    if not isinstance(document, dict):
        return ""
    listed = document.get("errors")
    errors = listed if isinstance(listed, list) else []
    more = [one.get("message") if isinstance(one, dict) else one for one in errors]
    texts = [document.get("message"), *more]
    return one_line("; ".join(text for text in texts if isinstance(text, str)), MAX_MESSAGE)


def _broken_off(why: str) -> GitHubFailure:
    return GitHubFailure(
        Reason.GITHUB_UNREACHABLE,
        f"GitHub's response broke off ({why})",
        remedy="run this step again",
        wait_s=0.0,
        outcome_unknown=True,
    )
