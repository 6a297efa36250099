"""What a contributor runs without root: ``nox -s lint unit docs``.

``nox --no-venv -s ...`` takes the environment that nox is in (``pip install -e ".[dev]"``).  Tests
that measure need a machine of their own: ``sudo ci/test`` (see CONTRIBUTING.md).
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import nox

nox.needs_version = ">=2024.4.15"
nox.options.sessions = ["lint", "unit", "docs"]
nox.options.reuse_existing_virtualenvs = True


def install(session: nox.Session, *arguments: str, constraints: str = "ci/constraints.txt") -> None:
    """Install into the session's environment; the one at hand stays as it is."""
    if session.venv_backend != "none":
        session.install("-c", constraints, *arguments)


def python(session: nox.Session, *arguments: str, **options: object) -> object:
    """Run the interpreter of the session's environment, or of the one at hand."""
    interpreter = sys.executable if session.venv_backend == "none" else "python"
    return session.run(interpreter, *arguments, external=True, **options)  # type: ignore[arg-type]


@nox.session
def lint(session: nox.Session) -> None:
    """Style, format, types and layers."""
    install(session, "-e", ".[test,speed]")
    python(session, "-m", "ruff", "check", ".")
    python(session, "-m", "ruff", "format", "--check", ".")
    python(session, "-m", "mypy")
    python(session, "-c", "from importlinter.cli import lint_imports_command as c; c()")


@nox.session
def unit(session: nox.Session) -> None:
    """Unit tests, with the versions of ci/constraints.txt; arguments go to pytest."""
    install(session, "-e", ".[test,speed]")
    python(session, "-m", "pytest", "-q", "-n", "auto", *(session.posargs or ["tests/unit"]))


@nox.session
def lowest(session: nox.Session) -> None:
    """Unit tests with the lowest versions of the dependencies that pyproject.toml allows.

    Left out are those of places on object stores, whose server needs newer ones, and those of pages
    made from the help, which click words differently.
    """
    session.install("packaging", "tomli")  # Python 3.10 has none of its own
    with tempfile.TemporaryDirectory() as scratch:
        pins, tools = Path(scratch) / "lowest.txt", Path(scratch) / "tools.txt"
        for path, option in ((pins, "--lowest"), (tools, "--tools")):
            text = python(session, "ci/freeze.py", option, silent=True)
            path.write_text(str(text), encoding="utf-8")
        wanted = ("-r", str(pins), "-r", str(tools), "-e", ".[speed]")
        install(session, *wanted, constraints=str(pins))
    left_out = [
        f"--ignore=tests/unit/{path}"
        for path in ("baseline/places", "commands/test_man.py", "test_reference.py")
    ]
    paths = session.posargs or ["tests/unit"]
    python(session, "-m", "pytest", "-q", "-n", "auto", *left_out, *paths)


@nox.session
def docs(session: nox.Session) -> None:
    """The site, into site/; a link that leads nowhere is an error."""
    install(session, "-e", ".[docs]")
    quiet = {"NO_MKDOCS_2_WARNING": "1"}
    python(session, "-m", "mkdocs", "build", "--strict", "--quiet", env=quiet)


@nox.session
def pages(session: nox.Session) -> None:
    """Write again what is made from the code: reference, rooms, man pages, examples."""
    install(session, "-e", ".[test]")
    python(session, "ci/reference.py")
    python(session, "ci/architecture.py")
    python(session, "ci/man.py", "docs/man")
    python(session, "-m", "tests.benchmarks.examples")
