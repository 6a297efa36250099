"""Whole gate jobs by pairs and by blocks: equal arms, a gross change, a slow start in five.

    sudo python -m tests.benchmarks.block_jobs [--jobs N] [--seconds S] [WHAT...]

What is there already is kept and added to, so it can be ended and started again.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

from tests.benchmarks.live import run, toml
from tests.benchmarks.markdown import table
from tests.benchmarks.record_pairs import machine, say
from tests.benchmarks.scenes import API, API_LOAD, LOAD_CPU, SERVICE_CPU, SHORT_GATE, TAGS

FILE = Path(__file__).resolve().parents[1] / "data" / "block_jobs.json"
SIZES = (1, 2, 4)
WHAT = {
    "twice as slow": ("--work", "220"),
    "equal arms": (),
    "half as slow again after one start in five": ("--slow-start-share", "0.2"),
}
"""Options of the candidate's service."""

DURATION_S = 3.0


@dataclass(frozen=True)
class Job:
    """How one job ended; ``blocks`` were used, of ``containers`` of each arm."""

    what: str
    containers: int
    verdict: str
    blocks: int
    seconds: float
    change: float | None


def stored() -> list[Job]:
    return [Job(**one) for one in json.loads(FILE.read_text())["jobs"]] if FILE.exists() else []


def scenario(what: str, containers: int) -> str:
    """A socklat.toml with the default metrics but p99, for which runs of this length are short."""
    tables = {
        "service": {
            "image": TAGS["api"][0],
            "command": [*API, *WHAT[what]],
            "port": 8080,
            "cpuset": SERVICE_CPU,
        },
        "load": {**API_LOAD, "duration_s": DURATION_S, "cpuset": LOAD_CPU},
        "baseline": {"command": [*API]},
        "gate": {"containers": containers},
    }
    lines = ['name = "api"']
    for name, values in tables.items():
        lines += [f"[{name}]", *(f"{key} = {toml(value)}" for key, value in values.items())]
    for metric in SHORT_GATE["metrics"]:
        lines += ["[[gate.metrics]]", *(f"{key} = {toml(value)}" for key, value in metric.items())]
    return "\n".join(lines) + "\n"


def measure(what: str, containers: int, seed: int) -> Job:
    """One job through the command."""
    with tempfile.TemporaryDirectory(prefix="socklat-blocks-") as place:
        directory = Path(place)
        (directory / "socklat.toml").write_text(scenario(what, containers), encoding="utf-8")
        command = [sys.executable, "-m", "socklat_gate", "gate", f"{directory}/socklat.toml"]
        command += ["--quiet", "--baseline-image", TAGS["api"][0], "--allow-same-image"]
        done = run([*command, "--out", place, "--seed", str(seed)])
        path = directory / "verdict.json"
        if not path.exists():
            raise RuntimeError(f"exit {done.returncode}: {done.stderr.strip()[-300:]}")
        found = json.loads(path.read_text("utf-8"))
    changes = [m["change"] for m in found["metrics"] if m["name"] == "response_p50"]
    return Job(
        what,
        containers,
        found["verdict"],
        found["pairs"],
        round(found["duration_s"], 1),
        round(changes[0], 4) if changes and changes[0] is not None else None,
    )


def jobs_table() -> str:
    """One row a kind of job and k; medians over the jobs."""
    rows = []
    jobs = stored()
    for what in WHAT:
        for containers in SIZES:
            own = [one for one in jobs if (one.what, one.containers) == (what, containers)]
            if own:
                rows.append(_row(what, containers, own))
    head = ["candidate", "block", "jobs", "pass", "regression", "other", "blocks", "seconds"]
    return table([*head, "p50"], rows)


def _row(what: str, containers: int, own: Sequence[Job]) -> list[str]:
    ends = [one.verdict for one in own]
    passed, failed = ends.count("pass"), ends.count("regression")
    changes = [one.change for one in own if one.change is not None]
    return [
        what,
        f"{containers} + {containers}",
        str(len(own)),
        str(passed),
        str(failed),
        str(len(own) - passed - failed),
        f"{median(one.blocks for one in own):g}",
        f"{median(one.seconds for one in own):.0f}",
        f"{median(changes):+.1%}" if changes else "-",
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", nargs="*", metavar="WHAT", help="all of it without one")
    parser.add_argument("--jobs", type=int, default=5, help="of each kind and k")
    parser.add_argument("--seconds", type=float, default=3600, help="begin no job after these")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    until_s = time.monotonic() + options.seconds
    jobs = stored()
    for number in range(options.jobs):
        for what in options.what or WHAT:
            for containers in SIZES:
                held = sum((one.what, one.containers) == (what, containers) for one in jobs)
                if held > number or time.monotonic() > until_s:
                    continue
                jobs.append(measure(what, containers, 2000 + number))
                FILE.write_text(
                    json.dumps({"machine": machine(), "jobs": [asdict(one) for one in jobs]})
                )
                say(f"{jobs[-1]}")


if __name__ == "__main__":
    main()
