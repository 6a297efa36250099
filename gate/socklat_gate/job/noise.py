"""The machine's noise during a measurement, put together from what was read of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from socklat_gate.job.cpu_readings import CpuTime
from socklat_gate.measured.pair import Noise
from socklat_gate.stalls.correction import StallCorrection

__all__ = ["mean_noise", "with_stalls"]


def with_stalls(
    noise: Noise,
    correction: StallCorrection | None,
    cpu: Sequence[CpuTime],
    coupling: float | None = None,
) -> Noise:
    """``noise`` with what the log of exchanges and the containers' CPU accounts add to it."""
    return replace(
        noise,
        stalled=correction.stalled if correction else None,
        interference=correction.interference if correction else None,
        interference_ignored=correction.ignored if correction else False,
        throttled_us=_sum(used.throttled_us for used in cpu),
        involuntary_switches=_sum(used.involuntary_switches for used in cpu),
        coupling=coupling,
    )


def mean_noise(one: Noise, other: Noise) -> Noise:
    """Of two measurements one after the other: means of shares, sums of counts."""

    def mean(first: float | None, second: float | None) -> float | None:
        return None if first is None or second is None else (first + second) / 2

    return Noise(
        steal=(one.steal + other.steal) / 2,
        busy=(one.busy + other.busy) / 2,
        psi_cpu_some=mean(one.psi_cpu_some, other.psi_cpu_some),
        load_average=other.load_average,
        involuntary_switches=_sum((one.involuntary_switches, other.involuntary_switches)),
        stalled=mean(one.stalled, other.stalled),
        interference=mean(one.interference, other.interference),
        throttled_us=_sum((one.throttled_us, other.throttled_us)),
        interference_ignored=one.interference_ignored or other.interference_ignored,
    )


def _sum(parts: Iterable[int | None]) -> int | None:
    """None when a part is not known."""
    known = list(parts)
    return None if None in known else sum(part for part in known if part is not None)
