"""How well a rate is known that a gate finds: ``load.rate = "auto"`` some times in a row.

    sudo python -m tests.benchmarks.found_rates [redis|nginx|api ...] [--times N]

Prints, for each time, the rate that `init` guesses from one response, the rate that is found, the
capacity it rests on and how long it took.  As `init` has it: no CPU set for service or load.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from socklat_gate.init.detection import detect
from socklat_gate.init.scenario_text import rate_for
from socklat_gate.init.source import Source
from socklat_gate.job.progress import Progress
from socklat_gate.job.rate_job import RateJob
from socklat_gate.measured.facts import Note
from socklat_gate.scenario import Scenario
from socklat_gate.service.client import connect
from socklat_gate.service.image import local_image
from socklat_gate.service.session import ArmSpec
from tests.benchmarks.record_pairs import machine
from tests.benchmarks.scenes import API_LOAD, NGINX_LOAD, REDIS_LOAD, SOURCE, TAGS, make_image

SERVICES = {
    "redis": (6379, REDIS_LOAD),
    "nginx": (8080, NGINX_LOAD),
    "api": (8080, API_LOAD),
}
WRITTEN = {"rate": "auto", "connections": 16, "duration_s": 5.0}
"""As `init` writes the load."""


def find(name: str, seed: int) -> str:
    """One line about one time."""
    port, load = SERVICES[name]
    client, here = connect(), Path(__file__).parent
    image = local_image(client, TAGS[name][0])
    assert image is not None, f"{TAGS[name][0]} is not built"
    scenario = Scenario.model_validate(
        {"name": name, "service": {"port": port}, "load": {**load, **WRITTEN}}
    )
    with Progress(quiet=True) as progress:
        source = Source(name, {"image": image.reference}, image)
        seen = detect(client, source, (port,), here, progress.phase).protocol
        begun_s = time.monotonic()
        spec = ArmSpec("baseline", image)
        _, notes = RateJob(client, scenario, here, spec, seed, progress).planned()
        took_s = time.monotonic() - begun_s
    (note,) = [one for one in notes if isinstance(one, Note)]
    numbers = note.numbers
    return (
        f"{name}: guess {rate_for(seen.latency_s):g}/s (one took {1e3 * seen.latency_s:.3g} ms), "
        f"found {numbers['rate']:g}/s by {note.subject}, capacity {numbers['capacity']:.0f}/s, "
        f"{took_s:.0f} s"
    )


def main() -> None:
    """Prints as it goes."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("services", nargs="*", metavar="SERVICE")
    parser.add_argument("--times", type=int, default=5)
    options = parser.parse_args()
    print(machine(), flush=True)
    for name in options.services or SERVICES:
        if name == "api":
            make_image("python", TAGS[name][0], str(SOURCE))
        for seed in range(options.times):
            print(find(name, seed), flush=True)


if __name__ == "__main__":
    main()
