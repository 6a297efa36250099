"""Hostile documents are refused with a reason and at most 64 MiB, wherever they lie."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from gate.baseline.places.directory import Directory
from gate.baseline.store import BaselineStore
from tests.unit.baseline.hostile import costly_documents, worst_accepted
from tests.unit.factories import make_campaign

ROOT = Path(__file__).resolve().parents[3]
SPARE_MIB = 64
FILE = "20260304T050607Z-0123456789ab.json"


def read_all(location: Path) -> dict[str, tuple[str, int]]:
    """What each scenario was refused with, and the most bytes that took."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.unit.baseline.hostile_reader", str(location), str(SPARE_MIB)],
        cwd=ROOT,
        env={**os.environ, "OPENBLAS_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr + done.stdout
    rows = [line.split() for line in done.stdout.splitlines()]
    return {name: (reason, int(most)) for name, reason, most in rows}


@pytest.fixture
def good(tmp_path: Path) -> Path:
    BaselineStore(Directory(tmp_path)).save(make_campaign(1))
    return tmp_path


@pytest.mark.parametrize("documents", [costly_documents, worst_accepted])
def test_whatever_it_would_take_is_not_taken(good: Path, documents: Callable[[], object]) -> None:
    expected = set()
    for name, data in documents():
        folder = good / name
        folder.mkdir()
        (folder / FILE).write_bytes(data)
        expected.add(name)
    found = read_all(good)
    assert found.keys() == expected
    assert {
        name: reason for name, (reason, _) in found.items() if reason != "baseline_corrupt"
    } == {}
    too_much = {name: most for name, (_, most) in found.items() if most > SPARE_MIB << 20}
    assert too_much == {}


def test_files_that_are_none(good: Path) -> None:
    for name in ("sparse", "pipe", "link", "loop", "device", "folder"):
        (good / name).mkdir()
    with (good / "sparse" / FILE).open("wb") as file:
        file.truncate(1 << 30)
    os.mkfifo(good / "pipe" / FILE)
    (good / "link" / FILE).symlink_to("/etc/passwd")
    (good / "loop" / FILE).symlink_to(FILE)
    (good / "device" / FILE).symlink_to("/dev/zero")
    (good / "folder" / FILE).mkdir()
    found = read_all(good)
    assert {name: reason for name, (reason, _) in found.items()} == {
        "sparse": "baseline_corrupt",
        "pipe": "baseline_corrupt",
        "link": "baseline_corrupt",
        "loop": "baseline_corrupt",
        "device": "baseline_corrupt",
        "folder": "baseline_missing",
    }
    assert max(most for _, most in found.values()) < SPARE_MIB << 20
