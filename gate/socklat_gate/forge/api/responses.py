"""Responses of an API: read within bounds, and the failure that one without success is."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import requests
import urllib3

from socklat_gate.errors import HostFailure
from socklat_gate.forge.api.dialect import Dialect
from socklat_gate.wording.markdown_escape import one_line

__all__ = ["ApiResponse", "failure_from", "parse_json", "read_response"]

SECONDARY_S = 60.0
"""How long to wait after a rate limit without a time: what GitHub's documentation wants."""

SECONDARY = re.compile(r"secondary rate limit|abuse detection", re.IGNORECASE)
LIMITS = (
    ("X-RateLimit-Remaining", "X-RateLimit-Reset"),
    ("RateLimit-Remaining", "RateLimit-Reset"),
)
CHUNK = 1 << 16
MAX_MESSAGE = 200


@dataclass(frozen=True, slots=True)
class ApiResponse:
    """A whole response; names of ``headers`` in any case, ``next_url`` from the Link header."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    next_url: str | None


def read_response(
    dialect: Dialect, raw: requests.Response, most_bytes: int, until_s: float
) -> ApiResponse:
    """Read a response to its end.

    Raises `HostFailure` when it has more than ``most_bytes``, or is not there by ``until_s``
    (of the monotonic clock) however steadily it trickles.
    """
    if raw.headers.get("Content-Encoding", "identity") != "identity":
        raise dialect.unexpected_response(
            f"{dialect.name}'s response is compressed, against the request"
        )
    chunks: list[bytes] = []
    size = 0
    while True:
        try:
            chunk = raw.raw.read1(CHUNK)
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise _broken_off(dialect, type(error).__name__) from error
        if not chunk:
            break
        size += len(chunk)
        if size > most_bytes:
            raise dialect.unexpected_response(
                f"{dialect.name}'s response has more than {most_bytes} bytes"
            )
        if time.monotonic() > until_s:
            raise _broken_off(dialect, "too slow")
        chunks.append(chunk)
    following = raw.links.get("next", {}).get("url")
    return ApiResponse(raw.status_code, raw.headers, b"".join(chunks), following)


def parse_json(dialect: Dialect, response: ApiResponse) -> Any:
    """The JSON of a successful response.  Raises `HostFailure` when it is none."""
    try:
        return json.loads(response.body) if response.body else None
    except (ValueError, RecursionError) as error:
        raise dialect.unexpected_response(f"{dialect.name}'s response is not JSON") from error


def failure_from(dialect: Dialect, what: str, response: ApiResponse, now_s: float) -> HostFailure:
    """What went wrong with request ``what`` (method and path), and whether to try again.

    ``now_s`` is the time of day, seconds since 1970.
    """
    status = response.status
    message = _message(response)
    text = f"{what}: {dialect.name} responded with {status}" + (f" ({message})" if message else "")
    wait_s = _rate_limit_s(response, message, now_s)
    if wait_s is not None:
        return dialect.failure(
            dialect.rate_limited,
            f"{text}, can be repeated in {wait_s:.0f} s",
            remedy="run this step again later, or comment less often",
            status=status,
            wait_s=wait_s,
        )
    if status in dialect.passing:
        return dialect.failure(
            dialect.unreachable,
            text,
            remedy=f"see {dialect.name}'s status page, and run this step again",
            status=status,
            wait_s=0.0,
            outcome_unknown=True,
        )
    if status in {401, 403, 404}:
        return dialect.failure(dialect.refused, text, remedy=dialect.rights, status=status)
    return dialect.unexpected_response(text, status)


def _rate_limit_s(response: ApiResponse, message: str, now_s: float) -> float | None:
    """Seconds to wait when this is a rate limit, else None."""
    if response.status not in {403, 429}:
        return None
    after = response.headers.get("Retry-After", "")
    if re.fullmatch(r"[0-9]{1,6}", after):
        return float(after)
    for remaining, reset in LIMITS:
        at = response.headers.get(reset, "")
        if response.headers.get(remaining) == "0" and re.fullmatch(r"[0-9]{1,12}", at):
            return max(0.0, float(at) - now_s) + 1.0
    return SECONDARY_S if response.status == 429 or SECONDARY.search(message) else None


def _message(response: ApiResponse) -> str:
    """The host's own message, as one line."""
    try:
        document = json.loads(response.body)
    except (ValueError, RecursionError):
        return ""
    if not isinstance(document, dict):
        return ""
    listed = document.get("errors")
    errors = listed if isinstance(listed, list) else []
    more = [one.get("message") if isinstance(one, dict) else one for one in errors]
    texts = [*_said(document.get("message")), *more, document.get("error")]
    texts.append(document.get("error_description"))
    return one_line("; ".join(text for text in texts if isinstance(text, str)), MAX_MESSAGE)


def _said(message: object) -> Iterator[object]:
    """A text, or of a form's fields what is wrong with each."""
    if not isinstance(message, dict):
        yield message
        return
    for name, problems in message.items():
        for problem in problems if isinstance(problems, list) else [problems]:
            yield f"{name} {problem}"


def _broken_off(dialect: Dialect, why: str) -> HostFailure:
    return dialect.failure(
        dialect.unreachable,
        f"{dialect.name}'s response broke off ({why})",
        remedy="run this step again",
        wait_s=0.0,
        outcome_unknown=True,
    )
