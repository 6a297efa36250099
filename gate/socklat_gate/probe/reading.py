"""What a probe aggregated for one target, and the stages that its hooks can measure."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from socklat_gate.measured.bpf_layout import names
from socklat_gate.measured.histogram import Histogram
from socklat_gate.measured.run import Bands, Spike
from socklat_gate.probe.hook_table import STAGE_NEEDS

__all__ = ["Reading", "measured_stages"]


@dataclass(frozen=True, slots=True)
class Reading:
    """What the kernel aggregated for one target since it was watched.

    ``histograms`` has the measured stages.  ``counters`` has one entry a COUNTER of
    ``bpf/layout.h`` plus ``recorded``, the total of ``response``, and ``pending``: exchanges still
    open when read, so that
    seen = recorded + filtered + no_response + dropped_map_full + pending.  ``internal`` has the
    time of exchanges on other ports of the namespace, by port; ``statuses`` are those of
    `measured.run.Run`.  ``responding`` of the pending ones have begun their response.
    """

    histograms: Mapping[str, Histogram]
    bands: Bands
    counters: Mapping[str, int]
    drops: Mapping[str, int]
    spikes: tuple[Spike, ...]
    internal: Mapping[str, Histogram] = field(default_factory=dict)
    statuses: Mapping[str, int] = field(default_factory=dict)
    responding: int = 0


def measured_stages(events: Collection[str]) -> tuple[str, ...]:
    """Stages, in the layout's order, that hooks at these events measure."""
    return tuple(
        stage
        for stage in names("STAGE_")
        if all(event in events for event in STAGE_NEEDS.get(stage, ()))
    )
