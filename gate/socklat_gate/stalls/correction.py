"""Corrected histograms and bands of both arms, from the log of exchanges and the stalls."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from socklat_gate.measured.histogram import BAND_COUNT, BAND_SUB_BITS, BUCKETS, Histogram, index_of
from socklat_gate.measured.records import EXCHANGE_STAGES, MOSTLY_ZERO, SUMS, Records
from socklat_gate.measured.run import WEIGHT_UNIT, Bands, StallCorrected
from socklat_gate.stalls.shares import scenario_shares
from socklat_gate.stalls.timeline import (
    I64,
    Timeline,
    interference_bursts,
    stolen_time,
)
from socklat_gate.stalls.weights import Floats, correlated_with_requests, exchange_weights

__all__ = ["Named", "StallCorrection", "correct_stalls", "raw_stages", "used_cpus"]

USES = 0.01
"""A service uses the CPUs that responded to at least this share of its exchanges."""


@dataclass(frozen=True, slots=True, eq=False)
class Named:
    """Which request each exchange was: by arm ``kinds``, an index of ``shares`` each, or -1.

    ``shares`` of the scenario's requests sum to 1.
    """

    kinds: Sequence[I64]
    shares: Floats


@dataclass(frozen=True, slots=True)
class StallCorrection:
    """``corrected`` by arm, and shares of the time of the CPUs that the services use.

    ``stalled`` was taken by the hypervisor, ``interference`` used by other processes in bursts;
    ``ignored``: the latter are correlated with requests, so that they were not corrected for.
    ``calm`` arrivals of each arm met no stall; ``kept`` exchanges of arm ``baseline`` are used, and
    stand for ``stands_for``.  ``named`` has the exchanges of each request alone, by arm and kind.
    """

    corrected: tuple[StallCorrected, ...]
    stalled: float
    interference: float
    ignored: bool
    calm: tuple[int, ...]
    kept: int
    stands_for: float
    baseline: int
    named: tuple[tuple[StallCorrected, ...], ...] = ()

    def measured(self, arm: int, stage: str) -> float:
        """How many exchanges of the arm have the stage, if as many as the baseline's have it."""
        return self.corrected[arm].logged * self._used(stage) / max(1, self.kept)

    def undisturbed(self, arm: int, stage: str) -> float:
        """And how many would be used, had the arm the latencies of the baseline.

        Calm arrivals times the share that stays undisturbed for so long: no latency of the
        candidate has a part in it, so that what is excluded by it does not depend on any.
        """
        return self.calm[arm] * self._used(stage) / max(1.0, self.stands_for)

    def _used(self, stage: str) -> int:
        used = self.corrected[self.baseline].used
        return used[stage].total if stage in used else 0


def correct_stalls(
    arms: Sequence[Records],
    stalls: Records,
    from_ns: int,
    to_ns: int,
    stages: Sequence[str],
    baseline: int = 0,
    named: Named | None = None,
    cpus: Sequence[int] | None = None,
    owners: Sequence[object] = (),
) -> StallCorrection:
    """What each arm's distributions would be without stalls; ``arms`` hold `EXCHANGE` records.

    Exchanges and stalls are those of [from, to) of CLOCK_MONOTONIC; ``stages`` are the measured
    ones, others are left out.  All arms are weighed together, so that an error of G is the same
    for all of them and cancels in their ratio.  ``baseline`` is the place of that arm.  With
    ``named`` requests each of them counts with those same weights, and the whole has each with its
    share of the scenario (`stalls.shares`).  ``cpus`` are those that the services use (None: those
    of the exchanges).

    In a block of containers ``arms`` are these, and ``owners`` says whose each is (default: each an
    arm of its own): whether bursts follow requests is asked of an arm's containers together.
    """
    both = np.concatenate(arms)
    arrival_ns = both["rx_first_ns"].astype(np.int64)
    cpus = used_cpus(both["cpu"]) if cpus is None else cpus
    taken, bursts = stolen_time(stalls, cpus), interference_bursts(stalls, cpus)
    cut = [_between(timeline, from_ns, to_ns) for timeline in (taken, bursts)]
    ignored = False
    used = taken
    if len(bursts):
        if any(
            correlated_with_requests(arm["rx_first_ns"].astype(np.int64), bursts, from_ns, to_ns)
            for arm in _by_owner(arms, owners or range(len(arms)))
        ):
            ignored = True
        else:
            used = _union(taken, bursts)
    weighted = exchange_weights(arrival_ns, _stage(both, "response"), used)
    ends = np.cumsum([arm.size for arm in arms])[:-1]
    weights = np.split(weighted.weight, ends)
    known = [stage for stage in EXCHANGE_STAGES if stage in stages]
    whole = scenario_shares(named.kinds, weights, named.shares) if named else weights
    corrected = tuple(
        _correct(records, weight, used, known) for records, weight in zip(arms, whole, strict=True)
    )
    time_ns = max(1, (to_ns - from_ns) * max(1, len(cpus)))
    weight = weights[baseline]
    return StallCorrection(
        corrected=corrected,
        stalled=cut[0].total_ns / time_ns,
        interference=cut[1].total_ns / time_ns,
        ignored=ignored,
        calm=tuple(int(calm.sum()) for calm in np.split(weighted.calm, ends)),
        kept=int(np.count_nonzero(weight)),
        stands_for=float(weight.sum()),
        baseline=baseline,
        named=_by_kind(arms, weights, used, known, named) if named else (),
    )


