"""The table of faults, and that a trial notices what must not be."""

from __future__ import annotations

import errno
import importlib
import json
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.faults import bench, flips, kills, scenes, trial, writes
from tests.faults.__main__ import PAGE, all_trials, read_data
from tests.faults.page import page_of
from tests.faults.table import FAULTS, SMOKE
from tests.faults.trial import HOOKS, PHASES, Fault, Found

FAULT = Fault("it", ("measure",), frozenset({1, 3}), "docker")


@pytest.fixture
def room(tmp_path: Path) -> Any:
    (tmp_path / "result.json").touch()
    (tmp_path / "report.md").touch()
    return SimpleNamespace(out=tmp_path)


def judged(
    room: Any, code: int, said: str = "", verdict: Any = None, seconds: float = 1.0
) -> list[str]:
    return trial._judged(FAULT, code, said, verdict, room, seconds)


ERROR = "error: Docker is gone [no_docker]\ntry: start it\n"


def test_what_is_right(room: Any) -> None:
    assert judged(room, 3, ERROR) == []
    assert judged(room, 1, "", {"exit_code": 1, "reasons": []}) == []


@pytest.mark.parametrize(
    ("code", "said", "verdict", "seconds"),
    [
        (0, "", {"exit_code": 0, "reasons": []}, 1.0),
        (4, "", {"exit_code": 4, "reasons": []}, 1.0),
        (1, "", {"exit_code": 0, "reasons": []}, 1.0),
        (1, "", None, 1.0),
        (3, ERROR + "Traceback (most recent call last)", None, 1.0),
        (3, ERROR, None, 100.0),
        (3, "", None, 1.0),
        (3, ERROR + ERROR, None, 1.0),
        (3, ERROR.replace("Docker", "It").replace("no_docker", "x"), None, 1.0),
    ],
)
def test_what_is_wrong(room: Any, code: int, said: str, verdict: Any, seconds: float) -> None:
    assert judged(room, code, said, verdict, seconds)


def test_a_verdict_without_the_other_reports_is_wrong(room: Any) -> None:
    (room.out / "result.json").unlink()
    assert judged(room, 1, "", {"exit_code": 1, "reasons": []})


def test_there_are_at_least_forty_faults_and_no_phase_without() -> None:
    assert len({fault.name for fault in FAULTS}) >= 40
    assert {phase for fault in FAULTS for phase in fault.phases} == set(PHASES) == set(HOOKS)
    keys = [(fault.name, phase) for fault in FAULTS for phase in fault.phases]
    assert len(keys) == len(set(keys))
    assert set(SMOKE) <= set(keys)


def test_no_gate_may_pass() -> None:
    for fault in FAULTS:
        assert 0 not in fault.codes or set(fault.phases) == {"store"}, fault.name


def test_every_hook_has_a_place() -> None:
    places = {one["at"] for fault in FAULTS for one in fault.inside if "at" in one}
    places |= {hook["at"] for hook in HOOKS.values()} | set(kills.CREATING)
    for place in sorted(places):
        module, _, path = place.partition(":")
        found: Any = importlib.import_module(module)
        for name in path.split("."):
            found = getattr(found, name)


def test_every_trial_has_a_name_of_its_own() -> None:
    parts = [flips.trials(), writes.trials(), scenes.trials(), kills.trials(200)]
    every = all_trials(200)
    assert len(every) == sum(map(len, parts)) + sum(len(fault.phases) for fault in FAULTS)


@pytest.mark.skipif(shutil.which("cc") is None, reason="no C compiler")
def test_calls_of_a_child_are_counted_from_its_start(tmp_path: Path) -> None:
    under, count = tmp_path / "under", tmp_path / "count"
    program = (
        "import os, sys\n"
        "os.mkdir(sys.argv[1]); os.mkdir(sys.argv[1] + '/a')\n"
        "if pid := os.fork(): os.waitpid(pid, 0)\n"
        "else: os.mkdir(sys.argv[1] + '/b')\n"
    )
    env = {
        "LD_PRELOAD": str(bench.writes_library(tmp_path)),
        "SOCKLAT_WRITES_UNDER": str(under),
        "SOCKLAT_WRITES_COUNT": str(count),
    }
    subprocess.run([sys.executable, "-c", program, str(under)], env=env, check=True)
    assert count.read_text().split() == ["1", "2"]


def test_the_page_has_what_was_found() -> None:
    one = Found("SIGINT", "start", 130, "", "interrupted", 2.0, after_s=7.5)
    bad = replace(one, phase="measure", code=0, wrong=["exit code 0, not one of [130]"])
    killed = replace(one, fault="SIGKILL 1 at random", phase="build", code=-9)
    page = page_of({str(number): each for number, each in enumerate((one, bad, killed))}, 9, "here")
    assert "| SIGINT |  | 130 |  |  | **0** |" in page
    assert "| wrong passes | 1 |" in page
    assert "| cancels that took more than 7 s | 1 |\n| the longest, in s | 7.5 |" in page
    assert "| at random moments | 1 | 1 | 0 |" in page
    assert "| SIGKILL 1 at random |" not in page
    assert "- SIGINT / measure: exit code 0" in page
    assert Found(**json.loads(one.to_json())) == one


def test_the_committed_page_is_made_of_the_committed_trials() -> None:
    machine, found = read_data()
    assert PAGE.read_text("utf-8") == page_of(found, len(all_trials(200)), machine)


@pytest.mark.skipif(shutil.which("cc") is None, reason="no C compiler")
@pytest.mark.parametrize(("number", "stays"), [(errno.ENOSPC, False), (errno.EACCES, True)])
def test_a_full_disk_refuses_no_removal(tmp_path: Path, number: int, stays: bool) -> None:
    under = tmp_path / "under"
    under.mkdir()
    (under / "a").touch()
    program = "import os, sys\ntry: os.unlink(sys.argv[1])\nexcept OSError: pass\n"
    env = {
        "LD_PRELOAD": str(bench.writes_library(tmp_path)),
        "SOCKLAT_WRITES_UNDER": str(under),
        "SOCKLAT_WRITES_AT": "1",
        "SOCKLAT_WRITES_DO": str(number),
    }
    subprocess.run([sys.executable, "-c", program, str(under / "a")], env=env, check=True)
    assert (under / "a").exists() is stays
