"""What a response of the load can be: where it ends, and what can be expected of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from socklat_gate.scenario.payload import parse_payload

if TYPE_CHECKING:
    from socklat_gate.scenario.expect import Expect

__all__ = ["NAMED_RESPONSES", "check_end", "check_expect"]

NAMED_RESPONSES = ("resp",)
"""Values of ``load.response`` that name a protocol of `load.protocols`."""
UNTIL = "until:"


def check_end(response: int | str) -> None:
    """Raises `ValueError` for what is no end of a response of driver tcp."""
    if isinstance(response, int):
        if response < 1:
            raise ValueError("a response has at least 1 byte")
    elif response not in NAMED_RESPONSES:
        if not response.startswith(UNTIL) or len(response) == len(UNTIL):
            names = ", ".join(f'"{name}"' for name in NAMED_RESPONSES)
            raise ValueError(f'use {names}, a length in bytes, or "until:DELIMITER"')
        parse_payload(response.removeprefix(UNTIL))


def check_expect(
    expect: Expect, driver: str, method: str | None, response: int | str | None
) -> None:
    """Raises `ValueError` when no response is ever as expected; None: not known."""
    expect.check_driver(driver)
    if driver == "http" and method == "HEAD":
        expect.check_bodiless("a response to HEAD")
    if driver == "tcp" and response is not None:
        if isinstance(response, int):
            expect.check_length(response)
        elif response.startswith(UNTIL):
            expect.check_delimiter(parse_payload(response.removeprefix(UNTIL)))
        else:
            expect.check_resp()
