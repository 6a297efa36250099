"""The picture of the rooms is drawn from the imports of today."""

from __future__ import annotations

import importlib.util
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_the_picture_is_up_to_date() -> None:
    spec = importlib.util.spec_from_file_location("architecture", ROOT / "ci" / "architecture.py")
    assert spec is not None
    assert spec.loader is not None
    architecture = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(architecture)
    kept = architecture.PAGE.read_text("utf-8")
    assert kept == architecture.page(), "run .venv/bin/python ci/architecture.py"
