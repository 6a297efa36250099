"""Waiting for what will be true, however busy the machine is."""

from __future__ import annotations

import time
from collections.abc import Callable

__all__ = ["wait_until"]

PATIENCE_S = 180.0


def wait_until(condition: Callable[[], bool]) -> None:
    """Return once ``condition()`` holds; that it never does is the finding."""
    deadline_s = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline_s, "it never came"
        time.sleep(0.02)
