"""HTTP archives, as browsers and proxies save them (HAR 1.2), read entry by entry.

Format: http://www.softwareishard.com/blog/har-12-spec/.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from socklat_gate.init.scrub.bodies import form_body, form_fields, json_body
from socklat_gate.init.scrub.headers import kept_headers, media_type, secret_headers
from socklat_gate.init.traffic.from_tally import requests_of
from socklat_gate.init.traffic.json_stream import JsonStream
from socklat_gate.init.traffic.proposal import BODY_METHODS, KNOWN_METHODS, LeftOut, Proposal
from socklat_gate.init.traffic.route import is_hashed_asset, target_of
from socklat_gate.init.traffic.source import (
    FileProblem,
    OnBytes,
    TrafficSource,
    open_source,
    refuse,
)
from socklat_gate.init.traffic.tally import Tally
from socklat_gate.measured.names import BAD_STATUS

__all__ = ["HAR"]

LONGEST_ENTRY = 32_000_000
LARGEST_FILE = 4_000_000_000
MOST_ORIGINS = 200
MOST_BODY = 262_144
LONGEST_URL = 65_536
REMEDY = (
    "give a HAR file as a browser or a proxy saves it (`log.entries`); one without the content of "
    "responses is smaller: jq 'del(.log.entries[].response.content)'"
)
FORM = "application/x-www-form-urlencoded"
PORTS = {"http": 80, "https": 443}


def read_har(path: Path, most: int, on_bytes: OnBytes) -> Proposal:
    """The requests to the host that most of the archive's requests went to.

    Takes the memory of its largest entry.  Raises as `TrafficSource` says.
    """
    archive = _Archive()
    with open_source(path) as file:
        try:
            if path.stat().st_size > LARGEST_FILE:
                raise FileProblem(
                    f"it is larger than {LARGEST_FILE / 1e9:g} GB", "give a shorter recording"
                )
            stream = JsonStream(file, LONGEST_ENTRY, REMEDY, on_bytes)
            for line, entry in _entries(stream):
                try:
                    archive.add(entry)
                except (KeyError, TypeError, AttributeError) as error:
                    raise FileProblem(
                        f"an entry of log.entries is not as HAR has it ({_cause(error)})",
                        REMEDY,
                        line,
                    ) from None
            return archive.proposal(most)
        except FileProblem as problem:
            raise refuse(path, problem) from None


def _cause(error: Exception) -> str:
    return f"{error.args[0]!r} is missing" if isinstance(error, KeyError) else "a wrong type"


def _entries(stream: JsonStream) -> Iterator[tuple[int, Any]]:
    found = False
    for key in stream.members():
        if key != "log":
            stream.value()
            continue
        for inner in stream.members():
            if inner == "entries":
                found = True
                yield from stream.elements()
            else:
                stream.value()
    if not found:
        raise FileProblem("it has no log.entries", REMEDY)


class _Archive:
    """Counts entries by the origin that they went to."""

    def __init__(self) -> None:
        self._tallies: dict[tuple[str, int], Tally] = {}
        self._counts: Counter[tuple[str, int]] = Counter()
        self._left_out: Counter[tuple[tuple[str, int] | None, LeftOut]] = Counter()
        self._secrets: dict[tuple[str, int], set[str]] = {}
        self._times: dict[tuple[str, int], tuple[float, float]] = {}

    def add(self, entry: Any) -> None:
        request, status = entry["request"], entry["response"]["status"]
        url, method = str(request["url"])[:LONGEST_URL], str(request["method"]).upper()
        headers = [(str(one["name"]), str(one["value"])) for one in request.get("headers") or ()]
        origin = _origin(url)
        target = target_of(url)
        if origin is None or target is None or method not in KNOWN_METHODS:
            self._left_out[None, LeftOut.NOT_HTTP] += 1
            return
        if origin not in self._tallies and len(self._tallies) >= MOST_ORIGINS:
            self._left_out[None, LeftOut.OTHER_HOST] += 1
            return
        self._counts[origin] += 1
        tally = self._tallies.setdefault(origin, Tally())
        self._secrets.setdefault(origin, set()).update(secret_headers(name for name, _ in headers))
        self._note_time(origin, entry.get("startedDateTime"))
        # A status of 0: blocked, or no response.
        if not isinstance(status, int) or not 100 <= status < BAD_STATUS:
            self._left_out[origin, LeftOut.FAILED] += 1
        elif is_hashed_asset(target):
            self._left_out[origin, LeftOut.ASSET] += 1
        else:
            kept = kept_headers(headers)
            body, size = None, None
            if method in BODY_METHODS:
                posted = request.get("postData") or {}
                size = _size(request, posted)
                if tally.room_for_body(method, target):
                    body = _body(posted)
                if body is not None and "Content-Type" not in kept:
                    kept |= _typed(posted)
            else:
                kept.pop("Content-Type", None)
            tally.add(
                method,
                target,
                headers=tuple(kept.items()),
                body=body,
                body_bytes=size or 0,
                sized=size is not None,
            )

    def proposal(self, most: int) -> Proposal:
        """The requests of the origin with most entries."""
        if not self._counts:
            raise FileProblem("it has no request by HTTP", REMEDY)
        [(origin, total)] = self._counts.most_common(1)
        requests, rare = requests_of(self._tallies[origin], most)
        if not requests:
            raise FileProblem(
                f"none of the {total:,} requests to its main host can be sent again: they failed, "
                "or were for files of a page",
                "record requests that the service responds to with a status below 400",
            )
        left_out = Counter({LeftOut.RARE: rare})
        for (where, why), count in self._left_out.items():
            if where in (None, origin):
                left_out[why] += count
        left_out[LeftOut.OTHER_HOST] += self._counts.total() - total
        first, last = self._times.get(origin, (0.0, 0.0))
        return Proposal(
            origin="a HAR file",
            requests=requests,
            secrets=frozenset(self._secrets[origin]),
            left_out={why: count for why, count in left_out.items() if count},
            total=total,
            span_s=last - first,
            port=origin[1],
        )

    def _note_time(self, origin: tuple[str, int], text: Any) -> None:
        try:
            at = datetime.fromisoformat(str(text)[:40].replace("Z", "+00:00")).timestamp()
        except (ValueError, OverflowError):
            return
        first, last = self._times.get(origin, (at, at))
        self._times[origin] = min(first, at), max(last, at)


def _origin(url: str) -> tuple[str, int] | None:
    """Host and port of an HTTP URL; None for any other."""
    try:
        parts = urlsplit(url)
        if parts.scheme not in PORTS or not parts.hostname:
            return None
        return parts.hostname, parts.port or PORTS[parts.scheme]
    except ValueError:
        return None


def _size(request: Any, posted: Any) -> int | None:
    size = request.get("bodySize")
    if isinstance(size, int) and size >= 0:
        return size
    text = posted.get("text")
    return len(text.encode("utf-8", "replace")) if isinstance(text, str) else None


def _body(posted: Any) -> str | None:
    """The body without its values; None for none, and for one that is neither JSON nor a form."""
    text, kind = str(posted.get("text") or ""), str(posted.get("mimeType") or "").lower()
    if FORM in kind:
        fields = form_fields(text[:MOST_BODY]) or [
            (str(one["name"]), str(one.get("value", ""))) for one in posted.get("params") or ()
        ]
        return form_body(fields) if fields else None
    return json_body(text) if 0 < len(text) <= MOST_BODY else None


def _typed(posted: Any) -> dict[str, str]:
    kind = media_type(str(posted.get("mimeType") or ""))
    return {"Content-Type": kind} if kind else {}


HAR = TrafficSource("--from-har", read_har)
