"""``load.feeder``: rows of values that requests are filled with, from CSV or JSON lines."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

from socklat_gate.scenario.template import NAME, check_name

__all__ = ["MAX_BYTES", "Feeder", "read_feeder"]

MAX_BYTES = 64 << 20
MAX_ROWS = 1_000_000
SHOWN = 40


@dataclass(frozen=True, slots=True)
class Feeder:
    """Values by column, each as long as there are rows; ``digest`` is of the file's content.

    ``lines`` are the numbers of the rows' lines in the file.
    """

    columns: dict[str, tuple[str, ...]]
    lines: Sequence[int]
    digest: str

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return len(self.lines)


def read_feeder(name: str, content: bytes) -> Feeder:
    """The rows of a file of that name, which ends with ``.csv`` or ``.jsonl``.

    Raises `ValueError` that names the file and the line.
    """
    read = _READERS.get(PurePath(name).suffix.lower())
    if read is None:
        raise ValueError(f"{name} has to end with {' or '.join(_READERS)}: what is in it?")
    if len(content) > MAX_BYTES:
        raise ValueError(f"{name} has {len(content)} bytes, more than {MAX_BYTES}")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ValueError(f"{name}:{line}: not UTF-8") from None
    header: tuple[str, ...] = ()
    lines: list[int] = []
    rows: list[tuple[str, ...]] = []
    for line, row in read(name, text):
        if not header:
            header = row
            _check_header(f"{name}:{line}", header)
            continue
        if len(rows) == MAX_ROWS:
            raise ValueError(f"{name}:{line}: more than {MAX_ROWS} rows")
        lines.append(line)
        rows.append(row)
    if not rows:
        raise ValueError(f"{name} has no row{'' if header else ' and no column'}")
    columns = dict(zip(header, zip(*rows, strict=True), strict=True))
    return Feeder(columns, tuple(lines), hashlib.sha256(content).hexdigest())


def _check_header(where: str, header: tuple[str, ...]) -> None:
    for number, column in enumerate(header, 1):
        # By its number: a file that was named by mistake, or by a stranger, may hold a password.
        if not re.fullmatch(NAME, column):
            raise ValueError(
                f"{where}: column {number} has no name, which is made of letters, digits and _"
            )
        try:
            check_name(column)
        except ValueError as error:
            raise ValueError(f"{where}: {error}") from None
    twice = sorted({column for column in header if header.count(column) > 1})
    if twice:
        raise ValueError(f"{where}: column {twice[0]} is there twice")


def _csv_rows(name: str, text: str) -> Iterator[tuple[int, tuple[str, ...]]]:
    """Line and fields of each row, the header first (RFC 4180); empty lines are none."""
    csv.field_size_limit(MAX_BYTES)
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    width = 0
    begun = 1
    try:
        for row in reader:
            if row:
                width = width or len(row)
                if len(row) != width:
                    raise ValueError(
                        f"{name}:{begun}: {len(row)} fields, where the first line has {width}"
                    )
                yield begun, tuple(row)
            begun = reader.line_num + 1
    except csv.Error as error:
        raise ValueError(f"{name}:{begun}: not CSV: {error}") from None


def _json_lines(name: str, text: str) -> Iterator[tuple[int, tuple[str, ...]]]:
    """The same of objects, one a line; the keys of the first are the header."""
    header: tuple[str, ...] = ()
    for line, written in enumerate(text.split("\n"), 1):
        if not written.strip():
            continue
        where = f"{name}:{line}"
        try:
            row = json.loads(written)
        except (ValueError, RecursionError) as error:
            raise ValueError(f"{where}: not JSON: {error}") from None
        if not isinstance(row, dict):
            raise ValueError(f"{where}: not an object, such as {{'id': 7}}")
        if not header:
            header = tuple(row)
            yield line, header
        odd = [*(set(header) - set(row)), *(set(row) - set(header))]
        if odd:
            lacks = "lacks" if odd[0] in header else "has"
            raise ValueError(f"{where}: {lacks} {_shown(odd[0])}, unlike the first line")
        texts = tuple(_as_text(where, column, row[column]) for column in header)
        try:
            "".join(texts).encode()
        except UnicodeEncodeError:  # JSON can write half of a pair of surrogates
            raise ValueError(f"{where}: a value that is no Unicode text") from None
        yield line, texts


def _as_text(where: str, column: str, value: Any) -> str:
    if isinstance(value, str):
        return value
    if value is None:
        raise ValueError(f"{where}: {column} is null: give it a value")
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


_READERS = {".csv": _csv_rows, ".jsonl": _json_lines}


def _shown(text: str) -> str:
    return repr(text if len(text) <= SHOWN else text[:SHOWN] + "...")
