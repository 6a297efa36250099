"""Why a measurement is excluded: rules about the machine only, never about latencies.

Each returns a sentence, "" when its rule is kept.  Further ones stand with what they look at:
`load.checks.too_late`, `completeness.excess_missed`, `recorder.Recorder.shortfall`.
"""

from __future__ import annotations

from socklat_gate.measured.pair import Noise
from socklat_gate.scenario import Gate

__all__ = ["stalls_lost", "too_much_steal"]


def too_much_steal(gate: Gate, noise: Noise) -> str:
    """The hypervisor took more than ``gate.max_steal`` of the CPU time."""
    if noise.steal <= gate.max_steal:
        return ""
    return f"the hypervisor took {noise.steal:.0%} of the CPU time (limit {gate.max_steal:.0%})"


def stalls_lost(count: int) -> str:
    """Stalls are not known, so that nothing can be corrected for them."""
    return f"{count} of the machine's stalls found no room in the probe's ring" if count else ""
