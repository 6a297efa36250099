"""All faults, in pieces: what was found is kept, and what is missing is tried."""

from __future__ import annotations

import argparse
import itertools
import json
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from socklat_gate.service.client import connect
from tests.faults import flips, kills, page, scenes, writes
from tests.faults.bench import ROOT, Room, make_images, remove_images, scenario_text, tag
from tests.faults.bench import writes_library as make_writes
from tests.faults.table import FAULTS, SMOKE
from tests.faults.trial import Found, Means, try_out

LOG = ROOT / "socklat-out" / "faults.jsonl"
DATA = ROOT / "tests" / "data" / "faults.jsonl"
PAGE = ROOT / "docs" / "lab" / "faults.md"

QUIET_S = 4.0
"""What a run without faults takes on a quiet machine of 2 CPUs."""

KILLED = "SIGKILL"
KILLS_AT_ONCE = 8
"""Of those at random moments, in a turn."""

Trial = Callable[[Means], Found]


def main() -> int:
    given = _arguments()
    if given.page:
        return _write_page(given.kills)
    trials = all_trials(given.kills)
    if given.smoke:
        wanted = {f"{name} / {phase}" for name, phase in SMOKE}
        trials = {key: trial for key, trial in trials.items() if key in wanted}
        with _means() as means:
            found = [trial(means) for trial in trials.values()]
        return _told(found)
    known = {} if given.again else {key: one for key, one in _read_log().items() if not one.wrong}
    left = {
        key: trial
        for key, trial in trials.items()
        if key not in known and re.search(given.only, key)
    }
    print(f"{len(trials)} trials, {len(left)} to do", flush=True)
    with _means() as means:
        found = _run(left, means, given.seconds, given.jobs)
        if given.clean:
            remove_images(means.client)
    return _told(found)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="ci/faults", description=__doc__)
    parser.add_argument("--seconds", type=float, default=1e9, help="begin no trial after so long")
    parser.add_argument("--only", default="", help="trials whose name / phase matches this")
    parser.add_argument("--kills", type=int, default=200, help="SIGKILLs at random moments")
    parser.add_argument("--jobs", type=int, default=2, help="trials side by side")
    parser.add_argument("--again", action="store_true", help="also what was right the last time")
    parser.add_argument("--smoke", action="store_true", help="a few of them")
    parser.add_argument("--page", action="store_true", help="write docs/lab/faults.md only")
    parser.add_argument("--clean", action="store_true", help="remove the images in the end")
    return parser.parse_args()


def all_trials(random_kills: int) -> Mapping[str, Trial]:
    found: dict[str, Trial] = {}
    for fault in FAULTS:
        for phase in fault.phases:
            found[f"{fault.name} / {phase}"] = partial(try_out, fault=fault, phase=phase)
    found |= {**scenes.trials(), **writes.trials(), **kills.trials(random_kills), **flips.trials()}
    return _in_turn(found)


def _in_turn(trials: Mapping[str, Trial]) -> Mapping[str, Trial]:
    """One of each fault, then the next of each: what is done of it stands for the whole.

    Of kills there are more, and so they are more in each turn.
    """
    groups: dict[str, list[str]] = {}
    for key in trials:
        name = re.sub(r"\d+|/.*", "", key)
        number = re.search(r"\d+", key)
        share = int(number[0]) % KILLS_AT_ONCE if number and KILLED in key else 0
        groups.setdefault(f"{share} {name}", []).append(key)
    # Each fault begins with another phase.
    turned = [of[at % len(of) :] + of[: at % len(of)] for at, of in enumerate(groups.values())]
    rounds = itertools.zip_longest(*turned)
    return {key: trials[key] for one in rounds for key in one if key is not None}


def _run(trials: Mapping[str, Trial], means: Means, seconds: float, jobs: int) -> list[Found]:
    LOG.parent.mkdir(exist_ok=True)
    until_s = time.monotonic() + seconds
    found = []
    waiting = iter(trials.items())
    running: dict[Any, str] = {}
    with ThreadPoolExecutor(max_workers=jobs) as pool, LOG.open("a", encoding="utf-8") as log:
        while True:
            while len(running) < jobs and time.monotonic() < until_s:
                key, trial = next(waiting, ("", None))
                if trial is None:
                    break
                running[pool.submit(trial, means)] = key
            if not running:
                return found
            done, _ = wait(running, return_when=FIRST_COMPLETED)
            for one in done:
                key = running.pop(one)
                try:
                    result = one.result()
                except Exception as error:
                    name, _, phase = key.partition(" / ")
                    result = Found(name, phase, 0, "", "", 0.0, [f"the trial failed: {error!r}"])
                found.append(result)
                log.write(result.to_json() + "\n")
                log.flush()
                print(_line(result), flush=True)


def _line(one: Found) -> str:
    mark = "WRONG" if one.wrong else "ok"
    ended = f"{one.code} {one.verdict}".strip()
    text = f"{mark:5} {one.fault} / {one.phase}: {ended}, {one.seconds:.1f} s: {one.said}"
    return text + "".join(f"\n      {wrong}" for wrong in one.wrong)


def _told(found: list[Found]) -> int:
    wrong = [one for one in found if one.wrong]
    print(f"{len(found) - len(wrong)} passed, {len(wrong)} failed")
    return 1 if wrong else 0


def _read_log() -> dict[str, Found]:
    if not LOG.exists():
        return {}
    return _by_key(LOG.read_text("utf-8").splitlines())


def _by_key(lines: Sequence[str]) -> dict[str, Found]:
    found = [Found(**json.loads(line)) for line in lines if line]
    return {f"{one.fault} / {one.phase}": one for one in found}


def read_data() -> tuple[str, dict[str, Found]]:
    """The machine and what was found there, as committed."""
    machine, *lines = DATA.read_text("utf-8").splitlines()
    return json.loads(machine)["machine"], _by_key(lines)


def _write_page(kills: int) -> int:
    """What was found goes beside the page, which is made of that alone."""
    trials = all_trials(kills)
    found = {key: one for key, one in _read_log().items() if key in trials}
    lines = [
        json.dumps({"machine": page.this_machine()}),
        *(one.to_json() for one in found.values()),
    ]
    DATA.write_text("\n".join(lines) + "\n", encoding="utf-8")
    PAGE.write_text(page.page_of(found, len(trials), page.this_machine()), encoding="utf-8")
    return 0


@contextmanager
def _means() -> Iterator[Means]:
    client = connect()
    make_images(client)
    with tempfile.TemporaryDirectory(prefix="socklat-faults-means-") as home:
        begun_s = time.monotonic()
        stored = _stored(client, Path(home))
        slowness = max(1.0, (time.monotonic() - begun_s) / QUIET_S)
        yield Means(client, stored, make_writes(Path(home)), slowness)
    client.close()


def _stored(client: Any, home: Path) -> Path:
    """A directory with a result that can be stored."""
    room = Room(client)
    try:
        path = room.directory / "socklat.toml"
        path.write_text(scenario_text(), encoding="utf-8")
        words = ["run", path, "--image", tag("fast"), "--runs", 1, "--quiet", "--out", home / "run"]
        process = room.start(*words)
        if process.wait(180):
            raise SystemExit(f"a run without faults failed:\n{room.said()}")
    except subprocess.TimeoutExpired:
        raise SystemExit("a run without faults never ended") from None
    finally:
        room.close()
    return home / "run"


if __name__ == "__main__":
    sys.exit(main())
