"""Ways to take stalls out of a latency distribution, compared where the answer is known.

    python -m tests.benchmarks.corrections > docs/lab/corrections.md

Two sources.  A simulated queue whose CPU is taken away, which also runs without stalls, so that
every method can be held against the truth.  And tests/data/stall-study.npz: 60 real pairs of
containers recorded under 0-36% steal, where only the injected effect is known.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from socklat_gate.stalls.timeline import Timeline
from socklat_gate.stalls.weights import exchange_weights, recovery_periods
from tests.benchmarks.markdown import table
from tests.unit.stalls.simulated import MS, fifo, steal

STUDY = Path(__file__).resolve().parents[1] / "data" / "stall-study.npz"
QUANTILES = (0.5, 0.9, 0.99)
PAIRS = 60
PAIR_S = 8
RATE = 2000.0  # both arms together
SLOWER = 1.1
CASES = ((0.05, 1), (0.2, 3), (0.2, 20), (0.4, 5))
"""Share of the time stolen, and mean length of a stall in ms."""
BINS = ((0.0, 0.05), (0.05, 0.2), (0.2, 0.4))

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Sample:
    """Exchanges of both arms by arrival; ``candidate`` says whose."""

    arrival_ns: Ints
    latency_ns: Ints
    candidate: npt.NDArray[np.bool_]
    stalls: Timeline


Method = Callable[[Sample], tuple[Floats, Floats]]
"""Latencies and weights of the exchanges."""


def everything(sample: Sample) -> tuple[Floats, Floats]:
    return sample.latency_ns.astype(float), np.ones(sample.latency_ns.size)


def subtracted(sample: Sample) -> tuple[Floats, Floats]:
    ends_ns = sample.arrival_ns + sample.latency_ns
    stolen_ns = sample.stalls.inside_ns(sample.arrival_ns, ends_ns)
    return (sample.latency_ns - stolen_ns).astype(float), np.ones(sample.latency_ns.size)


def no_overlap(sample: Sample) -> tuple[Floats, Floats]:
    ends_ns = sample.arrival_ns + sample.latency_ns
    clear = sample.stalls.inside_ns(sample.arrival_ns, ends_ns) == 0
    return sample.latency_ns.astype(float), clear.astype(float)


def window(before_ms: float, after_ms: float) -> Method:
    """No stall in a fixed window around the arrival."""

    def method(sample: Sample) -> tuple[Floats, Floats]:
        stalls = sample.stalls
        after = np.full(len(stalls), round(before_ms * MS))
        clear = ~stalls.extend(after).contains(sample.arrival_ns)
        clear &= stalls.until_next_ns(sample.arrival_ns) >= round(after_ms * MS)
        return sample.latency_ns.astype(float), clear.astype(float)

    return method


def weighted(sample: Sample) -> tuple[Floats, Floats]:
    found = exchange_weights(sample.arrival_ns, sample.latency_ns, sample.stalls)
    return (sample.latency_ns - found.stolen_ns).astype(float), found.weight


def settled_only(sample: Sample) -> tuple[Floats, Floats]:
    """Finished before the next stall, arrived after the last one's backlog, but not weighted."""
    clear = ~recovery_periods(sample.stalls).contains(sample.arrival_ns)
    clear &= sample.stalls.until_next_ns(sample.arrival_ns) > sample.latency_ns
    return sample.latency_ns.astype(float), clear.astype(float)


METHODS: dict[str, Method] = {
    "all exchanges": everything,
    "stolen time subtracted": subtracted,
    "none that overlaps a stall": no_overlap,
    "window -5..+5 ms": window(5, 5),
    "window -20..+20 ms": window(20, 20),
    "after the backlog, unweighted": settled_only,
    "**weighted (used)**": weighted,
}


def quantiles(values: Floats, weight: Floats) -> Floats:
    """Weights quantiles; NaN without weight."""
    used = weight > 0
    if not used.any():
        return np.full(len(QUANTILES), np.nan)
    order = np.argsort(values[used])
    share = np.cumsum(weight[used][order])
    at = np.searchsorted(share / share[-1], QUANTILES)
    return np.asarray(values[used][order][np.minimum(at, order.size - 1)])


def log_ratios(sample: Sample, method: Method) -> tuple[Floats, Floats, float]:
    """Ln candidate / baseline and ln baseline by quantile, and the share of exchanges used."""
    values, weight = method(sample)
    arms = [
        quantiles(values[chosen], weight[chosen])
        for chosen in (~sample.candidate, sample.candidate)
    ]
    baseline, candidate = np.log(arms)
    return candidate - baseline, baseline, float((weight > 0).mean())


def simulated(share: float, mean_ms: float, seed: int) -> tuple[Sample, Sample]:
    """A pair with stalls, and the same one without."""
    rng = np.random.default_rng([seed, round(1000 * share), round(mean_ms)])
    until_ns = PAIR_S * 1000 * MS
    arrival_ns = np.sort(rng.integers(0, until_ns, rng.poisson(RATE * PAIR_S)))
    candidate = rng.random(arrival_ns.size) < 0.5
    tail = np.where(rng.random(arrival_ns.size) < 0.02, 4.0, 1.0)
    work = 150e3 * rng.lognormal(0, 0.2, arrival_ns.size) * tail
    work_ns = (work * np.where(candidate, SLOWER, 1.0)).astype(np.int64)
    begins, ends = steal(rng, share, mean_ms * MS, until_ns)
    none = begins[:0]
    return (
        Sample(
            arrival_ns,
            fifo(arrival_ns, work_ns, begins, ends),
            candidate,
            Timeline.of(begins, ends),
        ),
        Sample(arrival_ns, fifo(arrival_ns, work_ns, none, none), candidate, Timeline.of([], [])),
    )


