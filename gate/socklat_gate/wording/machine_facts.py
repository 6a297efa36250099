"""Names for people of the facts about the machine during a measurement."""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["LABELS"]

LABELS: Mapping[str, str] = {
    "steal": "CPU time taken by the hypervisor, by the kernel's account (steal)",
    "stalled": "CPU time taken from the services, as the probe saw it (stalled)",
    "interference": "used by other processes on the services' CPUs (interference)",
    "throttled": "containers held back by their CPU limit (throttled)",
    "involuntary_switches": "containers' threads moved off a CPU (involuntary switches)",
    "cpu_busy": "CPU busy",
    "cpu_pressure": "time in which a task waited for a CPU (pressure)",
    "load_average": "load average",
    "cpu_model": "CPU model",
    "cpus": "CPUs",
}
