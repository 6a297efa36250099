"""The machine: what must match between campaigns, and how noisy it is during a run."""

from __future__ import annotations

import os
import platform
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from socklat_gate.measured.campaign import CONTAINERS, Fingerprint
from socklat_gate.measured.facts import Scalar
from socklat_gate.measured.pair import Noise

__all__ = [
    "RATE",
    "NoiseMeter",
    "cpu_model",
    "environment_facts",
    "fingerprint",
    "steal_and_busy",
    "this_machine",
]

_PROC_STAT = Path("/proc/stat")
_PRESSURE_CPU = Path("/proc/pressure/cpu")


RATE = "rate"
"""Of a fingerprint: requests a second and arm, where a job found them."""

CPUS_OF_ARM = "cpus_of_arm"
"""How many CPUs each arm had of its own, where the job chose them."""


def fingerprint(
    hooks: Mapping[str, str],
    definition: str,
    docker_version: str,
    found_rate: float | None = None,
    containers: int = 1,
    cpus_of_arm: int = 0,
) -> Fingerprint:
    """What identifies this machine and this way of measuring.

    ``must_match`` decides whether stored numbers are comparable; ``facts`` are for people.
    ``found_rate`` is that of ``load.rate = "auto"``; ``containers`` of an arm that share its load;
    ``cpus_of_arm`` that it got of its own (0: none).
    """
    must_match = {
        **this_machine(),
        "definition": definition,
        "hooks": ", ".join(f"{event}={hook}" for event, hook in sorted(hooks.items())),
    }
    if found_rate is not None:
        must_match[RATE] = f"{found_rate:g}"
    if containers > 1:
        must_match[CONTAINERS] = str(containers)
    if cpus_of_arm:
        must_match[CPUS_OF_ARM] = str(cpus_of_arm)
    memory = re.search(r"^MemTotal:\s+(\d+) kB", _read("/proc/meminfo"), re.MULTILINE)
    return Fingerprint(
        must_match=dict(sorted(must_match.items())),
        facts={
            "clock_source": _read(
                "/sys/devices/system/clocksource/clocksource0/current_clocksource"
            ).strip(),
            "docker": docker_version,
            "memory_mib": str(int(memory.group(1)) // 1024) if memory else "unknown",
            "python": platform.python_version(),
        },
    )


def this_machine() -> dict[str, str]:
    """What of a fingerprint's ``must_match`` is known before anything is measured."""
    return {
        "architecture": platform.machine(),
        "cpu_model": cpu_model(),
        "cpus": str(os.cpu_count()),
        "kernel": platform.release(),
    }


def environment_facts(machine: Fingerprint, noises: Sequence[Noise]) -> dict[str, Scalar]:
    """The machine, and its noise as ``NAME.median`` and ``NAME.max`` over the runs.

    Shares are in [0, 1]; what no run knows is left out.  The rest of the fingerprint is a part of
    the result of its own; `wording.machine_facts` makes the texts.
    """
    of_machine = ("cpus", "cpu_model", "kernel")
    facts: dict[str, Scalar] = {
        name: machine.must_match[name] for name in of_machine if name in machine.must_match
    }
    measured: dict[str, list[float | None]] = {
        "steal": [noise.steal for noise in noises],
        # Beside steal, because the kernel's account and the probe's check each other.
        "stalled": [noise.stalled for noise in noises],
        "cpu_busy": [noise.busy for noise in noises],
        "interference": [noise.interference for noise in noises],
        "cpu_pressure": [noise.psi_cpu_some for noise in noises],
        "throttled_us": [noise.throttled_us for noise in noises],
        "involuntary_switches": [noise.involuntary_switches for noise in noises],
        "coupling": [noise.coupling for noise in noises],
    }
    for name, values in measured.items():
        known = [value for value in values if value is not None]
        if known:
            facts[f"{name}.median"], facts[f"{name}.max"] = median(known), max(known)
    if noises:
        facts["load_average"] = noises[-1].load_average
    return facts


def cpu_model() -> str:
    """Model name of the first CPU, or the machine type where the kernel does not name one."""
    match = re.search(r"^model name\s*:\s*(.+)$", _read("/proc/cpuinfo"), re.MULTILINE)
    return match.group(1).strip() if match else platform.machine()


@dataclass(frozen=True, slots=True)
class _CpuTimes:
    total: int
    idle: int
    steal: int


def _cpu_times() -> _CpuTimes:
    fields = [int(field) for field in _PROC_STAT.read_text("ascii").split("\n", 1)[0].split()[1:9]]
    user, nice, system, idle, iowait, irq, softirq, steal = fields
    total = user + nice + system + idle + iowait + irq + softirq + steal
    return _CpuTimes(total, idle + iowait, steal)


def steal_and_busy(before: _CpuTimes, after: _CpuTimes) -> tuple[float, float]:
    """Shares of all CPUs' time that the hypervisor took, and that was not idle; in [0, 1]."""
    total = max(1, after.total - before.total)
    steal = (after.steal - before.steal) / total
    busy = 1.0 - (after.idle - before.idle) / total
    return max(0.0, min(1.0, steal)), max(0.0, min(1.0, busy))


class NoiseMeter:
    """Reads the kernel's own accounts at the start and at the end of a run."""

    def __init__(self) -> None:
        self._times = _cpu_times()
        self._pressure_us, self._clock_us = _pressure_us(), _uptime_us()

    def stop(self) -> Noise:
        """The noise since construction, without what only the probe and the containers know."""
        steal, busy = steal_and_busy(self._times, _cpu_times())
        pressure_us = _pressure_us()
        some = None
        if pressure_us is not None and self._pressure_us is not None:
            elapsed_us = max(1.0, _uptime_us() - self._clock_us)
            some = min(1.0, (pressure_us - self._pressure_us) / elapsed_us)
        return Noise(steal, busy, some, os.getloadavg()[0])


def _pressure_us() -> int | None:
    """Total stall time of the PSI line ``some`` for CPU, in us; None without PSI."""
    match = re.search(r"^some .*total=(\d+)", _read(str(_PRESSURE_CPU)), re.MULTILINE)
    return int(match.group(1)) if match else None


def _uptime_us() -> float:
    return float(_read("/proc/uptime").split()[0]) * 1e6


def _read(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
