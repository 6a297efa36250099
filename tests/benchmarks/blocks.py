"""Measures blocks of k + k equal containers, k = 1, 2 and 4 in turn, and prints their noise.

    sudo python -m tests.benchmarks.blocks record [--blocks N] [--seconds S] [SCENE...]
    python -m tests.benchmarks.blocks page

What is there already is kept and added to, so it can be ended and started again.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import numpy as np

from socklat_gate.errors import InvalidMeasurement
from socklat_gate.job.containers_job import with_containers
from socklat_gate.job.rig import Rig
from socklat_gate.job.starting_order import pair_seed
from socklat_gate.measured.pair import ARMS, Pair
from socklat_gate.scenario import Metric
from socklat_gate.service.client import connect
from socklat_gate.service.image import local_image
from socklat_gate.service.session import ArmSpec
from socklat_gate.verdict.clusters import cluster_ids
from socklat_gate.verdict.log_ratios import metric_log_ratios
from socklat_gate.verdict.units import units_of
from socklat_gate.wording.notes import note_text
from socklat_gate.wording.progress_lines import CONNECTING, REMOVING, STARTING
from tests.benchmarks import block_jobs
from tests.benchmarks.markdown import table
from tests.benchmarks.record_pairs import machine, say
from tests.benchmarks.scenes import SCENES, SHORT_GATE, Scene, build_images
from tests.benchmarks.slow_starts import JOBS, slow_starts_table

FILE = Path(__file__).resolve().parents[1] / "data" / "blocks.json"
SIZES = (1, 2, 4)
AT_ONCE = 3
"""Blocks of a size before the next one has its turn: all of them see the same machine."""

DURATION_S = {"redis-same": 2.0, "nginx-same": 2.0, "api-same": 5.0}
"""Enough for p90 with some to spare."""

FEWEST = 3
"""Blocks without which a spread is not shown."""

METRICS = (
    *(Metric(quantile=q, tolerance=0.1, regression_threshold=0.2) for q in (0.5, 0.9, 0.95, 0.99)),
    Metric(stage="cpu", tolerance=0.1, regression_threshold=0.2),
)
SHOWN = {"response_p50": "p50", "response_p90": "p90", "response_p95": "p95", "response_p99": "p99"}


@dataclass(frozen=True)
class Block:
    """One block: log ratios ``d`` by metric, SDs ``within`` an arm's containers, seconds.

    ``seconds`` are all that it took, of which ``start_s`` until its containers were ready and
    ``stop_s`` to remove them.
    """

    scene: str
    containers: int
    seconds: float
    start_s: float
    stop_s: float
    steal: float
    excluded: bool
    d: dict[str, float] = field(default_factory=dict)
    within: dict[str, float] = field(default_factory=dict)


class Clock:
    """When the rig began each of its phases."""

    def __init__(self) -> None:
        self.began_s: dict[str, float] = {}

    def __call__(self, phase: str) -> None:
        self.began_s[phase] = time.monotonic()


def stored() -> list[Block]:
    return [Block(**one) for one in json.loads(FILE.read_text())["blocks"]] if FILE.exists() else []


def save(blocks: Sequence[Block]) -> None:
    before = json.loads(FILE.read_text()) if FILE.exists() else {}
    document = {**before, "machine": machine(), "blocks": [asdict(one) for one in blocks]}
    FILE.write_text(json.dumps(document, indent=0) + "\n")


def measure(scene: Scene, size: int, blocks: list[Block], wanted: int, until_s: float) -> None:
    """Adds up to `AT_ONCE` blocks."""
    client = connect()
    images = [local_image(client, tag) for tag in scene.images()]
    specs = [
        ArmSpec(arm, image, scene.command(scene.baseline))
        for arm, image in zip(ARMS, images, strict=True)
    ]
    load = {**scene.load, "duration_s": DURATION_S[scene.name]}
    scenario = with_containers(replace(scene, load=load, gate=SHORT_GATE).scenario(), size)
    clock = Clock()
    with Rig(client, scenario, Path.cwd(), clock) as rig:
        for _ in range(AT_ONCE):
            held = sum(one.scene == scene.name and one.containers == size for one in blocks)
            if held >= wanted or time.monotonic() > until_s:
                return
            began_s = time.monotonic()
            try:
                pairs = rig.pairs(0, pair_seed(20261129, len(blocks)), specs)
            except InvalidMeasurement as error:
                say(f"{scene.name} k={size}: {error.message}")
                continue
            blocks.append(block_of(scene.name, pairs, clock.began_s, began_s))
            if pairs[0].excluded is not None:
                say(note_text(pairs[0].excluded))
            save(blocks)
            say(f"{blocks[-1]}")


def block_of(name: str, pairs: list[Pair], phases: dict[str, float], began_s: float) -> Block:
    ended_s = time.monotonic()
    found = Block(
        name,
        len(pairs),
        seconds=round(ended_s - began_s, 3),
        start_s=round(phases[CONNECTING] - phases[STARTING], 3),
        stop_s=round(ended_s - phases[REMOVING], 3),
        steal=round(pairs[0].noise.steal, 4),
        excluded=pairs[0].excluded is not None,
    )
    if found.excluded:
        return found
    for name_, ratios in metric_log_ratios(pairs, METRICS).items():
        units = units_of(ratios, cluster_ids(pairs))
        if not units.complete.all():
            continue
        found.d[name_] = round(float(units.d[0]), 6)
        if len(pairs) > 1:
            within = np.sqrt(units.of[0].var(axis=1, ddof=1).mean())
            found.within[name_] = round(float(within), 6)
    return found


def sd_of(blocks: Sequence[Block], metric: str) -> tuple[float, float, float]:
    """SD about 0, as equal arms have it, and its 95% interval (chi-square)."""
    from scipy.stats import chi2  # noqa: PLC0415 - of the page alone

    d = np.array([one.d[metric] for one in blocks if metric in one.d])
    total = float((d**2).sum())
    low, high = (total / chi2.ppf(p, d.size) for p in (0.975, 0.025))
    return float(np.sqrt(total / d.size)), float(np.sqrt(low)), float(np.sqrt(high))


def _is_of(block: Block, scene: str, size: int) -> bool:
    return (block.scene, block.containers) == (scene, size)


def page() -> str:
    """Tables of noise and time by service and k."""
    document = json.loads(FILE.read_text())
    every = stored()
    blocks = [one for one in every if not one.excluded]
    noise, times = [], []
    ratios: dict[int, list[float]] = {size: [] for size in SIZES}
    for scene in DURATION_S:
        alone = [one for one in blocks if _is_of(one, scene, 1)]
        if not alone:
            continue
        alone_s = float(np.median([one.seconds for one in alone]))
        for size in SIZES:
            own = [one for one in blocks if _is_of(one, scene, size)]
            if not own:
                continue
            seconds = float(np.median([one.seconds for one in own]))
            times.append(
                [
                    scene,
                    f"{size} + {size}",
                    str(len(own)),
                    str(
                        sum((one.scene, one.containers) == (scene, size) for one in every)
                        - len(own)
                    ),
                    f"{seconds:.1f}",
                    f"{np.median([one.start_s for one in own]):.2f}",
                    f"{np.median([one.stop_s for one in own]):.2f}",
                ]
            )
            for metric in (*SHOWN, "cpu_per_request"):
                if min(sum(metric in one.d for one in group) for group in (own, alone)) < FEWEST:
                    continue
                sd, low, high = sd_of(own, metric)
                per_time = sd * np.sqrt(seconds) / (sd_of(alone, metric)[0] * np.sqrt(alone_s))
                ratios[size].append(per_time)
                within = [one.within[metric] for one in own if metric in one.within]
                noise.append(
                    [
                        scene,
                        SHOWN.get(metric, "CPU time"),
                        f"{size} + {size}",
                        f"{sd:.3f} [{low:.3f}, {high:.3f}]",
                        f"{np.median([abs(one.d[metric]) for one in own if metric in one.d]):.3f}",
                        f"{per_time:.2f}",
                        f"{np.median(within):.3f}" if within else "-",
                    ]
                )
    medians = [f"{np.median(ratios[size]):.2f} of {size} + {size}" for size in SIZES[1:]]
    noise_head = ["service", "metric", "block", "SD of d [95%]", "median \\|d\\|", "per time"]
    noise_head += ["within an arm"]
    times_head = ["service", "block", "blocks", "excluded", "seconds", "start", "remove"]
    beside = f" Measured beside {document['beside']}." if "beside" in document else ""
    return f"""# Blocks of k + k containers: noise and time

