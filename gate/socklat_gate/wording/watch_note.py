"""Why fewer replicas stay up beside the pairs than there could be."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from socklat_gate.measured.facts import Scalar
from socklat_gate.wording import units
from socklat_gate.wording.changes import plural
from socklat_gate.wording.fact_numbers import count_of, number_of

__all__ = ["watch_replicas_note"]

Numbers = Mapping[str, Scalar]


def watch_replicas_note(subject: str, numbers: Numbers) -> str:
    """``subject`` is what speaks against more; 0 replicas: there is no watch."""
    many = count_of(numbers, "replicas")
    write = _WHY.get(subject)
    why = write(numbers) if write else subject
    if not many:
        return (
            f"no watch: {why}; a pass needs one, so free some memory or CPUs, or set "
            "gate.watch.minutes to 0 for a gate that cannot find rare stops"
        )
    asked = numbers.get("asked")
    wanted = f"gate.watch.replicas = {asked}" if asked else 'gate.watch.replicas = "auto"'
    return f"the watch has {many} + {many} replicas ({wanted}): {why}"


def _memory(numbers: Numbers) -> str:
    each, free = number_of(numbers, "each_bytes"), number_of(numbers, "free_bytes")
    return f"each may take {units.size(each)} of memory, and {units.size(free)} are free for them"


def _cpus(numbers: Numbers) -> str:
    return (
        f"each uses {number_of(numbers, 'idle_cpus'):.2g} of {count_of(numbers, 'cpus')} CPUs "
        "while nothing is asked of it"
    )


_WHY: Mapping[str, Callable[[Numbers], str]] = {
    "memory": _memory,
    "cpus": _cpus,
    "networks": lambda numbers: (
        f"each is a stack with {plural(count_of(numbers, 'each_networks'), 'network')}, and the "
        f"daemon has addresses for about {count_of(numbers, 'free_networks')} more (remove unused "
        "ones with docker network prune, or give it more by default-address-pools)"
    ),
    "stacks": lambda _numbers: "with service.compose each of them is a whole stack",
    "log": lambda _numbers: "on this kernel the probe has no log of exchanges",
    "unknown": lambda _numbers: "it is not known how much memory more would take",
}
