"""What the noise study says: ways to interleave, and the correction while the CPU is taken away.

    python -m tests.benchmarks.noise --directory DIR > docs/noise.md

``DIR`` holds the scenes of `tests.benchmarks.scenes.STUDY` as `record_pairs --study` writes them.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from gate.campaign import Pair, Run
from gate.histogram import Histogram
from gate.verdict.quantiles import value_ns
from tests.benchmarks.markdown import table
from tests.benchmarks.recorded import SUFFIX, Recorded, load, names

Floats = npt.NDArray[np.float64]

QUANTILES = (0.5, 0.9, 0.99)
BOOTSTRAPS = 200


def judged(pair: Pair) -> Floats:
    """Ln ratio of p50, p90, p99 as judged, and of CPU time per request."""
    runs = (pair.baseline, pair.candidate)
    values = [[value_ns(run, "service", q) for q in QUANTILES] for run in runs]
    cpu = [value_ns(run, "cpu", None) for run in runs]
    return np.log([*np.divide(values[1], values[0]), cpu[1] / cpu[0]])


def raw(pair: Pair) -> Floats:
    baseline, candidate = (
        run.histograms["service"].quantiles_ns(QUANTILES) for run in (pair.baseline, pair.candidate)
    )
    return np.asarray(np.log(candidate / baseline))


def sampling_error(pair: Pair, rng: np.random.Generator) -> Floats:
    """SD of a pair's corrected ln ratios by its exchanges alone: bootstrap within each run."""
    drawn = [_bootstrap(run, rng) for run in (pair.baseline, pair.candidate)]
    return np.asarray(np.log(drawn[1] / drawn[0]).std(axis=0, ddof=1))


def _bootstrap(run: Run, rng: np.random.Generator) -> Floats:
    """Quantiles of resampled exchanges, each with its bucket's mean weight."""
    assert run.corrected is not None
    used = run.corrected.used["service"].counts.astype(np.int64)
    weight = run.corrected.histograms["service"].counts / np.maximum(used, 1)
    found = []
    for _ in range(BOOTSTRAPS):
        counts = rng.multinomial(used.sum(), used / used.sum())
        again = Histogram(np.rint(counts * weight).astype(np.uint64))
        found.append(again.quantiles_ns(QUANTILES))
    return np.array(found)


def usable(recorded: Recorded) -> list[Pair]:
    return [pair for pair in recorded.pairs if not pair.set_aside]


def sd(values: Sequence[Floats]) -> Floats:
    return np.asarray(np.std(values, axis=0, ddof=1))


def modes(known: dict[str, Recorded]) -> Iterator[str]:
    rows = []
    for name in ("redis-same", "nginx-same", "api-same"):
        for mode in ("request", "slice", "block"):
            recorded = known.get(f"{mode}.{name}")
            if recorded is None or len(usable(recorded)) < 3:
                continue
            pairs, seconds = usable(recorded), recorded.facts.seconds_per_pair
            spread = sd([judged(pair) for pair in pairs])
            rows.append(
                [
                    name,
                    f"`{mode}`",
                    str(len(pairs)),
                    f"{seconds:.1f}",
                    *(f"{x:.3f}" for x in spread),
                    *(f"{x * np.sqrt(seconds / 60):.3f}" for x in spread),
                ]
            )
    yield table(
        [
            *("service", "mode", "pairs", "s a pair", "SD p50", "SD p90", "SD p99", "SD cpu"),
            *("p50 a minute", "p90", "p99", "cpu"),
        ],
        rows,
    )
    yield ""
    yield "A known effect, `api-p50-5`, in each mode (mean of ln ratio, standard error):"
    yield ""
    rows = []
    for mode in ("request", "slice", "block"):
        recorded = known.get(f"{mode}.api-p50-5")
        if recorded is None or len(usable(recorded)) < 3:
            continue
        d = np.array([judged(pair) for pair in usable(recorded)])
        error = sd(list(d)) / np.sqrt(len(d))
        cells = (f"{m:+.4f} ({e:.4f})" for m, e in zip(d.mean(axis=0), error, strict=True))
        rows.append([f"`{mode}`", str(len(d)), *cells])
    yield table(["mode", "pairs", "p50", "p90", "p99", "cpu"], rows)


