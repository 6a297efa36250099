"""Spikes of both arms at the same moment: the machine's doing, whoever's requests met it.

A stall of the host that no probe could see, such as a full disk queue or a frozen hypervisor, hits
both arms at once and about equally long.  A candidate that pauses by itself does not: even where
its pause burns the CPU that both use, the scheduler gives the other arm its share.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from socklat_gate.measured.run import Run, Spike

__all__ = ["mark_shared"]

LEAST_SHARE = 0.5
"""A spike is shared when another arm's of at least this share of its length overlaps it."""

CHUNK = 1024


def mark_shared(runs: Sequence[Run], arms: Sequence[object]) -> tuple[Run, ...]:
    """The runs measured at the same time, with `Spike.shared` set where it holds.

    ``arms`` says whose each run is: containers of one arm that pause at the same moment, by a timer
    for instance, may do so by themselves.  Swapping the arms swaps what is marked, so under equal
    arms this favours neither.
    """
    marked = []
    for run, arm in zip(runs, arms, strict=True):
        others = [
            spike
            for other, its_arm in zip(runs, arms, strict=True)
            if its_arm != arm
            for spike in other.spikes
        ]
        marked.append(replace(run, spikes=_mark(run.spikes, others)))
    return tuple(marked)


def _mark(spikes: Sequence[Spike], others: Sequence[Spike]) -> tuple[Spike, ...]:
    from_ns, length_ns = _spans(spikes)
    other_from_ns, other_length_ns = _spans(others)
    other_to_ns = other_from_ns + other_length_ns
    shared = np.zeros(from_ns.size, dtype=bool)
    for at in range(0, from_ns.size, CHUNK):
        first, length = (x[at : at + CHUNK, np.newaxis] for x in (from_ns, length_ns))
        meets = (other_from_ns < first + length) & (first < other_to_ns)
        shared[at : at + CHUNK] = (meets & (other_length_ns >= LEAST_SHARE * length)).any(axis=1)
    return tuple(
        replace(spike, shared=bool(mark)) for spike, mark in zip(spikes, shared, strict=True)
    )


def _spans(spikes: Sequence[Spike]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """When each began, and how long it took, in ns."""
    spans = [(spike.rx_first_ns, spike.length_ns) for spike in spikes]
    columns = np.array(spans, dtype=np.int64).reshape(-1, 2)
    return columns[:, 0], columns[:, 1]
