"""Measurements of containers as pairs: of both arms at once, or of one after the other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from socklat_gate.job.measurement import Measurement
from socklat_gate.job.noise import mean_noise
from socklat_gate.job.unwell import check_well
from socklat_gate.load.checks import check_delivered
from socklat_gate.measured.pair import ARMS, Arm, Pair
from socklat_gate.scenario.gating import Gate
from socklat_gate.service.session import RunningArm
from socklat_gate.stalls.labels import evidence_of_pair

__all__ = ["Launched", "pair_of_two", "pairs_at_once"]


@dataclass(slots=True)
class Launched:
    """Containers that are up: in the order of starting, and how often they were measured so far."""

    arms: tuple[RunningArm, ...]
    first: Arm
    swapped_cpusets: bool
    start: int
    measured: int = 0

    def note_measured(self) -> None:
        """Once more; the next pair on these containers is no other start."""
        self.measured += 1
        self.arms = tuple(replace(arm, startup_ns=0) for arm in self.arms)


def pairs_at_once(
    up: Launched, measured: Measurement, index: int, seed: int, gate: Gate
) -> list[Pair]:
    """The pair of both arms at once, or those of a block, numbered from ``index`` on."""
    containers = gate.containers_at_once
    runs = {(arm.arm, arm.replica): run for arm, run in zip(up.arms, measured.runs, strict=True)}
    clustered = gate.pairs_per_start > 1 or containers > 1
    return [
        Pair(
            index + replica,
            seed,
            up.first,
            runs["baseline", replica],
            runs["candidate", replica],
            measured.noise,
            measured.excluded,
            interleave=gate.interleave,
            start=up.start if clustered else None,
            swapped_cpusets=up.swapped_cpusets,
            stall_evidence=measured.labels.evidence if replica == 0 else {},
            replica=replica,
        )
        for replica in range(containers)
    ]


def pair_of_two(index: int, seed: int, first: Arm, measured: Sequence[Measurement]) -> Pair:
    """The pair of two measurements, one arm alone after the other, ``first`` before.

    Raises `InvalidMeasurement` as `check_delivered` and `check_well`.
    """
    one, other = measured
    check_delivered((*one.undelivered, *other.undelivered), ARMS)
    check_well({**one.unwell, **other.unwell})
    baseline, candidate = measured if first == "baseline" else (other, one)
    weighed = [of_arm.labels.weighed for of_arm in (baseline, candidate)]
    return Pair(
        index,
        seed,
        first,
        baseline.runs[0],
        candidate.runs[0],
        mean_noise(one.noise, other.noise),
        one.excluded or other.excluded,
        interleave="block",
        stall_evidence=evidence_of_pair(*weighed) if all(weighed) else {},
    )
