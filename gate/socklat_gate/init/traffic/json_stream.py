"""Reads a large JSON document in pieces: members of nested objects, and one array's elements."""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterator
from typing import IO, Any

from socklat_gate.init.traffic.source import FileProblem, OnBytes

__all__ = ["JsonStream"]

CHUNK = 1 << 20
NEAR_END = 16
_SPACE = re.compile(r"[ \t\r\n]*")


class JsonStream:
    """A reader that holds one value of the document at a time.

    All methods raise `FileProblem` where the file is not JSON, not UTF-8, nested too deeply, or
    has a value longer than ``most_chars``; ``remedy`` is then what to do.
    """

    def __init__(self, file: IO[bytes], most_chars: int, remedy: str, on_bytes: OnBytes) -> None:
        self._file = file
        self._most = most_chars
        self._remedy = remedy
        self._on_bytes = on_bytes
        self._decode = codecs.getincrementaldecoder("utf-8-sig")()
        self._scan = json.JSONDecoder().raw_decode
        self._text = ""
        self._at = 0
        self._line = 1
        self._counted = 0  # up to here in the text, for the line
        self._read = 0
        self._ended = False

    @property
    def line(self) -> int:
        """Of the next value, from 1."""
        self._line += self._text.count("\n", self._counted, self._at)
        self._counted = self._at
        return self._line

    def members(self) -> Iterator[str]:
        """Keys of the object that comes next; the caller takes each one's value, or skips it."""
        self._expect("{")
        if self._peek() == "}":
            self._at += 1
            return
        while True:
            key = self.value()
            if not isinstance(key, str):
                raise self._problem("a key of an object is no string")
            self._expect(":")
            yield key
            if not self._goes_on("}"):
                return

    def elements(self) -> Iterator[tuple[int, Any]]:
        """Line and value of each element of the array that comes next."""
        self._expect("[")
        if self._peek() == "]":
            self._at += 1
            return
        while True:
            self._peek()
            line = self.line
            yield line, self.value()
            if not self._goes_on("]"):
                return

    def value(self) -> Any:
        """The value that comes next, whole."""
        self._peek()
        wanted = CHUNK
        while True:
            try:
                value, end = self._scan(self._text, self._at)
            except json.JSONDecodeError as error:
                cut = error.pos >= len(self._text) - NEAR_END or "Unterminated" in error.msg
                if self._ended or not cut:
                    self._at = min(error.pos, len(self._text))
                    raise self._problem(f"this is not JSON: {error.msg.lower()}") from None
            except RecursionError:
                raise self._problem("values are nested too deeply") from None
            except ValueError as error:  # a number of more digits than Python converts
                raise self._problem(f"this is not JSON: {error}") from None
            else:
                if self._ended or end < len(self._text):
                    self._at = end
                    return value
            if len(self._text) - self._at > self._most:
                raise self._problem(f"a value is longer than {self._most / 1e6:g} MB")
            self._more(wanted)
            wanted *= 2

    def _goes_on(self, closing: str) -> bool:
        mark = self._peek()
        self._expect(closing if mark == closing else ",")
        return mark != closing

    def _expect(self, mark: str) -> None:
        found = self._peek()
        if found != mark:
            what = f"{found!r}" if found else "the file ends"
            raise self._problem(f"this is not JSON: {what} where {mark!r} has to be")
        self._at += 1

    def _peek(self) -> str:
        """The next character that is no space; empty at the end of the file."""
        while True:
            space = _SPACE.match(self._text, self._at)
            assert space is not None, "it matches nothing, too"
            self._at = space.end()
            if self._at < len(self._text):
                return self._text[self._at]
            if self._ended:
                return ""
            self._more(CHUNK)

    def _more(self, size: int) -> None:
        """Forget what was read before, and read ``size`` bytes."""
        line = self.line
        rest, self._text, self._at, self._counted = self._text[self._at :], "", 0, 0
        data = self._file.read(size)
        self._ended = not data
        self._read += len(data)
        self._on_bytes(self._read)
        try:
            self._text = rest + self._decode.decode(data, final=self._ended)
        except UnicodeDecodeError as error:
            before = rest + data[: error.start].decode("utf-8", "replace")
            raise FileProblem(
                "this is not UTF-8", self._remedy, line + before.count("\n")
            ) from None

    def _problem(self, text: str) -> FileProblem:
        return FileProblem(text, self._remedy, self.line)
