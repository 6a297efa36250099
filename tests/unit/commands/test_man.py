"""The committed man pages say what ``--help`` says, and ``man`` can show them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
PAGES = ROOT / "docs" / "man"


def test_the_pages_are_those_of_the_commands(tmp_path: Path) -> None:
    command = [sys.executable, str(ROOT / "ci" / "man.py"), str(tmp_path)]
    subprocess.run(command, check=True, cwd=ROOT, env={"PYTHONPATH": f"{ROOT}/gate:{ROOT}"})
    made = {path.name: path.read_text("utf-8") for path in tmp_path.iterdir()}
    kept = {path.name: path.read_text("utf-8") for path in PAGES.iterdir()}
    assert made == kept, "write them again: python ci/man.py docs/man"
    assert {"socklat-gate.1", "socklat-gate-gate.1", "socklat-gate-baseline-save.1"} <= set(made)
    assert not any("github" in name for name in made)
    assert "0 pass, 1 regression" in made["socklat-gate.1"]


def test_no_line_is_taken_for_a_request_of_troff() -> None:
    requests = (".TH ", ".SH ", ".B ", ".PP", ".TP")
    for page in PAGES.iterdir():
        for line in page.read_text("utf-8").splitlines():
            assert not line.startswith("'")
            assert not line.startswith(".") or line.startswith(requests), (page.name, line)
