"""The recipes of docs/howto/recipes.md, each with the tool itself and a service that it is for."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from socklat_gate.documents.files import read_result
from tests.e2e.harness import Gate
from tests.services.build import package_image

pytestmark = [pytest.mark.kernel, pytest.mark.docker, pytest.mark.row]

ROOT = Path(__file__).resolve().parents[2]
BLOCK = re.compile(r"<!-- tested: (\S+) (\S+) -->\n```toml\n(.*?)```", re.DOTALL)
RECIPES = BLOCK.findall((ROOT / "docs" / "howto" / "recipes.md").read_text("utf-8"))
ALWAYS = ("wrk", "redis-benchmark")
PORTS = {"nginx": 8080, "redis": 6379, "postgres": 5432}


def test_all_recipes_are_found() -> None:
    assert [tool for tool, _, _ in RECIPES] == ["wrk", "h2load", "redis-benchmark", "pgbench"]


@pytest.mark.parametrize(
    ("tool", "service", "load"),
    [
        pytest.param(*recipe, id=recipe[0], marks=() if recipe[0] in ALWAYS else pytest.mark.slow)
        for recipe in RECIPES
    ],
)
def test_a_recipe_measures_what_it_is_for(
    gate: Gate, docker_client: Any, tool: str, service: str, load: str
) -> None:
    assert shutil.which(tool), f"ci/test installs {tool}"
    tag = package_image(docker_client, service)
    assert "\nduration_s = 4\n" in load
    load = load.replace("\nduration_s = 4\n", "\nduration_s = 1\n")  # enough for a count
    path = gate.directory / "socklat.toml"
    path.write_text(
        f'name = "{service}"\n[service]\nimage = "{tag}"\nport = {PORTS[service]}\n{load}'
        "[gate]\nmax_steal = 1.0\nmax_excluded_pairs = 20\n"
        # In a second too few come for the p99 that is judged by default.
        "[[gate.metrics]]\nquantile = 0.5\ntolerance = 0.1\nregression_threshold = 0.3\n"
    )
    done = gate.run("run", path, "--runs", 1, "--quiet")
    assert done.code == 0, done.stderr
    result = read_result(gate.out / "result.json")
    assert result.campaign is not None
    [run] = result.campaign.runs
    assert run.load.external
    assert run.histograms["service"].total >= 500
    assert result.completeness is not None
    assert result.completeness.balanced
