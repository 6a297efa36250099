"""A line for people when something takes longer than they wait without wondering."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

__all__ = ["ShowLine", "slow_notice"]

ShowLine = Callable[[str], None]
"""Shows a line to people, never on stdout."""

PATIENCE_S = 2.0


@contextmanager
def slow_notice(show_line: ShowLine, what: str) -> Iterator[None]:
    """Shows that ``what`` is being done if the block lasts longer than `PATIENCE_S`."""
    watch = threading.Timer(PATIENCE_S, show_line, [f"{what} ..."])
    watch.daemon = True
    watch.start()
    try:
        yield
    finally:
        watch.cancel()
