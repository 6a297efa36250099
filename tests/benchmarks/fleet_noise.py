"""Whether replicas beside the pairs make these noisier: equal arms with 16 + 16 up, and without.

    sudo python -m tests.benchmarks.fleet_noise record [--seconds S] [--replicas N] [SCENE...]
    python -m tests.benchmarks.fleet_noise page

The two take turns, a few pairs each, so that both see the same machine.  What is there already is
kept and added to.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import numpy as np

from socklat_gate.errors import InvalidMeasurement
from socklat_gate.job.rig import Rig
from socklat_gate.job.starting_order import pair_seed
from socklat_gate.measured.pair import ARMS, Pair
from socklat_gate.service.client import connect
from socklat_gate.service.image import local_image
from socklat_gate.service.session import ArmSpec
from socklat_gate.verdict.log_ratios import metric_log_ratios
from tests.benchmarks import shade
from tests.benchmarks.blocks import METRICS, SHOWN
from tests.benchmarks.markdown import table
from tests.benchmarks.record_pairs import machine, say
from tests.benchmarks.scenes import SCENES, Scene, build_images

FILE = Path(__file__).resolve().parents[1] / "data" / "fleet_noise.json"
AT_ONCE = 4
DURATION_S = 4.0
STEPS = 8
"""More than there are steps of growth."""


@dataclass(frozen=True)
class Measured:
    """One pair of equal arms: log ratios ``d`` by metric, its seconds, the share of busy CPUs."""

    scene: str
    replicas: int
    seconds: float
    busy: float
    d: dict[str, float] = field(default_factory=dict)


def measured(scene: Scene, replicas: int, seed: int, until_s: float) -> Iterator[Measured]:
    """Up to `AT_ONCE` pairs with so many replicas of each arm up; 0: none."""
    client = connect()
    images = [local_image(client, tag) for tag in scene.images()]
    specs = [
        ArmSpec(arm, image, scene.command(scene.baseline))
        for arm, image in zip(ARMS, images, strict=True)
    ]
    watch = {"minutes": 1.0 if replicas else 0, **({"replicas": replicas} if replicas else {})}
    load = {**scene.load, "duration_s": DURATION_S}
    scenario = replace(scene, load=load, gate={**scene.gate, "watch": watch}).scenario()
    place = client, scenario, Path.cwd(), lambda phase: None
    until = seed, time.monotonic() + 600
    with Rig(*place, watched=bool(replicas)) as rig, rig.fleet(specs, *until) as fleet:
        for _ in range(STEPS):
            fleet.grow()
        for index in range(AT_ONCE):
            if time.monotonic() > until_s:
                return
            begun_s = time.monotonic()
            try:
                (pair,) = rig.pairs(index, pair_seed(seed, index), specs)
            except InvalidMeasurement as error:
                say(f"{scene.name}: {error.message}")
                continue
            if pair.excluded is None:
                yield measured_of(scene.name, replicas, pair, time.monotonic() - begun_s)


def measured_of(scene: str, replicas: int, pair: Pair, seconds: float) -> Measured:
    ratios = metric_log_ratios([pair], METRICS)
    found = {
        name: round(float(of.log_ratios[0]), 6) for name, of in ratios.items() if of.log_ratios.size
    }
    return Measured(scene, replicas, round(seconds, 2), round(pair.noise.busy, 3), found)


def stored() -> list[Measured]:
    return (
        [Measured(**one) for one in json.loads(FILE.read_text())["pairs"]] if FILE.exists() else []
    )


def page() -> str:
    """SDs about 0, as equal arms have it, and the mean of p50, by scene and number of replicas."""
    rows = []
    pairs = stored()
    for scene, replicas in sorted({(one.scene, one.replicas) for one in pairs}):
        own = [one for one in pairs if (one.scene, one.replicas) == (scene, replicas)]
        cells = [scene, f"{replicas} + {replicas}", str(len(own))]
        cells.append(f"{np.mean([one.busy for one in own]):.0%}")
        cells.append(f"{np.mean([one.seconds for one in own]):.1f} s")
        for name in SHOWN:
            d = np.array([one.d[name] for one in own if name in one.d])
            cells.append(f"{np.sqrt((d**2).mean()):.2%}" if d.size else "-")
        middle = np.array([one.d["response_p50"] for one in own if "response_p50" in one.d])
        error = middle.std(ddof=1) / np.sqrt(middle.size)
        cells.append(f"{middle.mean():+.2%} (standard error {error:.2%})")
        rows.append(cells)
    head = ["service", "replicas", "pairs", "CPUs busy", "a pair", *SHOWN.values(), "mean of p50"]
    return f"""# Pairs beside replicas

Written by `ci/bench fleet` on: {json.loads(FILE.read_text())["machine"]}. Pairs of equal arms, two
builds of one source, a few in turns with and without replicas of both arms that stay up and get
their own requests. Services on one CPU, load on the other. SD of a pair's log ratio about 0.

{table(head, rows)}

The mean of p50 is a difference of the two builds, whose coins were fair: minutes before, other
pairs of the same two had {of_shade():+.2%} ([shade.md](shade.md)). Its cause was not established;
where a build's files lie in memory would be a cause that stays for as long. No number of pairs
takes it out, so a zone of less than about 1% of p50 can tell two builds of one source apart.
"""


def of_shade() -> float:
    """Mean of p50 over the pairs of Redis that were measured without anything beside them."""
    pairs = [one for one in shade.stored() if (one.scene, one.way) == ("redis-same", "after")]
    return float(np.mean([one.d["response_p50"] for one in pairs]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=("record", "page"))
    parser.add_argument("scenes", nargs="*", default=["redis-same"])
    parser.add_argument("--seconds", type=float, default=150.0)
    parser.add_argument("--replicas", type=int, default=16)
    options = parser.parse_args()
    if options.what == "page":
        sys.stdout.write(page())
        return
    pairs = stored()
    until_s = time.monotonic() + options.seconds
    scenes = [scene for scene in SCENES if scene.name in options.scenes]
    build_images(scenes)
    while time.monotonic() < until_s:
        for scene in scenes:
            for replicas in (options.replicas, 0):
                for one in measured(scene, replicas, len(pairs), until_s):
                    pairs.append(one)
                    say(f"{one}")
                    document = {"machine": machine(), "pairs": [asdict(one) for one in pairs]}
                    FILE.write_text(json.dumps(document, indent=0) + "\n")


if __name__ == "__main__":
    main()
