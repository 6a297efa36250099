"""Fuzzes every target for long, one after the other, and writes ``docs/lab/fuzz.md`` of it.

    python -m tests.fuzz.long [--runs N] [TARGET...]
    python -m tests.fuzz.long --page

Targets that are done already are left out; what libFuzzer says of each is kept in
``socklat-out/fuzz/TARGET.log``.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
LOGS = ROOT / "socklat-out" / "fuzz"
DATA = ROOT / "tests" / "data" / "fuzz.json"
PAGE = ROOT / "docs" / "lab" / "fuzz.md"
GOAL = 10_000_000
LINE = re.compile(r"^#([0-9]+)\s.*\bft: ([0-9]+) corp: ([0-9]+)/", re.MULTILINE)
FOUND = ("crash", "timeout", "oom", "leak")

HEAD = """# Parsers fuzzed

Written by `python -m tests.fuzz.long --page` on: {machine}

Each parser of what others wrote is given inputs that Atheris makes of `tests/fuzz/corpus`, by the
branches that they reach. It may raise the error that is documented for wrong input, and nothing
else; parsers of responses must find the same in pieces as in the whole. The goal is
{goal:,} executions of each. CI replays the corpus without Atheris.

| parser | executions | features reached | inputs kept | crashes, hangs |
|:--|--:|--:|--:|--:|
"""


@dataclass(frozen=True)
class Fuzzed:
    """What came of a target: ``features`` are libFuzzer's, branches and how often each is taken."""

    executions: int
    features: int
    inputs: int
    found: int


def fuzzed(name: str, logs: Path = LOGS) -> Fuzzed | None:
    """What the log of a target says last; None before it has said anything."""
    try:
        text = (logs / f"{name}.log").read_text("utf-8", "replace")
    except OSError:
        return None
    lines = LINE.findall(text)
    found = sum(1 for kind in FOUND for _ in logs.glob(f"{name}-{kind}-*"))
    return Fuzzed(*map(int, lines[-1]), found) if lines else None


def page_of(machine: str, targets: Mapping[str, Fuzzed]) -> str:
    """The page."""
    rows = [
        f"| {name} | {one.executions:,} | {one.features:,} | {one.inputs} | {one.found} |"
        for name, one in targets.items()
    ]
    return HEAD.format(machine=machine, goal=GOAL) + "\n".join(rows) + "\n"


def read_data() -> tuple[str, dict[str, Fuzzed]]:
    """The machine, and what came of each target there, as committed."""
    document: Mapping[str, Any] = json.loads(DATA.read_text("utf-8"))
    return document["machine"], {name: Fuzzed(**of) for name, of in document["targets"].items()}


def _names() -> Sequence[str]:
    return sorted(path.name for path in (ROOT / "tests" / "fuzz" / "corpus").iterdir())


def _write() -> None:
    today = datetime.now(timezone.utc).date()
    machine = f"{os.cpu_count()} CPUs, Linux {platform.release()}, {today}"
    targets = {name: one for name in _names() if (one := fuzzed(name)) is not None}
    document = {"machine": machine, "targets": {name: asdict(one) for name, one in targets.items()}}
    DATA.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    PAGE.write_text(page_of(machine, targets), encoding="utf-8")


def _run(name: str, runs: int) -> None:
    print(f"{name}: {runs:,} executions", flush=True)
    LOGS.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "tests.fuzz.run", name, f"-runs={runs}", "-timeout=20"]
    with (LOGS / f"{name}.log").open("wb") as log:
        code = subprocess.run(command, cwd=ROOT, stdout=log, stderr=log, check=False).returncode
    print(f"{name}: {fuzzed(name)}, exit code {code}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz.long", description=__doc__)
    parser.add_argument("targets", nargs="*", choices=[[], *_names()], help="all, if none")
    parser.add_argument("--runs", type=int, default=GOAL, help="executions of each")
    parser.add_argument("--page", action="store_true", help="write docs/lab/fuzz.md only")
    given = parser.parse_args()
    if given.page:
        _write()
        return
    for name in given.targets or _names():
        done = fuzzed(name)
        if done is None or done.executions < given.runs:
            _run(name, given.runs)


if __name__ == "__main__":
    main()