def simulation() -> str:
    """Bias against the truth of the same pair, and the SD of what a pair says."""
    parts = []
    for share, mean_ms in CASES:
        pairs = [simulated(share, mean_ms, seed) for seed in range(PAIRS)]
        true = np.array([log_ratios(calm, everything)[0] for _, calm in pairs])
        true_baseline = np.array([log_ratios(calm, everything)[1] for _, calm in pairs])
        rows = [["the same pairs without stalls", "100%", *_columns(true, true, true_baseline, 0)]]
        for name, method in METHODS.items():
            found = [log_ratios(sample, method) for sample, _ in pairs]
            d, baseline = np.array([f[0] for f in found]), np.array([f[1] for f in found])
            used = np.mean([f[2] for f in found])
            off = np.expm1(np.nanmean(baseline - true_baseline, axis=0))
            rows.append([name, f"{used:.0%}", *_columns(d, true, baseline, off)])
        head = ["exchanges used", "kept"]
        for name in ("p50", "p90", "p99"):
            head += [f"{name} off by", f"{name} change", "SD"]
        parts.append(
            f"### {share:.0%} of the time stolen, {mean_ms} ms at a time\n\n" + table(head, rows)
        )
    return "\n\n".join(parts)


def _columns(d: Floats, true: Floats, baseline: Floats, off: Any) -> list[str]:
    mean, sd = np.nanmean(d, axis=0), np.nanstd(d, axis=0, ddof=1)
    offs = np.broadcast_to(off, mean.shape)
    return [
        text
        for at in range(len(QUANTILES))
        for text in (f"{offs[at]:+.1%}", f"{mean[at]:+.3f}", f"{sd[at]:.3f}")
    ]


def recorded(study: Any, name: str, pair: int) -> tuple[Sample, float]:
    """A pair of the study, and the hypervisor's steal during it."""
    exchanges, stalls = study[f"{name}/{pair:02d}/exchanges"], study[f"{name}/{pair:02d}/stalls"]
    from_ns = stalls["start_us"].astype(np.int64) * 1000
    arrival_ns = exchanges["arrival_us"].astype(np.int64) * 1000
    order = np.argsort(arrival_ns, kind="stable")
    sample = Sample(
        arrival_ns[order],
        exchanges["service_ns"].astype(np.int64)[order],
        (exchanges["arm"] == 1)[order],
        Timeline.of(from_ns, from_ns + stalls["length_us"].astype(np.int64) * 1000),
    )
    return sample, float(study[f"{name}/{pair:02d}/steal"])


def recordings() -> str:
    """SD of ln ratio over real pairs by the steal they met; what it should be in the head."""
    study = np.load(STUDY)
    parts = []
    for name, effect in (
        ("aa", "identical arms: 0 everywhere"),
        ("shift", "5% more work in every request: p50 about +0.03"),
        ("tail", "the slow 2% do 50% more: p99 about +0.09"),
    ):
        rows = []
        known = [recorded(study, name, pair) for pair in range(20)]
        for low, high in BINS:
            chosen = [sample for sample, stolen in known if low <= stolen < high]
            for method_name, method in METHODS.items():
                found = [log_ratios(sample, method) for sample in chosen]
                d = np.array([f[0] for f in found])
                cells = [
                    f"{np.nanmedian(d[:, at]):+.3f} ({np.nanstd(d[:, at], ddof=1):.3f})"
                    for at in range(len(QUANTILES))
                ]
                used = np.mean([f[2] for f in found])
                label = f"{low:.0%}-{high:.0%} ({len(chosen)})"
                rows.append([label, method_name, f"{used:.0%}", *cells])
        head = ["steal (pairs)", "exchanges used", "kept", "p50 (SD)", "p90 (SD)", "p99 (SD)"]
        parts.append(f"### {name}: {effect}\n\n" + table(head, rows))
    return "\n\n".join(parts)


def main(arguments: Sequence[str]) -> None:
    assert not arguments, "it takes no arguments"
    sys.stdout.write(
        f"""# Taking stalls out: ways compared

Written by `ci/bench corrections`; seeded. What is used is described in
[method.md](../explanation/method.md#stalls).

## A simulated queue

{PAIRS} pairs of {PAIR_S} s a row, {RATE:.0f} requests a second over both arms, one CPU, FIFO;
log-normal work around 0.17 ms, 2% of the requests four times as much; the candidate does
{SLOWER - 1:.0%} more in every request. "off by" is the baseline arm's quantile against the same
pairs without stalls, "change" the mean of ln candidate / baseline, "SD" that of a pair.

{simulation()}

## Real pairs

tests/data/stall-study.npz: 8-s pairs of two containers, 800 requests/s, recorded before the project
began, with stalls known from ticks of 2 kHz (gaps below 0.75 ms were not seen, so no method takes
them out). Medians over pairs, SD in brackets; about 3,200 exchanges an arm, so p99 rests on 32 of
them and less where few are kept.

{recordings()}
"""
    )


if __name__ == "__main__":
    main(sys.argv[1:])
