"""Requests that cannot be written: known before the load, or when the one in question is due."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

__all__ = ["TYPED_MESSAGE", "Unprepared", "Unsendable", "unsendable_ends"]

TYPED_MESSAGE = "write the message as JSON of the type that the service names"


class Unprepared(Exception):
    """No request can be written; ``remedy`` is what to do."""

    def __init__(self, text: str, remedy: str) -> None:
        super().__init__(text)
        self.remedy = remedy


class Unsendable(Unprepared):
    """One request of the load cannot be written; ``request`` is its number, once that is known.

    ``subject`` and ``why`` are the halves of the message, between which a row is named.
    """

    def __init__(self, subject: str, why: str, remedy: str) -> None:
        super().__init__(f"{subject}: {why}", remedy)
        self.subject, self.why = subject, why
        self.request: int | None = None

    def filled_by(self, text: str) -> Unsendable:
        """The same with what the request is filled with, such as ``, filled with row 7``."""
        return Unsendable(self.subject + text, self.why, self.remedy)


@contextmanager
def unsendable_ends(task: asyncio.Task[Any]) -> Iterator[list[Unsendable]]:
    """Cancels ``task`` when a callback of its loop raises `Unsendable`; the list has those.

    A load that leaves such requests out would measure others than the scenario's.
    """
    loop = asyncio.get_running_loop()
    former = loop.get_exception_handler()
    found: list[Unsendable] = []

    def on_error(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        error = context.get("exception")
        if isinstance(error, Unsendable):
            found.append(error)
            task.cancel()
        elif former is not None:
            former(loop, context)
        else:
            loop.default_exception_handler(context)

    loop.set_exception_handler(on_error)
    try:
        yield found
    finally:
        loop.set_exception_handler(former)
