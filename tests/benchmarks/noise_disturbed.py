"""The noise study's second part: the correction while a real-time thread takes the CPU."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from socklat_gate.measured.pair import Pair
from socklat_gate.measured.run import Run
from tests.benchmarks.markdown import table
from tests.benchmarks.noise_pairs import QUANTILES, judged, raw, sampling_error, sd, usable
from tests.benchmarks.recorded import Recorded

__all__ = ["disturbed"]

SHARES = (0, 20, 40)
"""Of the CPU taken, in percent: the scenes `hogPERCENT.NAME`."""


EFFECTS = (("api-p50-5", 0), ("api-all-20", 0), ("api-tail-50", 2))
"""Scene and the quantile, by its place in `QUANTILES`, that its effect moves."""

STOP_EVERY_S = 30.8
"""The scene `api-stop-30`, the 800 ms of the pause included."""
FEWEST = 3


def disturbed(known: Mapping[str, Recorded]) -> Iterator[str]:
    """Lines of markdown."""
    yield from _spreads(known)
    yield ""
    yield "The injected effects (mean of the ln ratio, its standard error; of the quantile that the"
    yield "effect moves), and the corrected one's share of what calm runs show:"
    yield ""
    yield from _effects(known)
    yield ""
    yield "The 800 ms pause every 30 s: what the candidate's spikes show against what was due."
    yield ""
    yield from _stops_seen(known)


def _spreads(known: Mapping[str, Recorded]) -> Iterator[str]:
    rng = np.random.default_rng(1)
    rows = []
    for percent in SHARES:
        pairs = _pairs(known, percent, "api-same")
        if not pairs:
            continue
        aside = len(known[f"hog{percent:02d}.api-same"].pairs) - len(pairs)
        raws, corrected = sd([raw(p) for p in pairs]), sd([judged(p)[:3] for p in pairs])
        own = np.sqrt(np.mean([sampling_error(p, rng) ** 2 for p in pairs], axis=0))
        length_s = np.mean([p.baseline.duration_s for p in pairs])
        ignored = sum(bool(pair.noise.interference_ignored) for pair in pairs)
        taken = np.mean([(p.noise.stalled or 0.0) + (p.noise.interference or 0.0) for p in pairs])
        for at, quantile in enumerate(QUANTILES):
            first = [f"{percent}%", f"{taken:.0%}", f"{len(pairs)} + {aside}", str(ignored)]
            first.append(f"{length_s:.0f}")
            rows.append(
                [
                    *(first if not at else [""] * len(first)),
                    f"p{100 * quantile:.0f}",
                    f"{raws[at]:.3f}",
                    f"{corrected[at]:.3f}",
                    f"{raws[at] / corrected[at]:.1f}",
                    f"{own[at]:.3f}",
                    f"{corrected[at] / own[at]:.1f}",
                ]
            )
    yield table(
        [
            *("CPU taken", "of which seen", "pairs + excluded", "bursts not used", "s a run"),
            *("quantile", "raw SD"),
            *("corrected SD", "raw / corrected", "own sampling error", "corrected / own"),
        ],
        rows,
    )


def _effects(known: Mapping[str, Recorded]) -> Iterator[str]:
    rows = []
    for name, at in EFFECTS:
        calm = np.nan
        for percent in SHARES:
            pairs = _pairs(known, percent, name)
            if not pairs:
                if (scene := known.get(f"hog{percent:02d}.{name}")) is not None:
                    aside = sum(bool(pair.excluded) for pair in scene.pairs)
                    rows.append(["", f"{percent}%", f"{aside} excluded", "-", "-", "-"])
                continue
            cells = []
            for values in ([raw(p) for p in pairs], [judged(p)[:3] for p in pairs]):
                d = np.array(values)[:, at]
                cells.append(f"{d.mean():+.3f} ({d.std(ddof=1) / np.sqrt(d.size):.3f})")
            calm = d.mean() if percent == 0 else calm
            effect = f"{name}: p{100 * QUANTILES[at]:.0f}" if not percent else ""
            share = f"{d.mean() / calm:.0%}"
            rows.append([effect, f"{percent}%", str(len(pairs)), *cells, share])
    yield table(["effect", "CPU taken", "pairs", "raw", "corrected", "of the calm size"], rows)


def _stops_seen(known: Mapping[str, Recorded]) -> Iterator[str]:
    rows = []
    for percent in SHARES:
        recorded = known.get(f"hog{percent:02d}.api-stop-30")
        if recorded is None:
            continue
        runs = [pair.candidate for pair in recorded.pairs]
        due = sum(run.duration_s for run in runs) / STOP_EVERY_S
        stops = sum(_stops(run) for run in runs)
        beside = sum(_stops(pair.baseline) for pair in recorded.pairs)
        rows.append([f"{percent}%", str(len(runs)), f"{due:.1f}", str(stops), str(beside)])
    yield table(["CPU taken", "pairs", "pauses due", "candidate's", "baseline's"], rows)


def _pairs(known: Mapping[str, Recorded], percent: int, name: str) -> list[Pair]:
    recorded = known.get(f"hog{percent:02d}.{name}")
    pairs = [] if recorded is None else usable(recorded)
    return pairs if len(pairs) >= FEWEST else []


def _stops(run: Run) -> int:
    """Events of at least half the pause's length, a second apart."""
    times = sorted(s.rx_first_ns for s in run.spikes if s.length_ns >= 400_000_000)
    return sum(not at or times[at] - times[at - 1] > 1e9 for at in range(len(times)))
