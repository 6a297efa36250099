"""Which CPUs the arms of a pair have of their own, or share."""

from __future__ import annotations

from collections.abc import Mapping

from socklat_gate.measured.facts import Scalar
from socklat_gate.wording.fact_numbers import count_of, number_of

__all__ = ["SHARED_QUEUE", "own_cpus_note", "shared_cpus_note"]

SHARED_QUEUE = (
    "each one's p90 and p99 have waits behind the other in them, and a change under load shows "
    "smaller than it is alone"
)

Numbers = Mapping[str, Scalar]


def own_cpus_note(subject: str, _numbers: Numbers) -> str:
    """``subject`` has both sets, parted by a bar."""
    return (
        f"each arm has CPUs of its own ({subject}); which arm gets which is flipped for each start "
        "(service.cpuset sets others)"
    )


def shared_cpus_note(subject: str, numbers: Numbers) -> str:
    """``subject`` is why: of too few CPUs, by the scenario's choice or by its limit."""
    if subject == "given":
        why = "both arms share the CPUs of service.cpuset"
        remedy = "a list of two sets gives each arm its own"
    elif subject == "limit":
        each = count_of(numbers, "each")
        why = (
            f"both arms share their CPUs, because service.cpus = {number_of(numbers, 'cpus'):g} is "
            f"more than the {each} that each could have of its own"
        )
        remedy = "lower it, or use a machine with more CPUs"
    else:
        count = count_of(numbers, "cpus")
        why = f"both arms share {count} CPU{'s' if count != 1 else ''}"
        remedy = "with 3 or more each arm gets its own"
    return f"{why}: {SHARED_QUEUE}; {remedy}"