Written by `ci/bench blocks` on: {document["machine"]}. Blocks of equal containers (two builds of
one source), k = 1, 2 and 4 in turn, three at a time; each container gets 1/k of its arm's load.
Services on one CPU, load on the other.{beside}

{table(noise_head, noise)}

`d` is the log ratio of a block: the candidate's mean log quantile less the baseline's, of all its
containers. *Per time*: the SD times the root of a block's seconds, beside that of 1 + 1; above 1 a
minute of such blocks tells less; its median over the metrics is {" and ".join(medians)}. What is
not shown to be below 1 is no reason to start more containers than a service needs. They also get
1/k of the load each, so that a service that warms up by requests is measured colder. So
`gate.containers` is 1 by default, and a scenario that `init` writes has "auto": blocks are for
gross changes, slow starts and long warm-ups.
*Within an arm*: SD of one container's log quantile about its arm's mean, median over the blocks.

{table(times_head, times)}

A block of 1 + 1 carries at most 1 bit of evidence, one of 2 + 2 log2 6 = 2.6 bits, one of 4 + 4
log2 70 = 6.1 bits: what is far larger than the noise fails after 10, 4 and 2 of them.

{_jobs()}## Candidates that are slow in some of their starts

Simulated jobs ({JOBS} each, seeded): a candidate is slower by half in a share of its starts. A pass
by blocks rests on 16 starts of the candidate and on the evidence of all blocks together.

