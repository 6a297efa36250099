"""What a command imports before and while it works: sets of modules, no times."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from socklat_gate.baseline.places.directory import Directory
from socklat_gate.baseline.store import BaselineStore
from socklat_gate.report.writer import write_reports
from tests.unit.factories import make_campaign, make_result

GATE = Path(__file__).resolve().parents[2] / "gate"
HEAVY = {
    "asyncio",
    "bcc",
    "docker",
    "httptools",
    "importlib.metadata",
    "jinja2",
    "jsonschema",
    "junitparser",
    "numpy",
    "prometheus_client",
    "pydantic",
    "requests",
    "rich",
    "scipy",
    "stamina",
    "yaml",
}
PROGRAM = """
import contextlib, io, json, sys
from socklat_gate.cli import main
found = []
for arguments in json.loads(sys.argv[1]):
    with contextlib.redirect_stdout(io.TextIOWrapper(io.BytesIO(), "utf-8")):
        try:
            main(arguments)
        except SystemExit as stop:
            assert stop.code in (0, 1, 4), (arguments, stop.code)
    found.append(sorted(sys.modules))
print(json.dumps(found[-1]))
"""
COMMANDS = ["gate", "run", "compare", "report", "calibrate", "init", "doctor", "schema", "trace"]
COMMANDS += ["completion"]
BASELINE = ["save", "promote", "list", "show", "history", "drift", "verify", "prune", "export"]
GITHUB = ["preflight", "measure", "publish", "conclude", "comment-from-artifact"]


def imported_by(*calls: list[str], **environment: str) -> set[str]:
    """All modules of one fresh process after these calls of the command."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, json.dumps(calls)],
        env={**os.environ, "PYTHONPATH": str(GATE), **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stdout.splitlines()[-1]))


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("stored")
    store = BaselineStore(Directory(place / "baselines"))
    for number in range(5):
        created = f"2026-11-{number + 1:02}T10:00:00+00:00"
        store.save(make_campaign(created=created, mode="paired"))
    write_reports(make_result(), place / "out")
    return place


def test_no_help_imports_what_working_needs() -> None:
    calls = [["--version"], ["--help"]]
    calls += [[name, "--help"] for name in COMMANDS]
    calls += [["baseline", name, "--help"] for name in BASELINE]
    calls += [["github", name, "--help"] for name in GITHUB]
    found = imported_by(*calls)
    assert "socklat_gate.commands.github.publish" in found
    assert "socklat_gate.commands.baseline.list_" in found
    assert found & HEAVY == set()


def test_a_command_imports_its_own_only() -> None:
    found = imported_by(["compare", "--help"])
    commands = {name for name in found if name.startswith("socklat_gate.commands.")}
    assert commands == {
        f"socklat_gate.commands.{name}"
        for name in ("compare", "help", "lazy", "options", "output", "root", "verbosity")
    }


@pytest.mark.parametrize(
    ("module", "needed"),
    [
        ("load.worker", {"asyncio", "httptools", "numpy"}),
        ("job.comparison", {"numpy"}),
        (
            "job.gate_job",
            {
                "docker",
                "importlib.metadata",
                "numpy",
                "pydantic",
                "requests",
                "rich",
                "stamina",
                "yaml",
            },
        ),
    ],
)
def test_a_module_that_a_process_starts_with_imports_what_it_needs(
    module: str, needed: set[str]
) -> None:
    program = f"import sys, socklat_gate.{module}\nprint(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONPATH": str(GATE)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert set(done.stdout.split()) & HEAVY == needed


def test_a_tab_imports_nothing_heavy() -> None:
    program = "import atexit, sys\nfrom socklat_gate.cli import main\n"
    program += "atexit.register(lambda: print('modules', *sys.modules))\nmain()\n"
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={
            **os.environ,
            "PYTHONPATH": str(GATE),
            "_SOCKLAT_GATE_COMPLETE": "bash_complete",
            "COMP_WORDS": "socklat-gate gate --max-",
            "COMP_CWORD": "2",
        },
        capture_output=True,
        text=True,
        check=True,
    )
    assert "--max-pairs" in done.stdout
    assert set(done.stdout.splitlines()[-1].split()) & (HEAVY | {"logging"}) == set()


@pytest.mark.parametrize(
    ("arguments", "needed"),
    [
        ("report {}/out --format json", {"numpy"}),
        ("report {}/out --format markdown", {"numpy", "jinja2"}),
        ("report {}/out --format html", {"numpy", "jinja2"}),
        # The markdown goes with it; junitparser reads its own version.
        (
            "report {}/out --format junit",
            {"numpy", "jinja2", "junitparser", "importlib.metadata"},
        ),
        ("report {}/out --format openmetrics", {"numpy", "prometheus_client"}),
        ("baseline list --baselines {}/baselines", set()),
        ("baseline verify --baselines {}/baselines", {"numpy"}),
        (
            "compare {0}/baselines/checkout {0}/out --json",
            {"numpy"},
        ),
    ],
)
def test_a_command_imports_what_it_works_with_and_nothing_else(
    stored: Path, arguments: str, needed: set[str]
) -> None:
    assert imported_by(arguments.format(stored).split()) & HEAVY == needed


EXTRAS = {"google", "grpc", "h2", "hpack", "uvloop", "wsproto"}


def test_neither_a_gate_nor_its_load_needs_an_extra() -> None:
    """They are imported for the scenarios that ask for them, and no others."""
    program = "import json, sys, socklat_gate.load.worker, socklat_gate.job.gate_job; "
    program += "import socklat_gate.load.process; print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONPATH": str(GATE)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert not EXTRAS & set(json.loads(done.stdout))
