"""Documents made to cost much when they are read: each by name, as bytes."""

from __future__ import annotations

import base64
import json
import os
import struct
import subprocess
import sys
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from socklat_gate.documents.codec import to_body
from socklat_gate.documents.envelope import CAMPAIGN_SCHEMA, checksum_of
from socklat_gate.documents.limits import CAMPAIGN, parsed_bytes, text_problem
from tests.unit.factories import make_campaign

__all__ = [
    "FILE",
    "SPARE_MIB",
    "Refusal",
    "costly_documents",
    "refusals",
    "store",
    "worst_accepted",
]

ROOT = Path(__file__).resolve().parents[3]
SPARE_MIB = 64
FILE = "20260304T050607Z-0123456789ab.json"
SIZE = CAMPAIGN.stored - 1000
UNITS = {
    "lists": "[]",
    "nested-lists": "[[[[]]]]",
    "objects": "{}",
    "members": '{"a":0}',
    "digits": "0",
    "integers": "1234567890123456789",
    "fractions": "1.2345678901234567e-300",
    "texts": '""',
    "longer-texts": '"abcdefghijklmnopqrstuvwxyz"',
    "nulls": "null",
}


@dataclass(frozen=True)
class Refusal:
    """Why a scenario's campaigns were refused, and what that took."""

    reason: str
    most_bytes: int
    took_s: float


def store(directory: Path, documents: Iterable[tuple[str, bytes]]) -> set[str]:
    """Puts each document below a store as the only campaign of a scenario; returns the names."""
    names = set()
    for name, data in documents:
        folder = directory / name
        folder.mkdir()
        (folder / FILE).write_bytes(data)
        names.add(name)
    return names


def refusals(location: Path) -> dict[str, Refusal]:
    """What each scenario was refused with by a process that has `SPARE_MIB` to spare."""
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "tests.unit.documents.hostile_reader",
            str(location),
            str(SPARE_MIB),
        ],
        cwd=ROOT,
        env={**os.environ, "OPENBLAS_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr + done.stdout
    rows = [line.split() for line in done.stdout.splitlines()]
    return {name: Refusal(reason, int(most), float(s)) for name, reason, most, s in rows}


def enveloped(body: object) -> bytes:
    """A whole document with the checksum that belongs to it."""
    document = {
        "schema": CAMPAIGN_SCHEMA,
        "schema_version": 1,
        "checksum": checksum_of(body),
        "body": body,
    }
    # Wide characters as they are: escaped they would cost less to parse.
    return json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode()


def costly_documents() -> Iterator[tuple[str, bytes]]:
    """Bombs: small for what they would take; each must be refused."""
    for name, unit in UNITS.items():
        yield f"many-{name}", ("[" + (unit + ",") * (SIZE // (len(unit) + 1)) + "0]").encode()
    distinct = ",".join(f'"{number}":0' for number in range(SIZE // 12))
    yield "distinct-members", ("{" + distinct + "}").encode()
    yield "deep-lists", b"[" * SIZE
    yield "deep-objects", b'{"a":' * (SIZE // 5)
    yield "moderately-deep", b"[" * 100_000
    yield "huge-integer", b'{"a":' + b"9" * SIZE + b"}"
    yield "huge-fraction", b'{"a":0.' + b"1" * SIZE + b"}"
    yield "huge-exponent", b'{"a":1e' + b"9" * 60 + b"}"
    yield "wide-text", ('"' + "a" * (SIZE - 100) + "\U0001f600" + '"').encode()
    yield "no-utf-8", b'"' + b"\xff" * SIZE + b'"'
    yield "zeros", bytes(SIZE)
    yield "larger-than-allowed", b" " * (CAMPAIGN.stored + 1)
    campaign = to_body(make_campaign(1))
    run = campaign["runs"][0]
    hdr = _small_histogram()
    crowd = {f"s{number}": hdr for number in range(20_000)}
    yield "many-histograms", enveloped(_with_run(histograms={"service": hdr, **crowd}))
    bands = {"stages": [""] * 32, "rows": []}
    many = [{**run, "bands": bands, "load": {**run["load"]}} for _ in range(300)]
    yield "many-bands", enveloped({**campaign, "runs": many, "noise": campaign["noise"] * 300})
    yield "packed-histogram", enveloped(_with_run(histograms={"service": _packed_zeros()}))
    yield "many-stages", enveloped(_with_run(bands={"stages": ["x"] * 100_000, "rows": []}))
    yield "huge-numbers", enveloped(_with_run(duration_s=10**90))


def worst_accepted() -> Iterator[tuple[str, bytes]]:
    """As much as the bounds let through to the parser or the decoder; refused later."""
    campaign = to_body(make_campaign(1))
    for name, unit in UNITS.items():
        yield f"most-{name}", _filled(campaign, "runs", json.loads(unit))
    yield "most-wide-texts", _filled(campaign, "runs", "\U0001f600" * 50)
    hdr = _small_histogram()
    run = {**campaign["runs"][0], "bands": {"stages": [""] * 32, "rows": []}}
    run = {**run, "histograms": {"service": hdr}, "load": {**run["load"], "client": hdr}}
    number = CAMPAIGN.decoded // (2 * 8 * 3840 + 33 * 8 * 272)
    # What is wrong comes last, when all has been decoded.
    crowded = {**campaign, "runs": [run] * number, "noise": campaign["noise"] * number}
    yield "most-histograms", enveloped({**crowded, "branch": 7})
    yield "most-of-both", _filled(crowded, "noise", [[[[]]]])


def _filled(body: dict[str, Any], member: str, item: object) -> bytes:
    """A document with as many such items in a list as may be parsed."""
    some, more = (enveloped({**body, member: [item] * number}) for number in (1000, 2000))
    each, size = (parsed_bytes(more) - parsed_bytes(some)) / 1000, (len(more) - len(some)) / 1000
    by_memory = int((CAMPAIGN.parsed - parsed_bytes(some)) / each)
    by_size = int((CAMPAIGN.stored - len(some)) / size)
    data = enveloped({**body, member: [item] * (1000 + min(by_memory, by_size))})
    assert not text_problem(data, CAMPAIGN)
    return data


def _with_run(**changes: object) -> dict[str, object]:
    campaign = to_body(make_campaign(1))
    return {**campaign, "runs": [{**campaign["runs"][0], **changes}]}


def _small_histogram() -> str:
    return _packed(struct.pack(">IIIIQQd", 0x1C849313, 0, 0, 2, 1, (1 << 36) - 1, 1.0))


def _packed_zeros() -> str:
    return _packed(bytes(1 << 28))


def _packed(payload: bytes) -> str:
    packed = zlib.compress(payload, 1)
    return base64.b64encode(struct.pack(">II", 0x1C849314, len(packed)) + packed).decode()
