"""What starting the next pair's containers while this one is measured adds to the noise.

    sudo python -m tests.benchmarks.shade record [--pairs N] [--seconds S] [SCENE...]
    python -m tests.benchmarks.shade page

Pairs of equal arms in turns: as the gate measures them, and with two more containers of the service
started, ready and removed again within the window, as a gate would that starts them "in the shade".
Those are of a network of their own and serve nobody.  What is there already is kept and added to.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import numpy as np

from socklat_gate.errors import GateError, InvalidMeasurement
from socklat_gate.job.rig import Rig
from socklat_gate.job.run_job import pair_seed
from socklat_gate.measured.pair import ARMS
from socklat_gate.scenario import Scenario
from socklat_gate.service.client import connect
from socklat_gate.service.image import local_image
from socklat_gate.service.session import ArmSpec, ServiceSession
from socklat_gate.verdict.log_ratios import metric_log_ratios
from socklat_gate.wording.progress_lines import CONNECTING, MEASURING, REMOVING, STARTING
from tests.benchmarks.blocks import DURATION_S, METRICS, SHOWN
from tests.benchmarks.markdown import table
from tests.benchmarks.record_pairs import machine, say
from tests.benchmarks.scenes import SCENES, SHORT_GATE, Scene, build_images

FILE = Path(__file__).resolve().parents[1] / "data" / "shade.json"
WAYS = ("after", "shade")
"""The next pair's containers start after this one's measurement, or during it."""

FEWEST = 3

TIMES = {"start": "start_s", "remove": "stop_s", "in the shade": "shade_s"}


@dataclass(frozen=True)
class Measured:
    """One pair: log ratios ``d`` by metric; seconds of its own start and removal.

    ``shade_s`` is how long the others took to be ready and removed within the window (0: none).
    """

    scene: str
    way: str
    start_s: float
    stop_s: float
    shade_s: float
    interference: float | None
    excluded: bool
    d: dict[str, float] = field(default_factory=dict)


class Shade:
    """Starts two containers and removes them, in a thread, when the window is open."""

    def __init__(self, scenario: Scenario, specs: Sequence[ArmSpec]) -> None:
        self._scenario, self._specs = scenario, specs
        self._thread: threading.Thread | None = None
        self.took_s = 0.0
        self.wanted = False
        self.began_s: dict[str, float] = {}

    def __call__(self, phase: str) -> None:
        """A phase of the rig begins."""
        self.began_s[phase] = time.monotonic()
        if phase == MEASURING and self.wanted:
            self._thread = threading.Thread(target=self._start)
            self._thread.start()

    def join(self) -> float:
        """How long it took; 0 where nothing was started."""
        if self._thread is None:
            return 0.0
        self._thread.join()
        self._thread = None
        return self.took_s

    def _start(self) -> None:
        time.sleep(self._scenario.load.warmup_s)
        began_s = time.monotonic()
        try:
            with ServiceSession(connect(), self._scenario.service, Path.cwd()) as session:
                session.start(self._specs)
                session.stop()
        except GateError as error:
            say(f"in the shade: {error.message}")
        self.took_s = time.monotonic() - began_s


def stored() -> list[Measured]:
    return (
        [Measured(**one) for one in json.loads(FILE.read_text())["pairs"]] if FILE.exists() else []
    )


def measure(scene: Scene, found: list[Measured], pairs: int, until_s: float) -> None:
    """Adds pairs in turns until there are so many of each way."""
    client = connect()
    images = [local_image(client, tag) for tag in scene.images()]
    specs = [
        ArmSpec(arm, image, scene.command(scene.baseline))
        for arm, image in zip(ARMS, images, strict=True)
    ]
    # Long enough that what is started in the window is ready in it.
    load = {**scene.load, "duration_s": max(4.0, DURATION_S[scene.name])}
    scenario = replace(scene, load=load, gate=SHORT_GATE).scenario()
    shade = Shade(scenario, specs)
    with Rig(client, scenario, Path.cwd(), shade) as rig:
        while time.monotonic() < until_s:
            held = {way: sum((o.scene, o.way) == (scene.name, way) for o in found) for way in WAYS}
            way = min(WAYS, key=lambda one: held[one])
            if held[way] >= pairs:
                return
            shade.wanted = way == "shade"
            try:
                (pair,) = rig.pairs(0, pair_seed(20261129, len(found)), specs)
            except InvalidMeasurement as error:
                shade.join()
                say(f"{scene.name} {way}: {error.message}")
                continue
            ended_s = time.monotonic()
            ratios = metric_log_ratios([pair], METRICS) if pair.excluded is None else {}
            found.append(
                Measured(
                    scene.name,
                    way,
                    round(shade.began_s[CONNECTING] - shade.began_s[STARTING], 3),
                    round(ended_s - shade.began_s[REMOVING], 3),
                    round(shade.join(), 3),
                    pair.noise.interference,
                    pair.excluded is not None,
                    {
                        name: round(float(one.log_ratios[0]), 6)
                        for name, one in ratios.items()
                        if one.log_ratios.size
                    },
                )
            )
            document = {"machine": machine(), "pairs": [asdict(one) for one in found]}
            FILE.write_text(json.dumps(document, indent=0) + "\n")
            say(f"{found[-1]}")


def page() -> str:
    """Noise with and without, and what would be saved."""
    document = json.loads(FILE.read_text())
    every = stored()
    noise, times, ratios = [], [], []
    for scene in DURATION_S:
        by_way = {way: [o for o in every if (o.scene, o.way) == (scene, way)] for way in WAYS}
        used = {way: [o for o in of if not o.excluded] for way, of in by_way.items()}
        times += [_times(scene, way, by_way[way], used[way]) for way in WAYS if used[way]]
        for metric in (*SHOWN, "cpu_per_request"):
            d = {way: np.array([o.d[metric] for o in used[way] if metric in o.d]) for way in WAYS}
            if min(one.size for one in d.values()) < FEWEST:
                continue
            # About 0, as equal arms have it; medians of |d| beside it, which no single pair moves.
            sd = {way: float(np.sqrt((one**2).mean())) for way, one in d.items()}
            middle = {way: float(np.median(np.abs(one))) for way, one in d.items()}
            ratios.append(sd["shade"] / sd["after"])
            noise.append(
                [
                    scene,
                    SHOWN.get(metric, "CPU time"),
                    *(f"{sd[way]:.4f} ({middle[way]:.4f})" for way in WAYS),
                    f"{ratios[-1]:.2f}",
                ]
            )
    saved = [float(row[4]) + float(row[5]) for row in times if row[1] == "after"]
    return f"""# Starts in the shade

