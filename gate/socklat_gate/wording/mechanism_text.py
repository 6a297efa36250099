"""What the candidate's threads did while it stopped, in words."""

from __future__ import annotations

from collections.abc import Mapping

from socklat_gate.measured.facts import Scalar
from socklat_gate.measured.stop_verdict import MECHANISMS, Mechanism, StopVerdict

__all__ = [
    "mechanism_advice",
    "mechanism_text",
    "mechanisms_counted",
    "stops_not_named_note",
]

_DID: Mapping[Mechanism, str] = {
    "blocked": "its threads slept or waited",
    "running": "it computed",
    "runnable": "its threads were ready to run and got no CPU",
    "throttled": "its CPU limit kept it from running",
    "swapped": "it waited for pages of its memory to be read",
    "stolen": "the machine's hypervisor had the CPUs",
}

_ADVICE: Mapping[Mechanism, str] = {
    "blocked": "What stopped it used no CPU: look for a lock, a timer, a full pool, a slow "
    "dependency or a disk, rather than in a CPU profile.",
    "running": "It used a CPU meanwhile: a CPU profile, or the log of the garbage collector, shows "
    "what it computed.",
    "runnable": "It was ready to run: other processes, or more threads than CPUs, kept it waiting.",
    "throttled": "It was out of its CPU quota: what used that up came before the stop, or the "
    "limit is too low for it.",
    "swapped": "Its pages had to be read from a disk: look at what it maps or swaps, and at its "
    "memory limit.",
    "stolen": "The machine's hypervisor took the CPUs: repeat the job on a runner that is not "
    "shared, before you look into the service.",
}

_WHY: Mapping[str, str] = {
    "cgroup": "the control groups of replicas cannot be read here (a gate in a container sees them "
    "with --cgroupns=host and -v /sys/fs/cgroup:/sys/fs/cgroup:ro)",
    "thread": "no thread could be started to look at their counters (ulimit -u)",
}


def mechanism_text(mechanism: Mechanism | None) -> str:
    """``blocked (its threads slept or waited)``; "" of none."""
    return f"{mechanism} ({_DID[mechanism]})" if mechanism else ""


def mechanisms_counted(stops: StopVerdict) -> str:
    """``4 blocked, 1 running, 2 not named``; "" where there was no stop, or none is named."""
    named = [f"{stops.mechanisms[one]} {one}" for one in MECHANISMS if stops.mechanisms.get(one)]
    if not named:
        return ""
    rest = stops.candidate_stops - sum(stops.mechanisms.values())
    return ", ".join([*named, f"{rest} not named"] if rest > 0 else named)


def mechanism_advice(mechanism: Mechanism | None) -> str:
    """Where to look, by what more than half of the stops were; "" of none."""
    return _ADVICE[mechanism] if mechanism else ""


def stops_not_named_note(subject: str, _numbers: Mapping[str, Scalar]) -> str:
    """``subject`` is why."""
    return f"what the replicas did while they stopped is not named: {_WHY.get(subject, subject)}"
