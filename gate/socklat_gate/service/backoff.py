"""Trying again until something that takes its time is there: bounded, with growing pauses."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator

import stamina

__all__ = ["attempts"]

# Another attempt is no news to people; without any handler the logger would print it.
logging.getLogger("stamina").addHandler(logging.NullHandler())


def attempts(
    on: type[Exception] | tuple[type[Exception], ...] | Callable[[Exception], bool],
    within_s: float,
    *,
    first_pause_s: float,
    max_pause_s: float,
) -> Iterator[stamina.Attempt]:
    """Attempts to enter one after the other with ``with``, while the block raises ``on``.

    ``on`` may be a function that is asked of each error whether to go on.
    The last error is raised once ``within_s`` have passed.
    """
    return iter(
        stamina.retry_context(
            on=on,
            attempts=None,
            timeout=within_s,
            wait_initial=first_pause_s,
            wait_max=max_pause_s,
            wait_jitter=0.0,
        )
    )
