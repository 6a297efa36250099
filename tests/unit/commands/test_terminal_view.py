"""Reports on a terminal are laid out for it; everywhere else they are bytes as documented."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from rich.cells import cell_len

from socklat_gate.baseline.places.directory import Directory
from socklat_gate.baseline.store import BaselineStore
from socklat_gate.commands.terminal_view import terminal_text
from socklat_gate.report.writer import write_reports
from tests.unit.factories import make_campaign, make_result
from tests.unit.report.rendered import render_markdown
from tests.unit.terminals import GATE, shown_on_a_terminal

ROOT = Path(__file__).resolve().parents[3]
ANSI = re.compile(r"\x1b\[[0-9;]*m")
SPACES = "\u202f\u00a0"  # of numbers with their units
MARKUP = ("**", "| ", "|:", "&#", "&amp;", "<details>", "###", "```")


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("reports")
    write_reports(make_result(), out)
    return out


def lines_of(text: str) -> list[str]:
    return ANSI.sub("", text).splitlines()


def piped(*arguments: str, **environment: str) -> bytes:
    done = subprocess.run(
        [sys.executable, "-m", "socklat_gate", *arguments],
        env={**os.environ, "PYTHONPATH": str(GATE), **environment},
        capture_output=True,
        check=True,
    )
    return done.stdout


@pytest.mark.parametrize("columns", ["0", "00", ""])
def test_a_terminal_without_a_width_shows_all(reports: Path, columns: str) -> None:
    """As of `docker run -t` in a job."""
    code, shown, errors = shown_on_a_terminal("report", str(reports), columns=0, COLUMNS=columns)
    assert (code, errors) == (0, "")
    assert "Where the time went" in shown
    _, shown, _ = shown_on_a_terminal("doctor", "--help", columns=0, COLUMNS=columns)
    assert "Usage: socklat-gate doctor" in shown


@pytest.mark.parametrize("columns", [80, 60, 200])
def test_a_report_fits_the_terminal_and_shows_no_markup(reports: Path, columns: int) -> None:
    code, shown, errors = shown_on_a_terminal("report", str(reports), columns=columns)
    assert (code, errors) == (0, "")
    lines = lines_of(shown)
    assert max(map(cell_len, lines)) <= min(columns, 80)
    assert [mark for mark in MARKUP if mark in shown] == []
    text = "\n".join(lines)
    for part in ("Metrics", "response_p99", "Where the time went", "Environment", "Not shown here"):
        assert part in text
    assert "\x1b[1m" in shown
    assert "…" not in shown


def test_colours_are_left_out_where_they_are_not_wanted(reports: Path) -> None:
    _, shown, _ = shown_on_a_terminal("report", str(reports), NO_COLOR="1")
    assert "\x1b[3" not in shown


def test_a_comparison_is_laid_out_too(reports: Path, tmp_path: Path) -> None:
    store = BaselineStore(Directory(tmp_path))
    for number in range(5):
        created = f"2026-11-{number + 1:02}T10:00:00+00:00"
        store.save(make_campaign(created=created, mode="paired"))
    arguments = ("compare", str(tmp_path / "checkout"), str(reports))
    code, shown, errors = shown_on_a_terminal(*arguments)
    assert code in (0, 1, 4), errors
    assert max(map(cell_len, lines_of(shown))) <= 80
    assert [mark for mark in MARKUP if mark in shown] == []
    assert "What to do next" in shown
    assert errors.count("\n") == 1  # the headline


def test_a_terminal_gets_the_markdown_where_it_is_asked_for(reports: Path) -> None:
    code, shown, _ = shown_on_a_terminal("report", str(reports), "--format", "markdown")
    assert code == 0
    assert shown.rstrip("\n") == (reports / "report.md").read_text("utf-8").rstrip("\n")


def test_a_terminal_of_another_encoding_gets_what_it_can_show(reports: Path) -> None:
    code, shown, errors = shown_on_a_terminal("report", str(reports), PYTHONIOENCODING="ascii")
    assert (code, errors) == (0, "")
    assert "REGRESSION" in shown


def test_a_pipe_gets_the_markdown(reports: Path) -> None:
    assert piped("report", str(reports)) == (reports / "report.md").read_bytes()


@pytest.mark.parametrize(
    ("form", "name"),
    [
        ("html", "report.html"),
        ("junit", "junit.xml"),
        ("prometheus", "metrics.txt"),
        ("openmetrics", "openmetrics.txt"),
        ("markdown", "report.md"),
        ("json", "verdict.json"),
    ],
)
def test_declared_encodings_are_kept(reports: Path, form: str, name: str) -> None:
    found = piped("report", str(reports), "--format", form, PYTHONIOENCODING="latin-1")
    assert found.rstrip(b"\n") == (reports / name).read_bytes().rstrip(b"\n")
    found.decode("utf-8")


def test_entities_and_escapes_are_text_again() -> None:
    text = terminal_text(
        "- SOCKLAT&#95;X \\* `a|b`\n\n| a | b |\n|:--|--:|\n| x\\|y | &lt;z&gt; |\n"
    )
    plain = ANSI.sub("", text)
    assert "SOCKLAT_X * a|b" in plain
    assert "x|y" in plain
    assert "<z>" in plain


def test_a_table_without_room_becomes_records() -> None:
    names = [f"column_number_{number}" for number in range(9)]
    table = "\n".join(
        [
            "| " + " | ".join(names) + " |",
            "|" + ":--|" * 9,
            "| first | " + " | ".join(f"value_{number}" for number in range(1, 9)) + " |",
        ]
    )
    lines = lines_of(terminal_text(table))
    assert next(line for line in lines if line.strip()) == "first"
    assert "  column_number_1 value_1, column_number_2 value_2" in "\n".join(lines)
    assert max(map(len, lines)) <= 80


def test_no_number_is_taken_from_its_unit() -> None:
    report = (ROOT / "docs" / "examples" / "report.md").read_text("utf-8")
    seen = re.sub(r"(?ms)^<details>.*?^</details>", "", report)
    text = "\n".join(lines_of(terminal_text(report)))
    numbers = 0
    for table in re.findall(r"(?m)(?:^\|.*\n)+", seen):
        _, alignment, *rows = [line.strip("|").split("|") for line in table.splitlines()]
        for row in rows:
            for cell, alignment_of_it in zip(row, alignment, strict=True):
                if alignment_of_it.endswith("-:"):
                    numbers += 1
                    assert re.sub(r"[`*]", "", cell.strip()) in text
    assert numbers > 50


def test_foreign_text_steers_no_terminal() -> None:
    hostile = "a\x1b[2Jb\u202e[bold]c[/]</details>\n<details>&#27;[2J"
    result = replace(make_result(), candidate_image=hostile, scenario_name="[link=x]y[/link]")
    shown = terminal_text(render_markdown(result))
    assert not any(
        c != "\n" and not c.isprintable() for c in ANSI.sub("", shown) if c not in SPACES
    )
    assert "[bold]c[/]" in shown
    assert "[link=x]y[/link]" in shown
