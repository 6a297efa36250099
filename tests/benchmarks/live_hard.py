"""Live gate jobs of the harder effects of `tests.benchmarks.hard_scenes`, a few at a time.

    sudo python -m tests.benchmarks.live_hard [--jobs N] [--seconds S] [SCENE...]
    python -m tests.benchmarks.live_hard --page >docs/lab/live-hard.md

Jobs that were done are kept in ``--directory`` and not done again, and no job begins after
``--seconds``: so it can run in pieces, in the order in which all scenes have about as many jobs.
The page is of whatever there is.
"""

from __future__ import annotations

import argparse
import math
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import median
from typing import Any

from tests.benchmarks.hard_scenes import HARD, Hard
from tests.benchmarks.live import job, stored_verdict
from tests.benchmarks.markdown import table
from tests.benchmarks.record_pairs import dependencies, machine, say
from tests.benchmarks.scenes import build_images


def failed_by(found: dict[str, Any]) -> list[str]:
    """What a verdict.json names as worse."""
    names = [one["name"] for one in found["metrics"] if one["verdict"] == "regression"]
    names += [one["name"] for one in found.get("counts") or () if one["failed"]]
    if (found.get("spikes") or {}).get("failed"):
        names.append("spikes")
    if (found.get("stops") or {}).get("failed"):
        names.append("stops")
    names += ["growth" for one in found.get("growth") or () if one["failed"]]
    return list(dict.fromkeys(names))


def found_it(hard: Hard, found: dict[str, Any]) -> bool:
    """A regression by what was built in; a stop may be seen as a spike of a pair."""
    names = failed_by(found)
    alike = {hard.metric, "spikes"} if hard.metric == "stops" else {hard.metric}
    return found["verdict"] == "regression" and bool(alike.intersection(names))


def measured_change(hard: Hard, jobs: Sequence[dict[str, Any]]) -> str:
    """What all jobs together say of the metric: their estimates, weighted by their pairs."""
    weighted = [
        (math.log1p(one["change"]), found["pairs"])
        for found in jobs
        for one in found["metrics"]
        if one["name"] == hard.metric and one["change"] is not None
    ]
    pairs = sum(weight for _, weight in weighted)
    if not pairs:
        return "-"
    return f"{math.expm1(sum(change * weight for change, weight in weighted) / pairs):+.2%}"


def row_of(hard: Hard, jobs: Sequence[dict[str, Any]]) -> list[str]:
    """One row a scene: share of jobs that came out as they must, and how soon."""
    same = not hard.metric
    good = [one for one in jobs if (one["verdict"] == "pass" if same else found_it(hard, one))]
    in_time = [one for one in good if one["duration_s"] <= hard.wanted_s]
    ends: dict[str, int] = {}
    for one in jobs:
        ends[one["verdict"]] = ends.get(one["verdict"], 0) + 1
    others = sorted(
        {
            name
            for one in jobs
            if not found_it(hard, one) and one["verdict"] == "regression"
            for name in failed_by(one)
        }
    )
    return [
        hard.scene.name,
        hard.truth,
        measured_change(hard, jobs) if not same else "-",
        str(len(jobs)),
        ", ".join(f"{count} {verdict}" for verdict, count in sorted(ends.items())),
        f"{median(one['duration_s'] for one in good):.0f}" if good else "-",
        f"{len(in_time)} of {len(jobs)} in {hard.wanted_s:.0f} s" if hard.wanted_s else "-",
        ", ".join(others) or "-",
    ]


def done(hard: Hard, directory: Path) -> Iterator[dict[str, Any]]:
    """The verdicts of its jobs that there are."""
    for number in range(1000):
        found = stored_verdict(hard.scene, number, directory)
        if found is None:
            return
        yield found


def page(directory: Path) -> str:
    """Of all jobs that were done."""
    rows = [row_of(hard, jobs) for hard in HARD if (jobs := list(done(hard, directory)))]
    missing = [hard.scene.name for hard in HARD if not list(done(hard, directory))]
    what = "\n".join(f"- `{hard.scene.name}`: {hard.scene.what}" for hard in HARD)
    head = [
        "scene",
        "built in",
        "measured",
        "jobs",
        "verdicts",
        "seconds",
        "goal",
        "failed by others",
    ]
    left = f"\nNot measured yet: {', '.join(missing)}.\n" if missing else ""
    return f"""# Live gate jobs, harder effects

Written by `ci/bench hard` on: {machine()}.

{what}

*Measured*: the estimates of all jobs together, weighted by their pairs. *Seconds*: median of the
jobs that came out as they must. *Goal*: jobs that failed by what was built in, within the time
that nine in ten should take (of equal arms: passed, half of them); a stop counts also where a pair
met it as a spike. *Failed by others*: what else failed in jobs that did not find what was built in.

{table(head, rows)}
{left}"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("scene", nargs="*", metavar="SCENE", help="all without one")
    parser.add_argument("--jobs", type=int, default=10, help="of each scene")
    parser.add_argument("--seconds", type=float, default=7200, help="begin no job after these")
    parser.add_argument("--directory", type=Path, default=Path("socklat-out/live-hard"))
    parser.add_argument("--page", action="store_true", help="print the page, measure nothing")
    options = parser.parse_args()
    if options.page:
        sys.stdout.write(page(options.directory))
        return
    names = {hard.scene.name for hard in HARD}
    if unknown := set(options.scene) - names:
        parser.error(f"no scene {', '.join(sorted(unknown))}; there are {', '.join(sorted(names))}")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    chosen = [hard for hard in HARD if not options.scene or hard.scene.name in options.scene]
    until_s = time.monotonic() + options.seconds
    build_images([hard.scene for hard in chosen])
    with dependencies():
        for number in range(options.jobs):
            for hard in chosen:
                if stored_verdict(hard.scene, number, options.directory) is not None:
                    continue
                if time.monotonic() > until_s:
                    say("no time for another job")
                    return
                found = job(hard.scene, number, options.directory)
                say(
                    f"{hard.scene.name} {number}: {failed_by(found)} in {found['duration_s']:.0f} s"
                )


if __name__ == "__main__":
    main()
