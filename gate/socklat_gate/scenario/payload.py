r"""Request bytes from text: TOML strings cannot hold arbitrary bytes, so escapes fill the gap."""

from __future__ import annotations

import re

__all__ = ["parse_payload"]

_SIMPLE = {"r": b"\r", "n": b"\n", "t": b"\t", "0": b"\0", "\\": b"\\"}
_ESCAPE = re.compile(r"\\(x[0-9a-fA-F]{2}|.|$)", re.DOTALL)


def parse_payload(text: str) -> bytes:
    r"""Bytes of ``text``: UTF-8, with ``\r \n \t \0 \\ \xHH`` as escapes.

    Raises `ValueError` naming the position of an escape it does not know.
    """
    out = bytearray()
    last = 0
    for match in _ESCAPE.finditer(text):
        out += text[last : match.start()].encode()
        token = match.group(1)
        if len(token) == 3:
            out.append(int(token[1:], 16))
        elif token in _SIMPLE:
            out += _SIMPLE[token]
        else:
            raise ValueError(
                rf"unknown escape \{token} at character {match.start()}; "
                r"known are \r \n \t \0 \\ \xHH"
            )
        last = match.end()
    return bytes(out + text[last:].encode())
