"""Snapshots at regular times until something ends it."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

from socklat_gate.interrupt import defer_signals
from socklat_gate.trace.lifetime import Lifetime
from socklat_gate.trace.snapshot import Snapshot

__all__ = ["poll_until"]


def poll_until(
    take_snapshot: Callable[[], Snapshot],
    render: Callable[[Snapshot], bool],
    lifetime: Lifetime,
    *,
    interval_s: float,
    duration_s: float = math.inf,
) -> None:
    """Renders a snapshot every ``interval_s`` seconds; the last one is left to the caller.

    Returns when the target ends, ``duration_s`` is over or ``render`` finds its output closed.
    Raises `Interrupted`, never in the middle of a snapshot or of what is rendered.
    """
    started_s = time.monotonic()
    due_s = started_s + interval_s
    while True:
        ends_s = started_s + duration_s
        if lifetime.wait(min(due_s, ends_s) - time.monotonic()):
            return
        now_s = time.monotonic()
        if now_s >= ends_s:
            return
        if now_s < due_s:
            continue
        # A signal would cut a line off half-way, or get lost in the callback for the spikes.
        with defer_signals():
            if not render(take_snapshot()):
                return
        # At regular times, however long one takes; what a slow reader made late is not caught up.
        due_s = max(due_s + interval_s, time.monotonic())
