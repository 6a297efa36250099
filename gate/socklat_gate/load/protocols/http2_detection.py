"""HTTP/2 as `init` recognises it where a service speaks nothing else, gRPC for instance."""

from __future__ import annotations

from socklat_gate.load.protocols.handshake import Handshake
from socklat_gate.load.protocols.protocol import LoadKey

__all__ = ["HTTP2"]

_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_SETTINGS_TYPE, _SETTING_BYTES, _MOST_SETTINGS = 4, 6, 42
_NO_SETTINGS = bytes((0, 0, 0, _SETTINGS_TYPE, 0, 0, 0, 0, 0))
"""RFC 9113, 3.4 and 6.5: both sides begin with a frame of settings, six bytes each."""

HTTP2 = Handshake(
    "HTTP/2",
    (),
    _PREFACE + _NO_SETTINGS,
    tuple(
        bytes((0, 0, _SETTING_BYTES * number, _SETTINGS_TYPE)) for number in range(_MOST_SETTINGS)
    ),
    "http",
    (
        LoadKey("http", "2", 'it speaks nothing else; for gRPC: driver = "grpc"'),
        LoadKey("path", "/", "not tried"),
    ),
    repeats=False,
    alpn=("h2",),
    hints=(
        'method = "POST"',
        'headers = { "content-type" = "application/json" }',
        'body = "{}"',
        "expect = { status = [200], min_bytes = 1 }",
    ),
)
