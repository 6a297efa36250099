"""The README's newcomer path: its blocks marked ``<!-- tested -->`` are run as they stand."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from socklat_gate.errors import Exit
from socklat_gate.service.client import connect
from tests.services.build import build_image

pytestmark = [pytest.mark.kernel, pytest.mark.docker, pytest.mark.beside]

ROOT = Path(__file__).resolve().parents[2]
BLOCK = re.compile(r"<!-- tested(?:: ([^>]*?))? -->\n```\w+\n(.*?)```", re.DOTALL)
TAGS = ["shop-api:released", "shop-api:dev"]


@pytest.fixture(scope="module")
def images() -> Iterator[None]:
    client: Any = connect()
    for tag in TAGS:
        build_image(client, "http.c", tag, ["/http", "--port", "8080"])
    yield
    for tag in TAGS:
        client.images.remove(tag)
    client.close()


def test_a_newcomers_path(images: None, tmp_path: Path) -> None:
    blocks = BLOCK.findall((ROOT / "README.md").read_text("utf-8"))
    assert len(blocks) == 5
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    for note, text in blocks:
        if note.endswith(".toml"):
            (tmp_path / note).write_text(text, encoding="utf-8")
            continue
        expected = int(note.removeprefix("exit ")) if note else 0
        done = subprocess.run(
            ["bash", "-euc", text],
            cwd=tmp_path,
            env={**os.environ, "PATH": path},
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            check=False,
        )
        assert done.returncode == expected, f"{text}\n{done.stdout}\n{done.stderr}"
    assert (tmp_path / "gate-out" / "report.md").read_text("utf-8").startswith("✔ **PASS**")


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
