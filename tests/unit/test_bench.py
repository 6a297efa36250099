"""ci/bench replaces a page by a finished measurement only; help measures nothing."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BENCH = (ROOT / "ci" / "bench").read_text("utf-8")
NAMES = re.findall(r"(?m)^#   (?:sudo )?ci/bench ([a-z]+)", BENCH)
KEPT = "# What was measured before\n"

# Stands for the environment's python: pip has nothing to do, a measurement prints and ends.
PYTHON = """#!/bin/sh
[ "$2" != pip ] || exit 0
case " $* " in *" --help "*) echo "usage: $2"; exit 0 ;; esac
echo "| measured |"
exit "$ENDS_WITH"
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    (tmp_path / "ci").mkdir()
    for name in ("bench", "lib.sh", "wrap.py"):
        shutil.copy(ROOT / "ci" / name, tmp_path / "ci" / name)
    python = tmp_path / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(PYTHON)
    python.chmod(0o755)
    (tmp_path / "docs" / "lab").mkdir(parents=True)
    for name in (*NAMES, "simulation"):
        (tmp_path / "docs" / "lab" / f"{name}.md").write_text(KEPT)
    return tmp_path


def bench(checkout: Path, *arguments: str, ends_with: int = 0) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(checkout / "ci" / "bench"), *arguments],
        env={
            **os.environ,
            "ENDS_WITH": str(ends_with),
        },
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
    )


def pages(checkout: Path) -> set[str]:
    return {path.read_text("utf-8") for path in (checkout / "docs" / "lab").iterdir()}


def test_all_measurements_are_listed() -> None:
    assert {"demo", "overhead", "simulate", "replay", "startup", "peers"} <= set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_help_names_the_measurement_and_touches_no_page(checkout: Path, name: str) -> None:
    for flag in ("--help", "-h"):
        done = bench(checkout, name, flag)
        assert done.returncode == 0, done.stderr
        assert f"ci/bench {name} " in done.stdout
    assert pages(checkout) == {KEPT}
    assert not (checkout / "socklat-out").exists()


def test_help_of_nothing_is_an_error(checkout: Path) -> None:
    done = bench(checkout, "nothing", "--help")
    assert done.returncode == 2
    assert "ci/bench overhead" in done.stderr


@pytest.mark.parametrize(
    ("name", "page"),
    [("corrections", "corrections"), ("simulate", "simulation"), ("replay", "replay")],
)
def test_a_page_is_replaced_by_a_finished_measurement_only(
    checkout: Path, name: str, page: str
) -> None:
    path = checkout / "docs" / "lab" / f"{page}.md"
    failed = bench(checkout, name, ends_with=7)
    assert failed.returncode == 7
    assert path.read_text("utf-8") == KEPT
    (left,) = (checkout / "socklat-out").iterdir()
    assert "| measured |" in left.read_text("utf-8")
    assert left.name in failed.stderr
    done = bench(checkout, name)
    assert done.returncode == 0, done.stderr
    assert "| measured |" in path.read_text("utf-8")
    assert path.stat().st_mode & 0o777 == 0o644