def disturbed(known: dict[str, Recorded]) -> Iterator[str]:
    rng = np.random.default_rng(1)
    rows = []
    for percent in (0, 20, 40):
        recorded = known.get(f"hog{percent:02d}.api-same")
        if recorded is None or len(usable(recorded)) < 3:
            continue
        pairs = usable(recorded)
        raws, corrected = sd([raw(p) for p in pairs]), sd([judged(p)[:3] for p in pairs])
        own = np.sqrt(np.mean([sampling_error(p, rng) ** 2 for p in pairs], axis=0))
        length = np.mean([p.baseline.duration_s for p in pairs])
        for at, name in enumerate(("p50", "p90", "p99")):
            rows.append(
                [
                    f"{percent}%" if not at else "",
                    f"{len(pairs)} + {len(recorded.pairs) - len(pairs)}" if not at else "",
                    f"{length:.0f}" if not at else "",
                    name,
                    f"{raws[at]:.3f}",
                    f"{corrected[at]:.3f}",
                    f"{raws[at] / corrected[at]:.1f}",
                    f"{own[at]:.3f}",
                    f"{corrected[at] / own[at]:.1f}",
                ]
            )
    yield table(
        [
            *("CPU taken", "pairs + set aside", "s a run", "quantile", "raw SD", "corrected SD"),
            *("raw / corrected", "own sampling error", "corrected / own"),
        ],
        rows,
    )
    yield ""
    yield "The injected effects, as the calm runs show them and as the disturbed ones do (mean of"
    yield "ln ratio, standard error; the quantile that the effect moves):"
    yield ""
    rows = []
    for name, at in (("api-p50-5", 0), ("api-all-20", 0), ("api-tail-50", 2)):
        for percent in (0, 20, 40):
            recorded = known.get(f"hog{percent:02d}.{name}")
            if recorded is None or len(usable(recorded)) < 3:
                continue
            pairs = usable(recorded)
            cells = []
            for values in ([raw(p) for p in pairs], [judged(p)[:3] for p in pairs]):
                d = np.array(values)[:, at]
                cells.append(f"{d.mean():+.3f} ({d.std(ddof=1) / np.sqrt(d.size):.3f})")
            effect = f"{name}: {('p50', 'p90', 'p99')[at]}" if not percent else ""
            rows.append([effect, f"{percent}%", str(len(pairs)), *cells])
    yield table(["effect", "CPU taken", "pairs", "raw", "corrected"], rows)
    yield ""
    yield "The 800 ms stop every 30 s: what the candidate's spikes show against what was due."
    yield ""
    rows = []
    for percent in (0, 20, 40):
        recorded = known.get(f"hog{percent:02d}.api-stop-30")
        if recorded is None:
            continue
        runs = [pair.candidate for pair in recorded.pairs]
        due = sum(run.duration_s for run in runs) / 30.8
        stops = sum(_stops(run) for run in runs)
        beside = sum(_stops(pair.baseline) for pair in recorded.pairs)
        rows.append([f"{percent}%", str(len(runs)), f"{due:.1f}", str(stops), str(beside)])
    yield table(["CPU taken", "pairs", "stops due", "candidate's", "baseline's"], rows)


def _stops(run: Run) -> int:
    """Events of at least half the stop's length, a second apart."""
    times = sorted(s.rx_first_ns for s in run.spikes if s.stages_ns["service"] >= 400_000_000)
    return sum(not at or times[at] - times[at - 1] > 1e9 for at in range(len(times)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--directory", type=Path, required=True)
    directory = parser.parse_args().directory
    known = {name: load(directory / f"{name}{SUFFIX}") for name in names(directory)}
    if not known:
        sys.exit(f"{directory} holds no recorded sets")
    machine = next(iter(known.values())).facts.machine
    lines = [
        "# Noise: interleaving, and the correction under a disturbed CPU",
        "",
        f"Written by `ci/bench noise` on: {machine}. Service on CPU 0, load on CPU 1.",
        "",
        "## Ways to interleave",
        "",
        "SD of a pair's ln ratio of identical arms (two builds of one source), and the same scaled",
        "to a minute of measuring (SD times the root of minutes a pair).",
        "",
        *modes(known),
        "",
        "## While the CPU is taken away",
        "",
        "A real-time thread takes the services' CPU in bursts of 5 ms on average; the Python",
        "service, identical arms. Own sampling error: bootstrap of the exchanges within each run.",
        "",
        *disturbed(known),
    ]
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