{slow_starts_table()}
"""


def _jobs() -> str:
    """Those that `tests.benchmarks.block_jobs` has measured."""
    if not block_jobs.FILE.exists():
        return ""
    return f"""## Whole jobs

Of the Python service, runs of {block_jobs.DURATION_S:g} s, medians; measured by
`python -m tests.benchmarks.block_jobs`.

{block_jobs.jobs_table()}

"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=("record", "page"))
    parser.add_argument("scenes", nargs="*", metavar="SCENE", help="all of them without one")
    parser.add_argument("--blocks", type=int, default=15, help="of each service and k")
    parser.add_argument("--seconds", type=float, default=3600, help="begin no block after these")
    options = parser.parse_args()
    if options.what == "page":
        sys.stdout.write(page())
        return
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    until_s = time.monotonic() + options.seconds
    chosen = [s for s in SCENES if s.name in (options.scenes or DURATION_S)]
    blocks = stored()
    if not blocks:
        build_images(chosen)
    while time.monotonic() < until_s:
        before = len(blocks)
        # The fewest first, so that an end at any time leaves all with about as many.
        turns = [(scene, size) for scene in chosen for size in SIZES]
        turns.sort(
            key=lambda turn: sum((b.scene, b.containers) == (turn[0].name, turn[1]) for b in blocks)
        )
        for scene, size in turns:
            if time.monotonic() < until_s:
                measure(scene, size, blocks, options.blocks, until_s)
        if len(blocks) == before:
            return


if __name__ == "__main__":
    main()
