"""All of CI in fresh clones, several times: how long it takes, and whether chance fails a test.

python -m tests.benchmarks.suite_runs [--times 6] [--loaded 2] [--log DIR] >docs/lab/suite.md

The last ``--loaded`` rounds share the machine with a process that takes one CPU half of the time.
A round that fails stays in the table.  ``--log`` keeps what each round printed and how it ended; a
round whose end is there is not run again, so six rounds need not be one session.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from socklat_gate.environment import NoiseMeter

ROOT = Path(__file__).resolve().parents[2]
HOG = """
import time
while True:
    end = time.monotonic() + 0.05
    while time.monotonic() < end:
        pass
    time.sleep(0.05)
"""
MOST_S = 90 * 60
COUNT = re.compile(r"(\d+) (passed|failed|errors?|skipped)\b")
FAILED = re.compile(r"^(?:FAILED|ERROR) (\S+)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Round:
    """One run of CI on ``commit``; ``steal`` and ``busy`` are shares of all CPUs' time."""

    commit: str
    loaded: bool
    code: int
    took_s: float
    passed: int
    skipped: int
    failed: tuple[str, ...]
    steal: float
    busy: float


@contextmanager
def hog(wanted: bool) -> Iterator[None]:
    """A process that takes half of a CPU for as long as the block lasts."""
    if not wanted:
        yield
        return
    with subprocess.Popen([sys.executable, "-c", HOG]) as process:
        try:
            yield
        finally:
            process.kill()


def measured(loaded: bool, log: Path) -> Round:
    """One run in a clone of its own, without standard input."""
    with tempfile.TemporaryDirectory(prefix="socklat-suite.") as place, hog(loaded):
        Path(place).chmod(0o755)  # some tests read the checkout as an ordinary user
        clone = Path(place) / "socklat-gate"
        subprocess.run(["git", "clone", "-q", str(ROOT), str(clone)], check=True)
        commit = subprocess.run(
            ["git", "-C", str(clone), "rev-parse", "--short=7", "HEAD"],
            check=True,
            capture_output=True,
            text=True,
        ).stdout.strip()
        meter, began = NoiseMeter(), time.monotonic()
        with log.open("wb") as out:
            done = subprocess.run(
                ["bash", ".ci/run"],
                cwd=clone,
                env={**os.environ, "CI": "true"},
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                timeout=MOST_S,
                check=False,
            )
        noise, took_s = meter.stop(), time.monotonic() - began
    passed, skipped, failed = outcome_of(log.read_text("utf-8", errors="replace"))
    return Round(
        commit, loaded, done.returncode, took_s, passed, skipped, failed, noise.steal, noise.busy
    )


def kept_or_measured(loaded: bool, place: Path, number: int) -> Round:
    """Round ``number``, from its file in ``place`` where it was run before."""
    path = place / f"round-{number}.json"
    if path.exists():
        document = json.loads(path.read_text("utf-8"))
        return Round(**{**document, "failed": tuple(document["failed"])})
    one = measured(loaded, place / f"round-{number}.log")
    path.write_text(json.dumps(asdict(one), indent=2) + "\n", encoding="utf-8")
    return one


def outcome_of(text: str) -> tuple[int, int, tuple[str, ...]]:
    """Passed and skipped tests of all of pytest's closing lines, and who failed, by name."""
    closing = [line for line in text.splitlines() if re.search(r" in \d+\.\d+s", line)]
    counts = [found for line in closing for found in COUNT.findall(line)]
    passed, skipped = (
        sum(int(n) for n, kind in counts if kind == wanted) for wanted in ("passed", "skipped")
    )
    return passed, skipped, tuple(sorted(set(FAILED.findall(text))))


def rows(rounds: list[Round]) -> Iterator[str]:
    """The table of all rounds."""
    yield "| round | commit | beside | exit | minutes | passed | skipped | failed | busy | steal |"
    yield "|--:|:--|:--|--:|--:|--:|--:|:--|--:|--:|"
    for number, one in enumerate(rounds, 1):
        beside = "half a CPU" if one.loaded else "nothing"
        failed = ", ".join(f"`{name}`" for name in one.failed) or "none"
        yield (
            f"| {number} | `{one.commit}` | {beside} | {one.code} | {one.took_s / 60:.1f} "
            f"| {one.passed} | {one.skipped} | {failed} | {one.busy:.0%} | {one.steal:.1%} |"
        )


def main() -> None:
    """Measure and print the page."""
    assert __doc__ is not None
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--times", type=int, default=6)
    parser.add_argument("--loaded", type=int, default=2)
    parser.add_argument("--log", type=Path, help="a directory; by default a new one")
    options = parser.parse_args()
    place = options.log or Path(tempfile.mkdtemp(prefix="socklat-suite-log."))
    place.mkdir(parents=True, exist_ok=True)
    print(f"what each round prints is in {place}", file=sys.stderr)
    rounds = []
    for number in range(1, options.times + 1):
        one = kept_or_measured(number > options.times - options.loaded, place, number)
        rounds.append(one)
        print(f"round {number}: exit {one.code}, {one.took_s / 60:.1f} min", file=sys.stderr)
    red = sum(one.code != 0 for one in rounds)
    minutes = sorted(one.took_s / 60 for one in rounds)
    print(
        f"`.ci/run`, every test that is not `slow`, in {len(rounds)} fresh clones one after the "
        f"other:\n{red} of them failed, {minutes[0]:.1f} to {minutes[-1]:.1f} minutes each.\n"
    )
    print("\n".join(rows(rounds)))


if __name__ == "__main__":
    main()
