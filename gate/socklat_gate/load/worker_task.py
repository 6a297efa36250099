"""What a load worker is given first."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from socklat_gate import masking
from socklat_gate.load.load_json import load_from_json
from socklat_gate.load.schedule import make_schedule
from socklat_gate.load.share import Portion, Share

if TYPE_CHECKING:
    from collections.abc import Sequence

    from socklat_gate.measured.pair import Interleave
    from socklat_gate.scenario import Load

__all__ = ["Task"]


@dataclass(frozen=True, slots=True)
class Task:
    """The task that `load.worker` describes; of ``load`` the connections are the worker's own."""

    load: Load
    endpoints: Sequence[tuple[str, int]]
    seed: int
    interleave: Interleave
    slice_ms: float
    share: Share | None
    saved: list[dict[str, str]] | None
    hands_over: bool
    sent_fd: int | None

    @classmethod
    def from_json(cls, document: dict[str, Any]) -> Task:
        """Reads it; its secrets are masked from now on."""
        for value in document.pop("secrets"):
            masking.register(value)
        share = document["share"]
        return cls(
            **{
                **document,
                "load": load_from_json(document["load"]),
                "endpoints": [(str(host), int(port)) for host, port in document["endpoints"]],
                "share": None if share is None else Share(*share),
            }
        )

    def portion(self) -> Portion:
        """What this worker sends."""
        arms = len(self.endpoints)
        make = partial(make_schedule, self.load, arms, self.seed)
        return Portion.of(make(self.interleave, self.slice_ms), arms, self.share)
