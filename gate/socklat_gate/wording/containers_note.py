"""Why a job measures so many containers of each arm at the same time."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from socklat_gate.measured.facts import Scalar
from socklat_gate.wording import units
from socklat_gate.wording.fact_numbers import count_of, number_of

__all__ = ["containers_note"]

Numbers = Mapping[str, Scalar]


def containers_note(subject: str, numbers: Numbers) -> str:
    """``subject`` is what speaks against more, ``given`` where the scenario has a number."""
    k = count_of(numbers, "containers")
    many = f"{k} container{'s' if k > 1 else ''} of each arm at the same time"
    if subject == "given":
        return f"{many}, each with 1/{k} of its arm's load, as gate.containers has it"
    why = _WHY[subject](numbers) if subject in _WHY else subject
    return f'{many} (gate.containers = "auto"): {why}'


def _memory(numbers: Numbers) -> str:
    if "needed_bytes" not in numbers:
        return "it is not known how much memory more would take"
    return (
        f"{count_of(numbers, 'refused')} would need {_size(numbers, 'needed_bytes')} of memory, "
        f"and {_size(numbers, 'free_bytes')} are free"
    )


def _size(numbers: Numbers, name: str) -> str:
    return units.size(number_of(numbers, name))


def _cpus(numbers: Numbers) -> str:
    return (
        f"{count_of(numbers, 'refused')} would use {number_of(numbers, 'idle_cpus'):.2g} of "
        f"{count_of(numbers, 'cpus')} CPUs while nothing is asked of them"
    )


def _start(numbers: Numbers) -> str:
    return (
        f"{count_of(numbers, 'refused')} would take "
        f"{units.duration_s(number_of(numbers, 'start_s'))} to start, where one of each takes "
        f"{units.duration_s(number_of(numbers, 'pair_start_s'))}"
    )


_WHY: Mapping[str, Callable[[Numbers], str]] = {
    "none": lambda _numbers: "memory, CPUs and start-up time allow the most there can be",
    "memory": _memory,
    "cpus": _cpus,
    "start": _start,
    "compose": lambda _numbers: "with service.compose each arm is one stack",
    "command": lambda _numbers: "a load of driver = command is not split over containers",
    "interleave": lambda _numbers: "gate.interleave sends to one container at a time",
    "ports": lambda _numbers: "service.publish leaves no ports for more",
    "nothing_compared": lambda _numbers: "nothing is compared with a baseline",
    "nothing_to_pair": lambda _numbers: "there is no image of the baseline to start",
}
