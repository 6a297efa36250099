"""The scenarios of docs/scenarios, each with its service, for a shorter time than they say."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from socklat_gate.documents.files import read_result
from socklat_gate.scenario.loader import load_scenario
from tests.e2e.harness import Gate
from tests.services.build import SCENARIOS, scenario_image

pytestmark = [pytest.mark.kernel, pytest.mark.docker, pytest.mark.slow]

NAMES = sorted(path.parent.name for path in SCENARIOS.glob("*/image"))
MEDIAN = """
[gate]
max_steal = 1.0
max_excluded_pairs = 20
[[gate.metrics]]
quantile = 0.5
tolerance = 0.1
regression_threshold = 0.3
"""
"""In a few seconds too few requests come for what the scenario judges."""
PASSWORD = "canary-tanager-5150"


def shortened(directory: Path, name: str, image: str) -> Path:
    """A copy of a scenario, with this image, four seconds and the median alone."""
    copy = directory / name
    shutil.copytree(SCENARIOS / name, copy)
    path = copy / "socklat.toml"
    text = path.read_text("utf-8")
    text = re.split(r"^\[\[?gate\b.*$", text, maxsplit=1, flags=re.MULTILINE)[0]
    text, images = re.subn(r'^image = "\S+"', f'image = "{image}"', text, flags=re.MULTILINE)
    text, durations = re.subn(r"^duration_s = \d+", "duration_s = 4", text, flags=re.MULTILINE)
    assert (images, durations) == (1, 1)
    path.write_text(text + MEDIAN, "utf-8")
    return path


@pytest.mark.parametrize("name", NAMES)
def test_a_scenario_measures_each_of_its_requests(
    gate: Gate, docker_client: Any, name: str
) -> None:
    load_scenario(SCENARIOS / name / "socklat.toml")
    path = shortened(gate.directory, name, scenario_image(docker_client, name))
    env = {"SHOP_PASSWORD": PASSWORD}
    done = gate.run("run", path, "--runs", 1, "--quiet", env=env)
    assert done.code == 0, done.stderr
    left = [file.read_bytes() for file in gate.out.rglob("*") if file.is_file()]
    assert left
    assert not any(PASSWORD.encode() in written for written in left)
    result = read_result(gate.out / "result.json")
    assert result.campaign is not None
    [run] = result.campaign.runs
    assert result.completeness is not None
    assert result.completeness.balanced
    listed = load_scenario(path).load.request
    assert sorted(run.requests) == sorted(request.name for request in listed)
    assert all(one.exchanges for one in run.requests.values())
    assert run.load.errors == 0
