"""The README's newcomer path: its blocks marked ``<!-- tested -->`` are run as they stand."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from socklat_gate.errors import Exit
from socklat_gate.service.client import connect
from tests.e2e.privileges import ELSEWHERE
from tests.services.build import build_image

pytestmark = [pytest.mark.kernel, pytest.mark.docker, pytest.mark.beside]

ROOT = Path(__file__).resolve().parents[2]
BLOCK = re.compile(r"<!-- tested(?:: ([^>]*?))? -->\n```\w+\n(.*?)```", re.DOTALL)
TAGS = ["shop-api:released", "shop-api:dev"]
QUICK = """
[gate]
alpha_pass = 0.1
max_steal = 1.0
max_excluded_pairs = 20
"""


@pytest.fixture(scope="module")
def images() -> Iterator[None]:
    client: Any = connect()
    for tag in TAGS:
        build_image(client, "http.c", tag, ["/http", "--port", "8080"])
    yield
    for tag in TAGS:
        client.images.remove(tag)
    client.close()


@pytest.mark.parametrize("quick", [True, pytest.param(False, marks=pytest.mark.slow)])
def test_a_newcomers_path(images: None, installed: Path, tmp_path: Path, quick: bool) -> None:
    """``quick`` differs from the README's text by `QUICK` in its scenario, and by shorter runs."""
    blocks = BLOCK.findall((ROOT / "README.md").read_text("utf-8"))
    assert len(blocks) == 5
    env = {**os.environ, "PATH": f"{installed}:{os.environ['PATH']}"}

    def does(command: list[str], exit_code: int) -> str:
        done = subprocess.run(
            command,
            cwd=tmp_path,
            env=env,
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            check=False,
        )
        assert done.returncode == exit_code, f"{command}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    for note, text in blocks:
        if note.endswith(".toml"):
            assert text.count("duration_s = 3\n") == text.count("[[gate.metrics]]") == 1
            shorter = text.replace("duration_s = 3\n", "duration_s = 1\n")
            shorter = shorter.replace("[[gate.metrics]]", f"{QUICK}\n[[gate.metrics]]")
            (tmp_path / note).write_text(shorter if quick else text, encoding="utf-8")
        else:
            does(["bash", "-euc", text], int(note.removeprefix("exit ")) if note else 0)
    assert (tmp_path / "gate-out" / "report.md").read_text("utf-8").startswith("✔ **PASS**")
    assert "<!doctype html>" in (tmp_path / "report.html").read_text("utf-8").lower()

    # "Anywhere, without root, Docker or BPF".
    compare = ["socklat-gate", "compare", "baselines/shop-api", "candidate"]
    compared = does([*ELSEWHERE, *compare], exit_code=4)
    assert "**INCONCLUSIVE**" in compared.splitlines()[0]
    assert "too_few_campaigns" in compared


def test_the_report_shown_is_the_committed_one() -> None:
    shown = re.findall(r"^> (.+)$", (ROOT / "README.md").read_text("utf-8"), re.MULTILINE)
    report = (ROOT / "docs" / "examples" / "report.md").read_text("utf-8").splitlines()
    assert shown[0] == report[0]
    cells = {cell.strip() for line in report for cell in line.split("|")}
    for row in shown[1:]:
        if "µs" in row:
            assert {cell.strip() for cell in row.split("|")} <= cells, row


def test_the_table_of_exit_codes_names_them_all() -> None:
    text = (ROOT / "README.md").read_text("utf-8").partition("## Exit codes")[2]
    rows = re.findall(r"^\| ([\d, ]+) \|", text, re.MULTILINE)
    named = {int(number) for row in rows for number in row.split(",")}
    assert named == {int(code) for code in Exit}
