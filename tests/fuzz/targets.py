"""What is fuzzed: a function of bytes for each parser of what others wrote.

Each may raise the error that is documented for wrong input, and nothing else.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Any

from socklat_gate.documents import hdr
from socklat_gate.documents.codec import from_body, to_body
from socklat_gate.documents.envelope import CAMPAIGN_SCHEMA, RESULT_SCHEMA, parse_document
from socklat_gate.documents.result_types import result_from_body
from socklat_gate.errors import NoUsableBaseline, UsageError
from socklat_gate.forge.github.event import read_event
from socklat_gate.load.protocols.http import HttpParser
from socklat_gate.load.protocols.resp import RespParser
from socklat_gate.measured.campaign import Campaign
from socklat_gate.scenario.loader import scenario_of
from socklat_gate.scenario.tables import tables_of
from socklat_gate.scenario.variables import named_variables
from socklat_gate.service.stack_lent import lend_files
from socklat_gate.service.stack_sources import asked_by_sources
from tests.fuzz.pieces import check_pieces
from tests.unit.load.h2_server import session_of

__all__ = ["TARGETS"]


def scenario(data: bytes) -> None:
    """socklat.toml."""
    with suppress(UnicodeDecodeError):
        text = data.decode("utf-8")
        with suppress(UsageError):
            scenario_of(tables_of("socklat.toml", "socklat.toml", text))


def document(data: bytes) -> None:
    """A stored document as it lies there, and its body as if its checksum were right."""
    with suppress(NoUsableBaseline):
        parse_document("file", data, CAMPAIGN_SCHEMA)
    with suppress(NoUsableBaseline):
        parse_document("file", data, RESULT_SCHEMA)


def body(data: bytes) -> None:
    """The body of a campaign or a result behind a checksum that is right."""
    try:
        parsed = json.loads(data)
    except (ValueError, RecursionError):
        return
    for decode in (_campaign, result_from_body):
        with suppress(NoUsableBaseline):
            decoded = decode(parsed)
            again = to_body(decoded)
            assert to_body(decode(json.loads(json.dumps(again)))) == again


def _campaign(parsed: Any) -> Campaign:
    return from_body(Campaign, parsed)


def histogram(data: bytes) -> None:
    """An HDR histogram as text."""
    with suppress(ValueError):
        decoded = hdr.decode(data.decode("latin-1"))
        assert (hdr.decode(hdr.encode(decoded)).counts == decoded.counts).all()


def http(data: bytes) -> None:
    """HTTP/1.1 responses."""
    check_pieces(HttpParser, data)


def resp(data: bytes) -> None:
    """RESP replies."""
    check_pieces(RespParser, data)


def http2(data: bytes) -> None:
    """HTTP/2 frames, to a request that was sent."""

    def begun() -> Any:
        session = session_of()
        session.control()
        session.request(0)
        return session

    check_pieces(begun, data)


@lru_cache(maxsize=1)
def _home() -> tempfile.TemporaryDirectory[str]:
    """Removed when the process ends."""
    return tempfile.TemporaryDirectory(prefix="socklat-fuzz-")


def _place() -> Path:
    return Path(_home().name)


def event(data: bytes) -> None:
    """The payload of a GitHub event."""
    path = _place() / "event.json"
    path.write_bytes(data)
    with suppress(UsageError):
        read_event(path)


def compose(data: bytes) -> None:
    """A compose file as its author wrote it, before compose has seen it."""
    path, scenario = _place() / "compose.yaml", _place() / "socklat.toml"
    path.write_bytes(data)
    scenario.write_text('[service]\ncompose = "compose.yaml"\n', encoding="utf-8")
    named_variables(scenario, {})
    list(asked_by_sources([path], _place()))
    lend_files([path], _place() / "nowhere")


TARGETS: Mapping[str, Callable[[bytes], None]] = {
    "scenario": scenario,
    "document": document,
    "body": body,
    "histogram": histogram,
    "http": http,
    "resp": resp,
    "http2": http2,
    "event": event,
    "compose": compose,
}
