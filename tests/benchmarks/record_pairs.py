"""Records real pairs of the scenes into tests/data/pairs, a few of each in turn.

    sudo python -m tests.benchmarks.record_pairs [--pairs N] [--same N] [--directory DIR] [SCENE...]

Takes hours; what is there already is kept and added to, so it can be ended and started again.
"""

from __future__ import annotations

import argparse
import os
import platform
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import median

import numpy as np

from socklat_gate.environment import cpu_model
from socklat_gate.errors import InvalidMeasurement
from socklat_gate.job.rig import Rig
from socklat_gate.job.starting_order import pair_seed
from socklat_gate.measured.pair import Pair
from socklat_gate.service.client import connect
from socklat_gate.service.image import local_image
from socklat_gate.service.session import ArmSpec
from tests.benchmarks.recorded import DIRECTORY, SUFFIX, Facts, Recorded, load, save, slim
from tests.benchmarks.scenes import (
    DEPENDENCIES,
    HELPER_PORT,
    HELPER_US,
    SCENES,
    SERVICE_CPU,
    STUDY,
    Scene,
    build_images,
)
from tests.services.build import compile_service

AT_ONCE = 5
"""Pairs of a scene before the next one has its turn: all of them see the same machine."""


def record(scene: Scene, wanted: int, directory: Path) -> int:
    """Adds up to `AT_ONCE` pairs to the scene's file; how many it holds then."""
    path = directory / f"{scene.name}{SUFFIX}"
    before = load(path) if path.exists() else None
    pairs = list(before.pairs) if before else []
    if len(pairs) >= wanted:
        return len(pairs)
    client = connect()
    images = [local_image(client, tag) for tag in scene.images()]
    specs = [
        ArmSpec("baseline", images[0], scene.command(scene.baseline)),
        ArmSpec("candidate", images[1], scene.command(scene.candidate)),
    ]
    scenario = scene.scenario()
    took_s = []
    with hog(scene.hog_percent), Rig(client, scenario, Path.cwd(), lambda _: None) as rig:
        for index in range(len(pairs), min(wanted, len(pairs) + AT_ONCE)):
            started_s = time.monotonic()
            try:
                (pair,) = rig.pairs(index, pair_seed(20261122, index), specs)
            except InvalidMeasurement as error:
                say(f"{scene.name} {index}: {error.message}")
                continue
            took_s.append(time.monotonic() - started_s)
            pairs.append(slim(pair))
            say(f"{scene.name} {index}: {_line(pair)}")
    _save(path, scene, before, pairs, took_s)
    return len(pairs)


def _save(
    path: Path, scene: Scene, before: Recorded | None, pairs: Sequence[Pair], took_s: list[float]
) -> None:
    seconds = median(took_s) if took_s else before.facts.seconds_per_pair if before else 0.0
    facts = Facts(
        set=scene.name,
        machine=machine(),
        what=scene.what,
        kind=scene.kind,
        seconds_per_pair=round(seconds, 2),
        stage=scene.stage,
        slice=scene.slice,
        injected=scene.injected,
        gate=scene.gate,
    )
    save(path, pairs, facts)


def _line(pair: Pair) -> str:
    parts = []
    for kind in ("histograms", "corrected"):
        runs = [pair.baseline, pair.candidate]
        found = [
            (
                run.histograms
                if kind == "histograms" or run.corrected is None
                else run.corrected.histograms
            )["response"].quantiles_ns([0.5, 0.9, 0.99])
            for run in runs
        ]
        parts.append(kind[:4] + " " + " ".join(f"{x:+.3f}" for x in np.log(found[1] / found[0])))
    cpu = [run.cpu_ns / max(1, run.cpu_exchanges) for run in (pair.baseline, pair.candidate)]
    parts.append(f"cpu {np.log(cpu[1] / cpu[0]):+.4f}" if min(cpu) > 0 else "cpu ?")
    noise = pair.noise
    parts.append(f"steal {noise.steal:.3f} stalled {noise.stalled} foreign {noise.interference}")
    return "  ".join(parts) + f"  {pair.baseline.duration_s:.1f} s  {pair.excluded}"


def machine() -> str:
    return f"{os.cpu_count()} CPUs ({cpu_model()}), Linux {platform.release()}"


def say(text: str) -> None:
    print(time.strftime("%H:%M:%S"), text, file=sys.stderr, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("scenes", nargs="*", metavar="SCENE", help="all of them without one")
    parser.add_argument("--pairs", type=int, default=30, help="of scenes with an effect")
    parser.add_argument("--same", type=int, default=100, help="of scenes without one")
    parser.add_argument("--study", action="store_true", help="the scenes of `ci/rig noise`")
    parser.add_argument("--directory", type=Path, default=DIRECTORY)
    options = parser.parse_args()
    # Ended from outside it still removes what it started.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    known = STUDY if options.study else SCENES
    chosen = [scene for scene in known if not options.scenes or scene.name in options.scenes]
    build_images(chosen)
    left = list(chosen)
    holds: dict[str, int] = {}
    with dependencies():
        while left:
            for scene in list(left):
                wanted = options.same if scene.kind == "same" else options.pairs
                held = record(scene, wanted, options.directory)
                if held >= wanted or held == holds.get(scene.name):
                    left.remove(scene)  # all there, or none of a whole round could be measured
                holds[scene.name] = held


@contextmanager
def dependencies() -> Iterator[None]:
    """The processes on this host that services ask."""
    woken = ("--port", str(HELPER_PORT), "--cpu", SERVICE_CPU, "--us", str(HELPER_US))
    waits = (f"{port}={wait_us}" for port, wait_us in DEPENDENCIES.items())
    with helper("dependency", *waits), helper("woken", *woken):
        yield


@contextmanager
def hog(percent: int) -> Iterator[None]:
    """Takes the service's CPU away for this share of the time."""
    if not percent:
        yield
        return
    with helper("hog", "--cpu", SERVICE_CPU, "--share", str(percent), "--mean", "5000"):
        yield


@contextmanager
def helper(name: str, *arguments: str) -> Iterator[None]:
    """A program of tests/services while it runs."""
    with tempfile.TemporaryDirectory(prefix="socklat-record-") as directory:
        program = Path(directory) / name
        program.write_bytes(compile_service(f"{name}.c"))
        program.chmod(0o700)
        process = subprocess.Popen([program, *arguments], stdout=subprocess.PIPE)
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == b"ready\n"
            yield
        finally:
            process.kill()
            process.wait()


if __name__ == "__main__":
    main()
