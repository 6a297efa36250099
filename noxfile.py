"""What a contributor runs without root: ``nox -s lint unit docs``.

``nox --no-venv -s ...`` takes the environment at hand.  Tests that measure need a machine of their
own: ``sudo ci/test`` (see CONTRIBUTING.md).
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import nox

nox.needs_version = ">=2024.4.15"
nox.options.sessions = ["lint", "unit", "docs"]
nox.options.reuse_existing_virtualenvs = True

PINNED = ("-c", "ci/constraints.txt")


@nox.session
def lint(session: nox.Session) -> None:
    """Style, format, types and layers."""
    session.install(*PINNED, "-e", ".[test,speed]")
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")
    session.run("mypy")
    session.run("lint-imports")


@nox.session
def unit(session: nox.Session) -> None:
    """Unit tests, with the versions of ci/constraints.txt; arguments go to pytest."""
    session.install(*PINNED, "-e", ".[test,speed]")
    session.run("pytest", "-q", "-n", "auto", *(session.posargs or ["tests/unit"]))


@nox.session
def lowest(session: nox.Session) -> None:
    """Unit tests with the lowest versions of the dependencies that pyproject.toml allows."""
    session.install("packaging")
    text = session.run("python", "ci/freeze.py", "--lowest", silent=True)
    with tempfile.TemporaryDirectory() as scratch:
        pins = Path(scratch) / "lowest.txt"
        pins.write_text(str(text), encoding="utf-8")
        session.install("-c", str(pins), "-e", ".[test,speed]")
    session.run("pytest", "-q", "-n", "auto", *(session.posargs or ["tests/unit"]))


@nox.session
def docs(session: nox.Session) -> None:
    """The site, into site/; a link that leads nowhere is an error."""
    session.install(*PINNED, "-e", ".[docs]")
    session.run("mkdocs", "build", "--strict", "--quiet", env={"NO_MKDOCS_2_WARNING": "1"})


@nox.session
def pages(session: nox.Session) -> None:
    """Write again what is made from the code: reference, rooms, man pages, examples."""
    session.install(*PINNED, "-e", ".[test]")
    for script in ("ci/reference.py", "ci/architecture.py"):
        session.run("python", script)
    session.run("python", "ci/man.py", "docs/man")
    session.run("python", "-m", "tests.benchmarks.examples")
