"""Access logs: common, combined, nginx's default, Caddy's and Envoy's JSON; read line by line."""

from __future__ import annotations

import gzip
import zlib
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import IO

from socklat_gate.init.traffic.from_tally import requests_of
from socklat_gate.init.traffic.log_lines import FORMATS, LogLine, read_time
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

__all__ = ["ACCESS_LOG"]

LONGEST_LINE = 65_536
READ_AT_ONCE = 10_000
MOST_TARGETS = 100_000
"""Counted as they are written, before each is looked at once."""

MOST_USERS = 10_000
MAX_FOREIGN = 0.01
"""Share of the lines that may be no requests; logs of scanned servers have some."""

FIRST_LINES = 1000
"""After so many lines a file that is no such log is refused."""

GZIP = b"\x1f\x8b"
REMEDY = (
    "give a log in the format common or combined (nginx's default is combined), or Caddy's or "
    "Envoy's JSON, as UTF-8, with lines of at most 64 KiB"
)
_Target = tuple[str, str]


def read_access_log(path: Path, most: int, on_bytes: OnBytes) -> Proposal:
    """The requests that a log has, by how often each was made.

    Lines that are no requests are counted up to `MAX_FOREIGN` of all.  Memory does not grow with
    the log.  Raises as `TrafficSource` says.
    """
    log = _Log()
    with open_source(path) as raw:
        try:
            for number, line in _lines(raw, on_bytes):
                log.add(number, line)
                if number == FIRST_LINES:
                    log.check()
            log.check()
            return log.proposal(most)
        except FileProblem as problem:
            raise refuse(path, problem) from None


def _lines(raw: IO[bytes], on_bytes: OnBytes) -> Iterator[tuple[int, bytes]]:
    """Number and content of each line, cut after `LONGEST_LINE` bytes."""
    head = raw.read(2)
    raw.seek(0)
    file = gzip.GzipFile(fileobj=raw) if head == GZIP else raw
    number, whole = 0, True
    try:
        pieces = iter(lambda: file.readline(LONGEST_LINE), b"")
        while some := list(islice(pieces, READ_AT_ONCE)):
            for piece in some:
                if whole:
                    number += 1
                    yield number, piece
                whole = len(piece) < LONGEST_LINE or piece.endswith(b"\n")
            on_bytes(raw.tell())
    except (OSError, EOFError, zlib.error) as error:
        raise FileProblem(f"it cannot be read further: {error}", REMEDY, number + 1) from None


class _Log:
    """What was counted so far."""

    def __init__(self) -> None:
        self._tally = Tally()
        self._counts: Counter[_Target] = Counter()
        self._sizes: dict[_Target, tuple[int, int]] = {}
        self._left_out: Counter[LeftOut] = Counter()
        self._formats = list(FORMATS)
        self._lines = self._foreign = self._first_foreign = self._total = 0
        self._why_foreign = ""
        self._times: tuple[str | float, str | float] = ("", "")
        self._users: set[str] = set()
        self._authorized = False

    def add(self, number: int, data: bytes) -> None:
        """Count one line."""
        if not data.strip():
            return
        self._lines += 1
        try:
            text = data.decode("utf-8-sig" if number == 1 else "utf-8")
        except UnicodeDecodeError:
            self._note_foreign(number, "this is not UTF-8")
            return
        if len(data) >= LONGEST_LINE:
            self._note_foreign(number, f"the line has more than {LONGEST_LINE} bytes")
            return
        line = self._parsed(text)
        if line is None:
            self._note_foreign(number, "this is no line of an access log")
            return
        self._total += 1
        self._count(line)

    def check(self) -> None:
        """Raises `FileProblem` when too many lines are no requests."""
        if self._foreign > MAX_FOREIGN * self._lines:
            some = f", as {self._foreign:,} of {self._lines:,} lines" if self._lines > 1 else ""
            raise FileProblem(self._why_foreign + some, REMEDY, self._first_foreign)

    def proposal(self, most: int) -> Proposal:
        """What there is, when all lines were read."""
        self._settle()
        self._tally.hide(self._users)
        requests, rare = requests_of(self._tally, most)
        if not requests:
            raise FileProblem(
                "it has no request that succeeded" if self._total else "it has no request",
                REMEDY,
            )
        self._left_out[LeftOut.RARE] = rare
        self._left_out[LeftOut.NOT_UNDERSTOOD] = self._foreign
        first, last = (read_time(time) for time in self._times)
        span_s = last - first if first is not None and last is not None else 0.0
        return Proposal(
            origin="an access log",
            requests=requests,
            secrets=frozenset({"authorization"} if self._authorized or self._users else ()),
            left_out={why: count for why, count in self._left_out.items() if count},
            total=self._total,
            span_s=max(0.0, span_s),
        )

    def _parsed(self, text: str) -> LogLine | None:
        for index, parse in enumerate(self._formats):
            line = parse(text)
            if line is not None:
                if index:
                    self._formats.insert(0, self._formats.pop(index))
                return line
        return None

    def _note_foreign(self, number: int, why: str) -> None:
        self._foreign += 1
        if not self._first_foreign:
            self._first_foreign, self._why_foreign = number, why

    def _count(self, line: LogLine) -> None:
        if line.time != "":
            self._times = (line.time if self._times[0] == "" else self._times[0], line.time)
        self._authorized |= line.authorized
        if line.user and len(self._users) < MOST_USERS:
            self._users.add(line.user.lower())
        if line.method not in KNOWN_METHODS:
            self._left_out[LeftOut.NOT_HTTP] += 1
        elif not 100 < line.status < BAD_STATUS or line.status == 101:
            self._left_out[LeftOut.FAILED] += 1
        else:
            key = (line.method, line.target)
            self._counts[key] += 1
            if line.sent_bytes >= 0 and line.method in BODY_METHODS:
                size, sized = self._sizes.get(key, (0, 0))
                self._sizes[key] = size + line.sent_bytes, sized + 1
            if len(self._counts) >= MOST_TARGETS:
                self._settle()

    def _settle(self) -> None:
        """Counts by route what was counted by target."""
        for (method, text), times in self._counts.items():
            target = target_of(text)
            if target is None:
                self._left_out[LeftOut.NOT_HTTP] += times
            elif is_hashed_asset(target):
                self._left_out[LeftOut.ASSET] += times
            else:
                size, sized = self._sizes.get((method, text), (0, 0))
                self._tally.add(method, target, times, body_bytes=size, sized=sized)
        self._counts.clear()
        self._sizes.clear()


ACCESS_LOG = TrafficSource("--from-access-log", read_access_log)
