"""In which order containers start, and which CPUs each gets: by coins from a measurement's seed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from socklat_gate.scenario import Service
from socklat_gate.service.arm import ArmSpec

__all__ = ["coin", "pair_seed", "starting_order"]


def pair_seed(seed: int, index: int) -> int:
    """Seed of one pair or run, derived so that neighbours are independent."""
    return int(np.random.SeedSequence([seed, index]).generate_state(1)[0])


def coin(seed: int) -> int:
    """0 or 1."""
    return int(np.random.default_rng(seed).integers(2))


def starting_order(
    seed: int, specs: Sequence[ArmSpec], service: Service, containers: int = 1
) -> tuple[bool, list[ArmSpec]]:
    """Whether the CPU sets are swapped, and what is started, in order.

    ``specs`` are the arms, ``containers`` how many of each.  Whoever starts first also comes first
    in everything else, slots of the probe and connections included: nothing stays with one arm.  Of
    a block every order is as probable as any other.  The containers of an arm share its CPUs.
    """
    draws = np.random.default_rng(seed)
    flips = draws.integers(2, size=2)
    first, swapped = int(flips[0]) % len(specs), bool(flips[1])
    placed = [
        replace(spec, cpuset=service.cpuset_of(arm, swapped=swapped))
        for arm, spec in enumerate(specs)
    ]
    if containers == 1:
        return swapped, [placed[first], *(one for at, one in enumerate(placed) if at != first)]
    every = [
        replace(spec, replica=replica, replicas=containers)
        for replica in range(containers)
        for spec in placed
    ]
    return swapped, [every[at] for at in draws.permutation(len(every))]
