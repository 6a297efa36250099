"""The machine during the measurement: readable names of its facts, and its noise in numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from statistics import median

from socklat_gate.measured.pair import Noise
from socklat_gate.measured.result import Result

__all__ = ["NUMBERS", "machine_numbers", "machine_rows", "noises_of"]

LABELS: Mapping[str, str] = {
    "steal": "CPU time taken by the hypervisor, by the kernel's account (steal)",
    "stalled": "taken from the services' CPUs, as the probe saw it (stalled)",
    "interference": "used by other processes on the services' CPUs (foreign)",
    "throttled": "containers held back by their CPU limit (throttled)",
    "involuntary_switches": "containers' threads moved off a CPU (involuntary switches)",
    "cpu_busy": "CPU busy",
    "cpu_pressure": "time with somebody waiting for a CPU (pressure)",
    "load_average": "load average",
    "cpu_model": "CPU model",
    "cpus": "CPUs",
}


def machine_rows(environment: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """The facts of a result under names for people, in their order."""
    return tuple((LABELS.get(name, name), text) for name, text in environment.items())


NUMBERS = tuple(field.name for field in fields(Noise) if field.name != "interference_ignored")
"""The fields of `Noise` that are numbers."""


def noises_of(result: Result) -> Sequence[Noise]:
    """The noise of every pair, those excluded included, or of the campaign's runs."""
    if result.pairs:
        return [pair.noise for pair in result.pairs]
    return result.campaign.noise if result.campaign else ()


def machine_numbers(noises: Sequence[Noise]) -> dict[str, dict[str, float] | None]:
    """Median and maximum of every number of `Noise`; None where no run knows it."""
    found: dict[str, dict[str, float] | None] = {}
    for name in NUMBERS:
        values = [getattr(noise, name) for noise in noises]
        known = [float(value) for value in values if value is not None]
        found[name] = {"median": median(known), "max": max(known)} if known else None
    return found
