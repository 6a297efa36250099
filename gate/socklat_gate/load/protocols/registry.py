"""Requests as bytes, and which parser frames their responses."""

from __future__ import annotations

from string import ascii_letters, digits, punctuation
from urllib.parse import quote

from socklat_gate.load.protocols.http import HttpParser
from socklat_gate.load.protocols.parser import (
    BadResponse,
    DelimiterParser,
    LengthParser,
    ResponseParser,
)
from socklat_gate.load.protocols.resp import RespParser
from socklat_gate.scenario import Load
from socklat_gate.scenario.payload import parse_payload

__all__ = ["BadResponse", "ResponseParser", "parser_for", "request_bytes"]

_BODY_EXPECTED = ("POST", "PUT", "PATCH")


def request_bytes(load: Load, host: str, port: int) -> bytes:
    """The bytes of one request of driver ``tcp`` or ``http`` to ``host``:``port``."""
    if load.driver == "http":
        return _http_request(load, host, port)
    assert load.payload is not None, "the scenario checks that driver tcp has a payload"
    return parse_payload(load.payload)


def parser_for(load: Load) -> ResponseParser:
    """A fresh parser for the responses on one connection."""
    if load.driver == "http":
        return HttpParser(head=load.method == "HEAD")
    if isinstance(load.response, int):
        return LengthParser(load.response)
    if load.response == "resp":
        return RespParser()
    return DelimiterParser(parse_payload(load.response.removeprefix("until:")))


def _http_request(load: Load, host: str, port: int) -> bytes:
    body = b"" if load.body is None else load.body.encode()
    given = {name.lower() for name in load.headers}
    name = f"[{host}]" if ":" in host else host
    headers = {
        "Host": name if port == 80 else f"{name}:{port}",
        "User-Agent": "socklat-gate",
        "Accept": "*/*",
    }
    if (body or load.method in _BODY_EXPECTED) and "transfer-encoding" not in given:
        headers["Content-Length"] = str(len(body))
    lines = [
        f"{load.method} {quote(load.path, safe=ascii_letters + digits + punctuation)} HTTP/1.1"
    ]
    lines += [f"{key}: {value}" for key, value in headers.items() if key.lower() not in given]
    lines += [f"{key}: {value}" for key, value in load.headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + body
