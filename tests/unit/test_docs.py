"""What README and docs/ show can be pasted: TOML is TOML, links lead somewhere."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from socklat_gate.scenario import Scenario

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
TOML = re.compile(r"```toml\n(.*?)```", re.DOTALL)
LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_toml_is_toml_and_whole_scenarios_are_valid(page: Path) -> None:
    for block in TOML.findall(page.read_text("utf-8")):
        found = tomllib.loads(block)
        if {"name", "service", "load"} <= found.keys():
            Scenario.model_validate(found)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_inside_the_repository_lead_somewhere(page: Path) -> None:
    for target in LINK.findall(page.read_text("utf-8")):
        if not re.match(r"[a-z]+:", target):
            assert (page.parent / target).exists(), target
