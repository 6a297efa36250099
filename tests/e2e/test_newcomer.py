"""A newcomer's path, from an installed package to a comparison on a machine without privileges."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.privileges import ELSEWHERE
from tests.services.build import build_image

pytestmark = [pytest.mark.kernel, pytest.mark.docker, pytest.mark.beside]

ROOT = Path(__file__).resolve().parents[2]
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
TAGS = ("newcomer-shop:released", "newcomer-shop:dev")
DOCKERFILE = """
FROM {base}
EXPOSE 8080
LABEL tag={tag}
HEALTHCHECK CMD ["/http-get", "http://localhost:8080/health"]
CMD ["/http", "--port", "8080", "--delay", "{delay_us}"]
"""
GATE = f"socklat-gate gate socklat.toml --baseline-image {TAGS[0]}"
QUICK = """
[gate]
alpha = 0.4
alpha_pass = 0.1
max_steal = 1.0
max_excluded_pairs = 20
watch.minutes = 0

[[gate.metrics]]
quantile = 0.5
tolerance = 0.1
regression_threshold = 0.3
"""


class Newcomer:
    """A shell in a directory of its own, with nothing of this checkout on its paths."""

    def __init__(self, home: Path, commands: Path) -> None:
        self.home = home
        self.commands = commands

    def run(self, line: str, *prefix: str) -> subprocess.CompletedProcess[str]:
        kept = {name: os.environ[name] for name in ("HOME", "PIP_FIND_LINKS") if name in os.environ}
        return subprocess.run(
            [*prefix, "bash", "-euc", line],
            cwd=self.home,
            env={**kept, "PATH": f"{self.commands}:{PATH}", "PIP_NO_COMPILE": "1"},
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            check=False,
        )

    def does(self, line: str, *prefix: str, exit_code: int = 0) -> str:
        done = self.run(line, *prefix)
        assert done.returncode == exit_code, f"{line}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def builds(self, tag: str, base: str, delay_us: int) -> None:
        (self.home / "Dockerfile").write_text(
            DOCKERFILE.format(tag=tag, base=base, delay_us=delay_us)
        )
        self.does(f"docker build --quiet --tag {tag} .")

    def inits(self, tag: str) -> None:
        """Writes the scenario, and makes of it one that decides in seconds."""
        said = self.does(f"socklat-gate init {tag}")
        assert "speaks HTTP on port 8080: GET /health 200" in said
        scenario = self.home / "socklat.toml"
        text = scenario.read_text().partition("\n[gate]\n")[0] + QUICK
        text = re.sub(r"^rate = \S+", "rate = 300", text, flags=re.MULTILINE)
        scenario.write_text(
            re.sub(r"^duration_s = \S+", "duration_s = 1", text, flags=re.MULTILINE)
        )


@pytest.fixture
def images(docker_client: Any) -> Iterator[str]:
    base = build_image(docker_client, "http.c", "newcomer-shop:base", ["/http"])
    yield base
    for tag in (*TAGS, base):
        if docker_client.api.images(name=tag):
            docker_client.images.remove(tag, force=True)


@pytest.mark.slow
def test_a_slower_image_of_ones_own_fails(installed: Path, images: str, tmp_path: Path) -> None:
    """A green gate, storing and comparing elsewhere: test_readme.py, with the same package."""
    newcomer = Newcomer(tmp_path, installed)
    newcomer.builds(TAGS[0], images, 3000)
    newcomer.builds(TAGS[1], images, 4500)
    newcomer.inits(TAGS[1])
    assert newcomer.does(GATE, exit_code=1).startswith("regression: ")


@pytest.mark.slow
def test_from_installing_to_comparing_elsewhere(images: str, tmp_path: Path) -> None:
    newcomer = Newcomer(tmp_path, tmp_path / "venv" / "bin")
    # The interpreter that runs the tests is one that the project supports.
    newcomer.does(f"{sys.executable} -m venv venv && venv/bin/pip install --quiet {ROOT}")
    newcomer.does("socklat-gate doctor")

    for tag in TAGS:
        newcomer.builds(tag, images, 3000)
    newcomer.inits(TAGS[1])
    assert newcomer.does(GATE).startswith("pass: ")
    assert newcomer.does("socklat-gate report socklat-out").startswith("✔ **PASS**")
    assert "<!doctype html>" in (tmp_path / "socklat-out" / "report.html").read_text().lower()
    newcomer.does("socklat-gate baseline save socklat-out")

    newcomer.builds(TAGS[1], images, 4500)
    assert newcomer.does(GATE, exit_code=1).startswith("regression: ")

    compared = newcomer.does(
        "socklat-gate compare baselines/newcomer-shop socklat-out", *ELSEWHERE, exit_code=4
    )
    assert "**INCONCLUSIVE**" in compared.splitlines()[0]
    assert "too_few_campaigns" in compared
