"""Facts about the machine during a measurement: their names and texts."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

from socklat_gate.measured.facts import Scalar
from socklat_gate.wording import units
from socklat_gate.wording.fact_numbers import number_of

__all__ = ["LABELS", "environment_texts"]

LABELS: Mapping[str, str] = {
    "steal": "CPU time taken by the hypervisor, as the kernel accounts it (steal)",
    "stalled": "CPU time taken from the services, as the probe measured it (stalled)",
    "interference": "CPU time of other processes on the services' CPUs (interference)",
    "throttled": "time for which containers were throttled by their CPU limit (throttled)",
    "involuntary_switches": "involuntary context switches of the containers' threads",
    "coupling": "share of requests that waited behind the other arm on the same CPU (coupling)",
    "cpu_busy": "CPU busy",
    "cpu_pressure": "share of time in which a task waited for a CPU (pressure)",
    "load_average": "load average",
    "cpu_model": "CPU model",
    "cpus": "CPUs",
}


def environment_texts(environment: Mapping[str, Scalar]) -> dict[str, str]:
    """Each fact of a result's ``environment`` as text, by its name.

    A text is taken as it is: the machine's own names, and the sentences of older documents.
    """
    texts = {}
    for name, value in environment.items():
        base, _, kind = name.rpartition(".")
        if isinstance(value, str):
            texts[name] = value
        elif kind == "median":
            write = _WRITERS.get(base, units.share)
            median, largest = number_of(environment, name), number_of(environment, f"{base}.max")
            texts[base.removesuffix("_us")] = f"median {write(median)}, at most {write(largest)}"
        elif kind != "max":
            texts[name] = _number(number_of(environment, name))
    return texts


def _number(value: float) -> str:
    return f"{value:.2f}" if math.isfinite(value) else units.NOT_AVAILABLE


def _count(value: float) -> str:
    return units.count(round(value)) if math.isfinite(value) else units.NOT_AVAILABLE


_WRITERS: Mapping[str, Callable[[float], str]] = {
    "throttled_us": lambda value_us: units.ns(1e3 * value_us),
    "involuntary_switches": _count,
}
