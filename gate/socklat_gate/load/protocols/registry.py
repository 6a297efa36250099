"""All protocols that the load and `init` know: one module and one line here each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from socklat_gate.load.expectation import expectation_of
from socklat_gate.load.protocols import delimiter, http, length, postgresql, resp
from socklat_gate.load.protocols.expecting import ExpectingParser
from socklat_gate.load.protocols.parser import ResponseParser
from socklat_gate.load.protocols.protocol import Detector, Framing, LoadProtocol

if TYPE_CHECKING:
    from socklat_gate.scenario import Load

__all__ = ["DETECTORS", "PROTOCOLS", "parser_for", "request_bytes"]

PROTOCOLS: tuple[LoadProtocol, ...] = (
    http.PROTOCOL,
    resp.PROTOCOL,
    length.PROTOCOL,
    delimiter.PROTOCOL,
    postgresql.PROTOCOL,
)

DETECTORS: tuple[Detector, ...] = tuple(
    detector for protocol in PROTOCOLS for detector in protocol.detectors
)
"""In the order in which `init` tries them."""


def request_bytes(load: Load, host: str, port: int) -> bytes:
    """The bytes of one request of driver ``tcp`` or ``http`` to ``host``:``port``."""
    return _framing(load).request_bytes(load, host, port)


def parser_for(load: Load) -> ResponseParser:
    """A fresh parser for the responses on one connection, which knows what is expected of them."""
    parser = _framing(load).parser(load)
    expected = expectation_of(load) if load.driver == "tcp" else None
    return parser if expected is None else ExpectingParser(parser, expected)


def _framing(load: Load) -> Framing:
    for protocol in PROTOCOLS:
        if protocol.framing is not None and protocol.framing.selected_by(load):
            return protocol.framing
    raise AssertionError(f"the scenario checks load.response: {load.response!r}")
