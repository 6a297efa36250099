"""CPU sets: parsing, and starting children inside one."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from socklat_gate.errors import Reason, UsageError

__all__ = ["parse_cpuset", "run_on_cpus"]


def parse_cpuset(text: str) -> frozenset[int]:
    """CPU numbers of a list such as ``0-1,3``.

    Raises `UsageError` for an empty range or text that is not such a list.
    """
    cpus: set[int] = set()
    try:
        for part in text.split(","):
            first, _, last = part.partition("-")
            span = range(int(first), int(last or first) + 1)
            if not span:
                raise ValueError("empty range")
            cpus.update(span)
    except ValueError:
        raise UsageError(
            Reason.BAD_SCENARIO,
            f"cpuset {text!r} is not a list of CPUs",
            remedy='write CPUs and ranges, lower number first, such as "0-1,3"',
        ) from None
    return frozenset(cpus)


@contextmanager
def run_on_cpus(cpuset: str | None) -> Iterator[None]:
    """Run the block with this thread on ``cpuset``, so that processes it starts inherit the set.

    Raises `UsageError` when this machine has none of those CPUs.
    """
    if cpuset is None:
        yield
        return
    before = os.sched_getaffinity(0)
    try:
        os.sched_setaffinity(0, parse_cpuset(cpuset))
    except (OSError, OverflowError):
        usable = ",".join(str(cpu) for cpu in sorted(before))
        raise UsageError(
            Reason.BAD_SCENARIO,
            f"load.cpuset {cpuset!r} names no CPU that this process may use",
            remedy=f"choose from the usable ones: {usable}",
        ) from None
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)
