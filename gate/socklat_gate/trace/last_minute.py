"""What happened in the last minute: quantiles that a scraper who comes every 15 s does not miss."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass

from socklat_gate.measured.histogram import Histogram
from socklat_gate.trace.snapshot import Snapshot

__all__ = ["LastMinute", "Minute"]

MINUTE_NS = 60 * 10**9
APART_NS = 5 * 10**9
"""Between two snapshots that are kept, so that their number is bounded whatever the interval is."""


@dataclass(frozen=True, slots=True)
class Minute:
    """The newest snapshot, and by stage what came in the ``seconds`` before it; times in ns."""

    snapshot: Snapshot
    seconds: float
    recent: Mapping[str, Histogram]


class LastMinute:
    """Fed with every snapshot, of which it keeps one in 5 s."""

    def __init__(self) -> None:
        self._kept: deque[Snapshot] = deque()

    def add(self, snapshot: Snapshot) -> Minute:
        """With this snapshot as the newest.

        The time before it is a minute, up to 5 s more, or all that there is.
        """
        now_ns, kept = snapshot.taken_at_ns, self._kept
        while len(kept) > 1 and now_ns - kept[1].taken_at_ns >= MINUTE_NS:
            kept.popleft()
        before = kept[0] if kept and now_ns - kept[0].taken_at_ns >= MINUTE_NS else None
        if not kept or now_ns - kept[-1].taken_at_ns >= APART_NS:
            kept.append(snapshot)
        if before is None:
            return Minute(snapshot, snapshot.elapsed_s, snapshot.total)
        return Minute(
            snapshot,
            (now_ns - before.taken_at_ns) / 1e9,
            {
                stage: Histogram(now.counts - before.total[stage].counts)
                for stage, now in snapshot.total.items()
            },
        )
