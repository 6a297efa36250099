"""What README and docs/ show can be pasted: TOML is TOML, links lead somewhere, lines are short."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import click
import pytest

from socklat_gate.commands.lazy import LazyCommand
from socklat_gate.commands.root import cli
from socklat_gate.scenario import Scenario
from socklat_gate.scenario.loader import load_scenario
from socklat_gate.scenario.renamed import RENAMED_KEYS
from socklat_gate.scenario.secret import DIRECTORY

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

KEYS = Scenario.model_fields.keys()
ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
DOCS = ROOT / "docs"
SCENARIOS = sorted((DOCS / "scenarios").glob("*/socklat.toml"))
SHELL = re.compile(r"```sh\n(.*?)```|(?<!`)`(socklat-gate [^`\n]+)`(?!`)", re.DOTALL)
TOML = re.compile(r"```toml\n(.*?)```", re.DOTALL)
LINK = re.compile(r"(?:\]\(|^\[\w+\]: )([^)#\s]+)(?:#[^)\s]*)?\)?", re.MULTILINE)
FILES = {"order.json": "{}", "users.csv": "id,currency\n7,EUR\n"}
"""What scenarios on the pages have beside them."""
GENERATED = "scenario.md"
"""Shows every key of a table at once, those that exclude each other too."""
COLUMNS = 100
LONG_LINES = {
    "docs/examples/report.md": "is what a report prints",
    "CHANGELOG.md": "has an entry a line",
}
"""Pages whose lines may be longer, and why."""


def completed(part: dict[str, Any]) -> dict[str, Any]:
    """A scenario of which a page shows a part, with what every scenario needs."""
    whole = {"name", "service", "load"} <= part.keys()
    service = {} if whole else {"image": "shop:dev", "port": 8080}
    if "build" in part.get("service", {}):
        del service["image"]
    return {
        "name": "shop",
        **part,
        "service": {**service, **part.get("service", {})},
        "load": {"driver": "http", **part.get("load", {})},
    }


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_toml_is_toml_and_scenarios_are_valid(page: Path, tmp_path: Path) -> None:
    for name, text in FILES.items():
        (tmp_path / name).write_text(text, "utf-8")
    for block in TOML.findall(page.read_text("utf-8")):
        found = tomllib.loads(block)
        part = found.keys() & {"service", "load", "gate"} and found.keys() <= KEYS
        if part and page.name != GENERATED:
            Scenario.model_validate(completed(found), context={DIRECTORY: tmp_path})


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_inside_the_repository_lead_somewhere(page: Path) -> None:
    for target in LINK.findall(page.read_text("utf-8")):
        if not re.match(r"[a-z]+:", target):
            assert (page.parent / target).exists(), target


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_lines_are_short(page: Path) -> None:
    if page.relative_to(ROOT).as_posix() in LONG_LINES:
        return
    for number, line in enumerate(page.read_text("utf-8").splitlines(), 1):
        row_or_quoted_report = line.lstrip().startswith(("|", "> "))
        assert len(line) <= COLUMNS or row_or_quoted_report, f"{page}:{number}"


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.parent.name)
def test_a_scenario_is_valid_and_has_a_row(scenario: Path) -> None:
    found = load_scenario(scenario)
    table = (DOCS / "scenarios" / "README.md").read_text("utf-8")
    (row,) = re.findall(rf"^\| \[{scenario.parent.name}\]\(.*$", table, re.MULTILINE)
    cells = [cell.strip() for cell in row.strip("|").split("|")]
    script, tag, *files = cells[2].strip("`").split()
    assert tag == found.service.image
    assert all((ROOT / path).is_file() for path in (script, *files))
    assert cells[3] == str(len(found.load.request) or "none")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_commands_and_their_options_are_there(page: Path) -> None:
    shown = "\n".join(map("".join, SHELL.findall(page.read_text("utf-8")))).replace("\\\n", " ")
    for line in re.findall(r"(?:^|[ (])socklat-gate ([^|>;)&\n]*)", shown, re.MULTILINE):
        command: click.Command = cli
        words = line.split()
        while words and isinstance(command, click.Group) and words[0].islower():
            command = loaded(command.commands[words.pop(0)])
        known = {name for one in command.params for name in (*one.opts, *one.secondary_opts)}
        options = {word.partition("=")[0] for word in words if word.startswith("--")}
        assert options <= known | {"--help"}, f"socklat-gate {line}"


def loaded(command: click.Command) -> click.Command:
    """The command itself, where it is imported only when it is called."""
    return command.load() if isinstance(command, LazyCommand) else command


def test_the_readme_is_short_and_begins_with_what_it_is_and_two_commands() -> None:
    lines = (ROOT / "README.md").read_text("utf-8").splitlines()
    assert len(lines) <= 175
    head = "\n".join(lines[:8])
    assert head.index("A CI gate") < head.index("sudo ci/demo") < head.index("sudo ci/test")
    headings = [line.removeprefix("## ") for line in lines if line.startswith("## ")]
    assert headings == [
        "What it prints",
        "Install",
        "Five minutes",
        "In GitHub Actions",
        "Exit codes",
        "Limits",
        "Links",
    ]


def test_the_index_leads_to_every_page() -> None:
    index = ROOT / "docs" / "index.md"
    listed = {
        (index.parent / target).resolve() for target in LINK.findall(index.read_text("utf-8"))
    }
    notes = {page for page in PAGES if page.parent.name == "decisions" and page.stem != "index"}
    pages = {page for page in PAGES if page.is_relative_to(index.parent)} - notes - {index}
    assert pages == {page for page in listed if page.suffix == ".md"}


def test_decisions_are_numbered_and_listed() -> None:
    index = ROOT / "docs" / "decisions" / "index.md"
    listed = list(LINK.findall(index.read_text("utf-8")))
    notes = sorted(page.name for page in index.parent.glob("[0-9]*.md"))
    assert listed == notes
    for name in notes:
        text = (index.parent / name).read_text("utf-8")
        assert text.startswith(f"# {name[:4]}: ")
        assert re.findall(r"^## (.+)$", text, re.MULTILINE)[:3] == [
            "Context",
            "Decision",
            "Consequences",
        ]


def test_the_glossary_has_every_renamed_key() -> None:
    text = (ROOT / "docs" / "glossary.md").read_text("utf-8")
    for place, (old, new) in RENAMED_KEYS.items():
        key, now = ".".join((*place, old)), ".".join((*place, new))
        assert f"| `{key}` | `{now}` |" in text


def test_contributing_names_files_that_exist() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    places = (ROOT, ROOT / "gate" / "socklat_gate")
    named = re.findall(r"`([a-z_]+(?:/[a-z_*]+)+(?:\.(?:py|c|h|md|yml|txt))?/?)`", text)
    assert len(named) > 25
    missing = [
        path for path in named if not any(list(place.glob(path.rstrip("/"))) for place in places)
    ]
    assert missing == []


def test_the_page_of_routes_says_how_many_it_has() -> None:
    text = (DOCS / "trust.md").read_text("utf-8")
    rows = re.findall(r"^\| (?!route |---)", text, re.MULTILINE)
    (said,) = re.findall(r"These are the (\d+) routes", text)
    assert int(said) == len(rows)
