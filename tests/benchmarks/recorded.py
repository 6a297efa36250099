"""Recorded sets of real pairs, kept as test data: tests/data/pairs/<set>.json.xz.

A set is what one machine measured under one scenario: ``same`` (both arms the same image) or
``effect`` (the candidate slower in a known way).  Decision rules are replayed on them.
"""

from __future__ import annotations

import json
import lzma
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np

from socklat_gate.documents.atomic import write_atomic
from socklat_gate.documents.codec import from_body, to_body
from socklat_gate.documents.legacy import facts_of_prose, from_version_1
from socklat_gate.measured.pair import Pair
from socklat_gate.measured.run import Bands, Run, StallCorrected
from socklat_gate.measured.run_values import latency_stage
from socklat_gate.scenario import Gate
from socklat_gate.scenario.default_gate import DEFAULT_GATE
from tests.benchmarks.packed import filled, hollow, packed

__all__ = [
    "DIRECTORY",
    "MAX_SPIKES",
    "STAGES",
    "SUFFIX",
    "Facts",
    "Recorded",
    "load",
    "names",
    "save",
    "slim",
]

DIRECTORY = Path(__file__).resolve().parents[1] / "data" / "pairs"
SUFFIX = ".json.xz"
STAGES = ("response", "service", "recv_wait", "app", "respond", "upload", "depend")
MAX_SPIKES = 50
# Text, decimal digits: the position in a word of four bytes tells nothing, the last bytes much.
XZ = [{"id": lzma.FILTER_LZMA2, "preset": 9 | lzma.PRESET_EXTREME, "lc": 4, "lp": 0, "pb": 0}]


_SERVICE_METRICS = [
    {**vars(metric), "stage": "service" if metric.stage == "response" else metric.stage}
    for metric in DEFAULT_GATE.metrics
]
"""The defaults, for sets that were recorded before there was ``response``."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known about a set besides its pairs.

    ``what`` is a sentence for readers; ``seconds_per_pair`` includes starting and stopping the
    containers.  Of an ``effect``: ``stage`` is the one that must be named ("" when none must) in
    the requests of ``slice``, ``injected`` what was added, as text.  ``gate`` holds the scenario's
    [gate] where it differs from the defaults, as in socklat.toml.
    """

    set: str
    machine: str
    what: str
    kind: Literal["same", "effect"]
    seconds_per_pair: float
    stage: str = ""
    slice: str = "middle"
    injected: str = ""
    gate: dict[str, Any] = field(default_factory=dict)

    def rules(self) -> Gate:
        """The decision's settings for this set."""
        return Gate.model_validate_json(json.dumps(self.gate))


@dataclass(frozen=True, slots=True)
class Recorded:
    """A set: its facts and its pairs in the order in which they were measured."""

    facts: Facts
    pairs: tuple[Pair, ...]


def slim(pair: Pair, stages: Collection[str] = STAGES) -> Pair:
    """The pair with these stages only and at most `MAX_SPIKES` spikes a run: the slowest."""
    return replace(
        pair,
        baseline=_slim_run(pair.baseline, stages),
        candidate=_slim_run(pair.candidate, stages),
    )


def save(path: Path, pairs: Sequence[Pair], facts: Facts) -> int:
    """Write a set, in place of what was there, and return its size in bytes.

    The pairs are written as they are: `slim` them first.
    """
    body = {
        **asdict(facts),
        "pairs": [
            {
                "pair": to_body(
                    replace(pair, baseline=hollow(pair.baseline), candidate=hollow(pair.candidate))
                ),
                "baseline": packed(pair.baseline),
                "candidate": packed(pair.candidate),
            }
            for pair in pairs
        ],
    }
    text = json.dumps(body, separators=(",", ":"), allow_nan=False)
    data = lzma.compress(text.encode("ascii"), filters=XZ)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomic(path, data, overwrite=True)
    return len(data)


def load(name: str | Path) -> Recorded:
    """A set by its name, or from a path.

    Raises `FileNotFoundError` when there is none, and `NoUsableBaseline` naming the field when a
    pair is not what the codec writes.
    """
    path = name if isinstance(name, Path) else DIRECTORY / f"{name}{SUFFIX}"
    body = from_version_1(json.loads(lzma.decompress(path.read_bytes())))
    pairs = []
    for item in body.pop("pairs"):
        pair = from_body(Pair, facts_of_prose(item["pair"]))
        pairs.append(
            replace(
                pair,
                baseline=filled(pair.baseline, item["baseline"]),
                candidate=filled(pair.candidate, item["candidate"]),
            )
        )
    unknown = body.keys() - {f.name for f in fields(Facts)}
    if unknown:
        raise ValueError(f"{path.name} has unknown facts: {', '.join(sorted(unknown))}")
    if (
        latency_stage(run for pair in pairs for run in (pair.baseline, pair.candidate))
        != "response"
    ):
        body["gate"] = {"metrics": _SERVICE_METRICS, **body.get("gate", {})}
    return Recorded(Facts(**body), tuple(pairs))


def names(directory: Path = DIRECTORY) -> list[str]:
    """Names of the recorded sets, sorted."""
    return sorted(path.name.removesuffix(SUFFIX) for path in directory.glob(f"*{SUFFIX}"))


def _slim_run(run: Run, stages: Collection[str]) -> Run:
    slowest = sorted(run.spikes, key=lambda spike: spike.length_ns)[-MAX_SPIKES:]
    return replace(
        run,
        histograms={name: h for name, h in run.histograms.items() if name in stages},
        bands=_slim_bands(run.bands, stages),
        spikes=tuple(sorted(slowest, key=lambda spike: spike.rx_first_ns)),
        corrected=None if run.corrected is None else _slim_corrected(run.corrected, stages),
    )


def _slim_corrected(corrected: StallCorrected, stages: Collection[str]) -> StallCorrected:
    return replace(
        corrected,
        histograms={name: h for name, h in corrected.histograms.items() if name in stages},
        used={name: h for name, h in corrected.used.items() if name in stages},
        bands=_slim_bands(corrected.bands, stages),
    )


def _slim_bands(bands: Bands, stages: Collection[str]) -> Bands:
    kept = [at for at, name in enumerate(bands.stages) if name in stages]
    return Bands(
        tuple(bands.stages[at] for at in kept),
        bands.count,
        np.ascontiguousarray(bands.sums_ns[:, kept]),
    )
