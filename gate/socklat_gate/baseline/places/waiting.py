"""A line for people when something takes longer than they wait without wondering."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

__all__ = ["Say", "waiting"]

Say = Callable[[str], None]
"""Shows a line to people, never on stdout."""

PATIENCE_S = 2.0


@contextmanager
def waiting(say: Say, what: str) -> Iterator[None]:
    """Says ``what`` is being done if the block lasts longer than `PATIENCE_S`."""
    watch = threading.Timer(PATIENCE_S, say, [f"{what} ..."])
    watch.daemon = True
    watch.start()
    try:
        yield
    finally:
        watch.cancel()
