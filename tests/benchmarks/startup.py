"""How long commands take until they work: medians of five, as markdown.

Run it with ``ci/bench startup`` on a machine that does nothing else; it prints what
docs/lab/startup.md says below the machine.  A goal that is missed is a finding, which the page
states, and no failure of the measurement.
"""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from socklat_gate.baseline.places.directory import Directory
from socklat_gate.baseline.store import BaselineStore
from socklat_gate.report.writer import write_reports
from tests.unit.factories import make_campaign, make_result

TIMES = 5
CAMPAIGNS = 5
COMMAND = str(Path(sys.executable).parent / "socklat-gate")
TAB = {
    "_SOCKLAT_GATE_COMPLETE": "bash_complete",
    "COMP_WORDS": "socklat-gate gate --max-",
    "COMP_CWORD": "2",
}


@dataclass(frozen=True, slots=True)
class Start:
    """A command, how long it should take at most, and what it took once (s; None: not known)."""

    shown: str
    arguments: Sequence[str]
    goal_s: float | None = None
    before_s: float | None = None
    environment: Mapping[str, str] | None = None


def main() -> None:
    """Prints the page."""
    with tempfile.TemporaryDirectory() as place:
        starts = _starts(Path(place))
        found = [_median_s(start) for start in starts]
    print(
        f"Medians of {TIMES} from the start of the process to its end, after a run that left"
        " compiled Python and put the files into the page cache; CPU is user and system time."
        " `python -c pass` is what is left when nothing is imported; the last two rows are what a"
        " gate's own process and its load worker import before they begin.\n"
    )
    print("| command | s | CPU s | goal | before |\n|:--|--:|--:|--:|--:|")
    for start, (wall_s, cpu_s) in zip(starts, found, strict=True):
        before = f"{start.before_s:.2f}" if start.before_s else ""
        goal = f"{start.goal_s:.2f}" if start.goal_s else ""
        print(f"| {start.shown} | {wall_s:.2f} | {cpu_s:.2f} | {goal} | {before} |")
    print("\n" + goals_text(starts, [wall_s for wall_s, _ in found]))


def goals_text(starts: Sequence[Start], walls_s: Sequence[float]) -> str:
    """Whether the goals are met and by how much each of the others is missed, as markdown."""
    missed = [
        f"- {start.shown}: {wall_s:.2f} s, {wall_s - start.goal_s:.2f} s beyond its goal of"
        f" {start.goal_s:.2f} s"
        for start, wall_s in zip(starts, walls_s, strict=True)
        if start.goal_s is not None and wall_s > start.goal_s
    ]
    return "\n".join(["Goals missed:", "", *missed]) if missed else "All goals are met."


def _starts(place: Path) -> list[Start]:
    store = BaselineStore(Directory(place / "baselines"))
    for number in range(CAMPAIGNS):
        created = f"2026-11-{number + 1:02}T10:00:00+00:00"
        store.save(make_campaign(created=created, mode="paired"))
    out = str(place / "out")
    write_reports(make_result(), Path(out))
    base = str(place / "baselines" / make_campaign().scenario_name)
    helps = [("gate", 0.80), ("compare", None), ("trace", None), ("baseline list", None)]
    return [
        Start("`python -c pass`", (sys.executable, "-c", "pass")),
        Start("`--version`", (COMMAND, "--version"), 0.2),
        Start("`--help`", (COMMAND, "--help"), 0.2),
        *(Start(f"`{n} --help`", (COMMAND, *n.split(), "--help"), 0.2, was) for n, was in helps),
        Start("a Tab after `gate --max-`", (COMMAND,), 0.2, 0.74, TAB),
        Start("`compare`", (COMMAND, "compare", base, out), 0.45, 0.60),
        Start("`report --format json`", (COMMAND, "report", out, "--format", "json"), 0.35, 0.78),
        Start(
            "`baseline list`",
            (COMMAND, "baseline", "list", "--baselines", str(place / "baselines")),
            0.2,
            0.23,
        ),
        *(
            Start(f"`import {name}`", (sys.executable, "-c", f"import {name}"))
            for name in ("socklat_gate.job.gate_job", "socklat_gate.load.worker")
        ),
    ]


def _median_s(start: Start) -> tuple[float, float]:
    """Wall and CPU time of one process; one more run before fills the page cache."""
    environment = {**os.environ, **(start.environment or {})}
    # Python of an image or a CI job is often told not to; an installed package is compiled.
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    walls, cpus = [], []
    for _ in range(TIMES + 1):
        before, began_s = _children_s(), time.monotonic()
        done = subprocess.run(
            start.arguments,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        walls.append(time.monotonic() - began_s)
        cpus.append(_children_s() - before)
        # A comparison's exit code is its verdict; anything else here ends well.
        if done.returncode not in (0, 1, 4):
            raise SystemExit(f"{start.shown} ended with {done.returncode}:\n{done.stderr}")
    return statistics.median(walls[1:]), statistics.median(cpus[1:])


def _children_s() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


if __name__ == "__main__":
    main()