Written by `ci/bench shade` on: {document["machine"]}. Pairs of equal arms in turns: *after*, as the
gate measures them, and *shade*, with two more containers of the service started and removed within
the window. Services on one CPU, load on the other.

{table(["service", "metric", *(f"SD {w} (median abs d)" for w in WAYS), "ratio"], noise)}

{table(["service", "way", "pairs", "excluded", *(f"{n} s" for n in TIMES), "interference"], times)}

The ratio's median is {np.median(ratios):.2f}; a pair would be shorter by at most
{np.median(saved):.1f} s.
"""


def _times(scene: str, way: str, every: Sequence[Measured], used: Sequence[Measured]) -> list[str]:
    return [
        scene,
        way,
        str(len(every)),
        str(len(every) - len(used)),
        *(f"{np.median([getattr(one, name) for one in used]):.2f}" for name in TIMES.values()),
        f"{np.median([one.interference or 0.0 for one in used]):.1%}",
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=("record", "page"))
    parser.add_argument("scenes", nargs="*", metavar="SCENE", help="all of them without one")
    parser.add_argument("--pairs", type=int, default=20, help="of each service and way")
    parser.add_argument("--seconds", type=float, default=3600, help="begin no pair after these")
    options = parser.parse_args()
    if options.what == "page":
        sys.stdout.write(page())
        return
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    chosen = [scene for scene in SCENES if scene.name in (options.scenes or DURATION_S)]
    build_images(chosen)
    found = stored()
    until_s = time.monotonic() + options.seconds
    for wanted in range(5, options.pairs + 5, 5):
        for scene in chosen:
            measure(scene, found, min(wanted, options.pairs), until_s)


if __name__ == "__main__":
    main()
