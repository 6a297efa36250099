"""What other projects import of this one, and that nothing of theirs is hidden by it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import socklat_gate
from socklat_gate.baseline.places.directory import Directory
from socklat_gate.baseline.store import BaselineStore
from socklat_gate.report.writer import write_reports
from tests.unit.factories import make_campaign, make_result

ROOT = Path(__file__).resolve().parents[2]
HEAVY = {"numpy", "scipy", "pydantic", "docker", "click", "rich"}
PUBLIC = {"Result", "Run", "Histogram", "gate_job", "compare", "__version__"}

THEIR_TEST = """
import gate

def test_it_is_their_gate():
    assert gate.OPEN == "theirs"
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with a package `gate` of its own, and a test of it."""
    (tmp_path / "gate").mkdir()
    (tmp_path / "gate" / "__init__.py").write_text('OPEN = "theirs"\n')
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "test_gate.py").write_text(THEIR_TEST)
    (tmp_path / "conftest.py").write_text("")  # by which pytest puts the project on the path
    return tmp_path


@pytest.fixture
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory as site-packages is after the wheel: the package and its entry points."""
    site = tmp_path_factory.mktemp("site")
    (site / "socklat_gate").symlink_to(ROOT / "gate" / "socklat_gate")
    info = site / "socklat_gate-0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: socklat-gate\nVersion: 0\n")
    (info / "entry_points.txt").write_text("[pytest11]\nsocklat = socklat_gate.pytest_plugin\n")
    return site


@pytest.mark.parametrize(
    "command",
    [
        [str(Path(sys.executable).parent / "pytest"), "-q"],
        [sys.executable, "-m", "pytest", "-q"],
        [sys.executable, "-m", "socklat_gate", "--version"],
    ],
    ids=["pytest", "python -m pytest", "python -m socklat_gate"],
)
def test_a_project_with_its_own_gate_keeps_it(
    project: Path, installed: Path, command: list[str]
) -> None:
    done = subprocess.run(
        command,
        cwd=project,
        env={**os.environ, "PYTHONPATH": str(installed)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 passed" in done.stdout or "socklat-gate" in done.stdout


def test_the_public_names_are_declared_and_documented() -> None:
    assert set(socklat_gate.__all__) == PUBLIC
    assert set(dir(socklat_gate)) >= PUBLIC
    page = (ROOT / "docs" / "reference" / "python.md").read_text("utf-8")
    for name in PUBLIC:
        found = getattr(socklat_gate, name)
        assert f"`{name}`" in page
        assert name == "__version__" or found.__doc__
    assert socklat_gate.__doc__ is not None


def test_any_other_name_is_refused() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        socklat_gate.nothing  # noqa: B018 - the access is the test


def test_importing_it_imports_nothing_else() -> None:
    program = "import sys, socklat_gate; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONPATH": str(ROOT / "gate")},
        capture_output=True,
        text=True,
        check=True,
    )
    loaded = set(done.stdout.split())
    assert loaded & HEAVY == set()
    assert [name for name in loaded if name.startswith("socklat_gate.")] == ["socklat_gate.version"]


def test_stored_results_are_compared(tmp_path: Path) -> None:
    store = BaselineStore(Directory(tmp_path / "base"))
    for number in range(5):
        store.save(make_campaign(created=f"2026-11-{number + 1:02}T10:00:00+00:00"))
    write_reports(make_result("run"), tmp_path / "candidate")
    result = socklat_gate.compare(
        str(tmp_path / "base" / make_campaign().scenario_name), tmp_path / "candidate"
    )
    assert isinstance(result, socklat_gate.Result)
    assert result.kind == "compare"
    assert result.verdict.metrics
