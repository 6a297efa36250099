"""Each way to install the project finds the probes' C files."""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

pytestmark = pytest.mark.beside

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "gate" / "socklat_gate"
RESOURCES = {
    path.relative_to(ROOT / "gate")
    for place in ("report/templates", "report/formats/html/assets", "init/templates")
    for path in (PACKAGE / place).rglob("*.*")
}
WANTED = {path.relative_to(ROOT / "bpf") for path in (ROOT / "bpf").rglob("*.[ch]")}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with the sdist and the wheel made from it."""
    out = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(out), str(ROOT)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return out


def bpf_dir_seen_with(path: Path) -> Path:
    """Where a fresh interpreter finds the probes when ``path`` comes first."""
    code = "from socklat_gate.measured.bpf_layout import bpf_dir; print(bpf_dir())"
    command = [sys.executable, "-P" if sys.version_info >= (3, 11) else "-B", "-c", code]
    done = subprocess.run(
        command,
        cwd=path,
        env={"PYTHONPATH": f"{path / 'gate'}:{path}", "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=True,
    )
    return Path(done.stdout.strip())


def files_below(directory: Path) -> set[Path]:
    return {path.relative_to(directory) for path in directory.rglob("*.[ch]")}


def test_the_wheel_carries_the_probes_and_finds_them(built: Path, tmp_path: Path) -> None:
    (wheel,) = built.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path)
    found = bpf_dir_seen_with(tmp_path)
    assert found == tmp_path / "socklat_gate" / "_bpf"
    assert files_below(found) == WANTED
    assert len(RESOURCES) > 20
    assert [path for path in sorted(RESOURCES) if not (tmp_path / path).is_file()] == []
    licences = "*.dist-info/licenses/gate/socklat_gate/report/formats/html/assets/uplot/LICENSE"
    (licence,) = tmp_path.glob(licences)
    assert "MIT" in licence.read_text("utf-8")


def test_the_sdist_carries_the_probes_and_finds_them(built: Path, tmp_path: Path) -> None:
    (sdist,) = built.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        archive.extractall(tmp_path)
    (top,) = tmp_path.iterdir()
    assert bpf_dir_seen_with(top) == top / "bpf"
    assert files_below(top / "bpf") == WANTED
    assert [path for path in sorted(RESOURCES) if not (top / "gate" / path).is_file()] == []


def test_the_checkout_finds_its_own(tmp_path: Path) -> None:
    assert bpf_dir_seen_with(ROOT) == ROOT / "bpf"


def test_a_project_with_its_own_gate_keeps_it_beside_the_wheel(built: Path, tmp_path: Path) -> None:
    site, project = tmp_path / "site", tmp_path / "project"
    (wheel,) = built.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
        tops = {name.partition("/")[0] for name in archive.namelist()}
    assert "gate" not in tops
    (project / "gate").mkdir(parents=True)
    (project / "gate" / "__init__.py").write_text('OPEN = "theirs"\n')
    (project / "conftest.py").write_text("")
    (project / "test_it.py").write_text(
        "import gate\n\ndef test_it(pytestconfig):\n"
        "    assert gate.OPEN == 'theirs'\n"
        "    pytestconfig.getoption('--socklat')  # our plugin is there\n"
    )
    for command, wanted in (
        ([str(Path(sys.executable).parent / "pytest"), "-q"], "1 passed"),
        ([sys.executable, "-m", "pytest", "-q"], "1 passed"),
        ([sys.executable, "-m", "socklat_gate", "--version"], "socklat-gate"),
    ):
        done = subprocess.run(
            command,
            cwd=project,
            env={**os.environ, "PYTHONPATH": str(site)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        assert wanted in done.stdout
