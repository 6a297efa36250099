"""How long commands take until they work: medians of five, as markdown.

Run it with ``ci/bench startup`` on a machine that does nothing else; it prints what
docs/lab/startup.md says below the machine.
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
    """A command, how long it may take, and what it took before (s; None: not measured)."""

    shown: str
    arguments: Sequence[str]
    most_s: float
    before_s: float | None = None
    environment: Mapping[str, str] | None = None


def main() -> None:
    """Prints the page; ends with 1 when a command took longer than it may."""
    with tempfile.TemporaryDirectory() as place:
        starts = _starts(Path(place))
        found = [_median_s(start) for start in starts]
    print(
        f"Medians of {TIMES} from the start of the process to its end, files in the page cache;"
        " CPU is user and system time. `python -c pass` is what is left when nothing is imported.\n"
    )
    print("| command | s | CPU s | at most | before |\n|:--|--:|--:|--:|--:|")
    for start, (wall_s, cpu_s) in zip(starts, found, strict=True):
        before = f"{start.before_s:.2f}" if start.before_s else ""
        most = f"{start.most_s:.2f}" if start.most_s else ""
        print(f"| `{start.shown}` | {wall_s:.2f} | {cpu_s:.2f} | {most} | {before} |")
    late = [s.shown for s, (wall_s, _) in zip(starts, found, strict=True) if wall_s > s.most_s > 0]
    print(f"\nToo slow: {', '.join(late)}." if late else "\nAll within their limits.")
    raise SystemExit(1 if late else 0)


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
        Start("python -c pass", (sys.executable, "-c", "pass"), 0),
        Start("--version", (COMMAND, "--version"), 0.2),
        Start("--help", (COMMAND, "--help"), 0.2),
        *(Start(f"{n} --help", (COMMAND, *n.split(), "--help"), 0.2, was) for n, was in helps),
        Start("a Tab after `gate --max-`", (COMMAND,), 0.2, 0.74, TAB),
        Start("compare", (COMMAND, "compare", base, out), 0.45, 0.60),
        Start("report --format json", (COMMAND, "report", out, "--format", "json"), 0.35, 0.78),
        Start(
            "baseline list",
            (COMMAND, "baseline", "list", "--baselines", str(place / "baselines")),
            0.2,
            0.23,
        ),
    ]


def _median_s(start: Start) -> tuple[float, float]:
    """Wall and CPU time of one process; one more run before fills the page cache."""
    walls, cpus = [], []
    for _ in range(TIMES + 1):
        before, began_s = _children_s(), time.monotonic()
        done = subprocess.run(
            start.arguments,
            env={**os.environ, **(start.environment or {})},
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
