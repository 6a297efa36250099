"""What a command imports before it does anything."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = """
import sys
from socklat_gate.cli import main
try:
    main(sys.argv[1:])
except SystemExit as stop:
    assert not stop.code, stop.code
print("\\n", *sorted(sys.modules))
"""


def imported_by(*arguments: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return set(done.stdout.splitlines()[-1].split())


@pytest.mark.parametrize("arguments", [("--version",), ("--help",)], ids=" ".join)
def test_neither_version_nor_help_imports_what_measuring_needs(arguments: tuple[str, ...]) -> None:
    heavy = {"scipy", "numpy", "docker", "bcc", "pydantic", "jinja2", "asyncio"}
    assert imported_by(*arguments) & heavy == set()


@pytest.mark.parametrize(
    ("command", "needless"),
    [
        ("trace", {"scipy", "bcc", "pydantic", "jinja2"}),
        ("baseline", {"scipy", "docker", "bcc"}),
        ("compare", {"docker", "bcc"}),
    ],
)
def test_a_command_imports_its_own_only(command: str, needless: set[str]) -> None:
    found = imported_by(command, "--help")
    assert f"socklat_gate.commands.{command}" in found
    assert found & needless == set()


@pytest.mark.parametrize(
    "command", ["preflight", "measure", "publish", "conclude", "comment-from-artifact"]
)
def test_publishing_imports_nothing_that_measures(command: str) -> None:
    found = imported_by("github", command, "--help")
    assert f"socklat_gate.commands.github.{command.replace('-', '_')}" in found
    assert found & {"docker", "bcc", "socklat_gate.probe", "socklat_gate.service"} == set()