def raw_stages(records: Records, stages: Sequence[str]) -> tuple[Mapping[str, Histogram], Bands]:
    """Histograms and bands of `EXCHANGE` records as they are; ``stages`` are the measured ones."""
    known = [stage for stage in EXCHANGE_STAGES if stage in stages]
    each = np.full(records.size, 1.0 / WEIGHT_UNIT)
    as_it_is = _correct(records, each, Timeline.of((), ()), known)
    return as_it_is.used, as_it_is.bands


def _by_owner(arms: Sequence[Records], owners: Sequence[object]) -> list[Records]:
    """The records of each owner together, in the order of their appearance."""
    return [
        np.concatenate([one for one, its in zip(arms, owners, strict=True) if its == owner])
        for owner in dict.fromkeys(owners)
    ]


def _by_kind(
    arms: Sequence[Records],
    weights: Sequence[Floats],
    stalls: Timeline,
    stages: Sequence[str],
    named: Named,
) -> tuple[tuple[StallCorrected, ...], ...]:
    """The exchanges of each kind alone, by arm."""
    return tuple(
        tuple(
            _correct(records[kinds == kind], weight[kinds == kind], stalls, stages)
            for kind in range(named.shares.size)
        )
        for records, weight, kinds in zip(arms, weights, named.kinds, strict=True)
    )


def _correct(
    records: Records, weight: Floats, stalls: Timeline, stages: Sequence[str]
) -> StallCorrected:
    kept = weight > 0
    chosen = records[kept]
    units = np.rint(WEIGHT_UNIT * weight[kept]).astype(np.int64)
    values = _without_stolen(chosen, stalls, stages)
    histograms, used = {}, {}
    band = index_of(values["response"], BAND_SUB_BITS)
    sums_ns = np.zeros((BAND_COUNT, len(stages)), dtype=np.uint64)
    for column, stage in enumerate(stages):
        # Zeros are not measured one by one: see probe/tables.py.
        of = "response" if stage in MOSTLY_ZERO else stage
        measured = chosen["measured"] >> EXCHANGE_STAGES.index(of) & 1 == 1
        bucket = index_of(values[stage][measured])
        histograms[stage] = _histogram(bucket, units[measured])
        used[stage] = _histogram(bucket, np.ones(bucket.size, np.int64))
        total = np.bincount(
            band[measured], weights=values[stage][measured] * units[measured], minlength=BAND_COUNT
        )
        sums_ns[:, column] = np.rint(total).astype(np.uint64)
    count = np.bincount(band, weights=units, minlength=BAND_COUNT)
    bands = Bands(tuple(stages), np.rint(count).astype(np.uint64), sums_ns)
    return StallCorrected(histograms, bands, used, int(records.size))


def _without_stolen(records: Records, stalls: Timeline, stages: Sequence[str]) -> dict[str, I64]:
    """Stage values; the stolen time of what lies beyond the horizon is taken off."""
    values = {stage: _stage(records, stage) for stage in {*SUMS, *SUMS["response"], *stages}}
    if not len(stalls):
        return values
    from_ns = records["rx_first_ns"].astype(np.int64)
    for part in SUMS["response"]:  # one after the other
        to_ns = from_ns + values[part]
        values[part] = values[part] - stalls.inside_ns(from_ns, to_ns)
        from_ns = to_ns
    for whole, parts in SUMS.items():
        values[whole] = np.sum([values[part] for part in parts], axis=0)
    return values


def _histogram(bucket: I64, units: I64) -> Histogram:
    counts = np.bincount(bucket, weights=units, minlength=BUCKETS)
    return Histogram(np.rint(counts).astype(np.uint64))


def _stage(records: Records, stage: str) -> I64:
    return np.asarray(records["ns"][:, EXCHANGE_STAGES.index(stage)].astype(np.int64))


def used_cpus(cpu: npt.NDArray[np.uint8]) -> list[int]:
    """Those that responded to at least the share `USES` of the exchanges."""
    counts = np.bincount(cpu, minlength=1)
    return [int(number) for number in np.flatnonzero(counts > USES * cpu.size)]


def _union(first: Timeline, second: Timeline) -> Timeline:
    return Timeline.of(
        np.concatenate((first.from_ns, second.from_ns)), np.concatenate((first.to_ns, second.to_ns))
    )


def _between(timeline: Timeline, from_ns: int, to_ns: int) -> Timeline:
    begins, ends = (
        np.clip(timeline.from_ns, from_ns, to_ns),
        np.clip(timeline.to_ns, from_ns, to_ns),
    )
    return Timeline(begins, ends)
