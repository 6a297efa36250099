"""Which commit is being measured."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

__all__ = ["current_commit"]


def current_commit(directory: Path) -> str:
    """Hash of the commit checked out at ``directory``, else CI's GITHUB_SHA, else "unknown"."""
    try:
        done = subprocess.run(
            ["git", "-C", str(directory), "rev-parse", "HEAD"],  # noqa: S607 - git is on the PATH
            capture_output=True,
            text=True,
            timeout=10,
            check=False,
        )
        found = done.stdout.strip()
    except (OSError, subprocess.TimeoutExpired):
        found = ""
    found = found or os.environ.get("GITHUB_SHA", "")
    return found if re.fullmatch(r"[0-9a-f]{40,64}", found) else "unknown"
