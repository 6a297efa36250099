"""Whether this job measures a pull request: code that was not merged yet."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path

from socklat_gate.ci_variables import REQUEST_REF, SYSTEMS, with_properties

__all__ = ["is_pull_request", "variables_around"]

EVENTS = re.compile(r"pull_request\w*|issue_comment|workflow_run")
"""GitHub's that may be about one; ``workflow_run`` has the code of the run that it follows."""

REFS = {
    "GITHUB_REF": re.compile(r"refs/pull/.+"),
    "teamcity.build.branch": re.compile(rf"{REQUEST_REF}.+"),
    **dict.fromkeys(("CODEBUILD_WEBHOOK_TRIGGER", "CODEBUILD_SOURCE_VERSION"), re.compile("pr/.+")),
}
"""Variables that name one or something else, and how they name one."""

NUMBERS = {
    *(name for system in SYSTEMS for name, _ in system.number if name not in REFS),
    "CI_EXTERNAL_PULL_REQUEST_IID",  # of GitLab CI for a repository elsewhere
    "SOCKLAT_ACTION_SUBJECT",  # the action's, of a job that a comment or a person started
}
"""Variables that have the number of one, its address or what is known of it.

Each of all systems counts, whichever this is: sudo may have dropped the one that says so.
"""

NONE = {"", "false", "0"}
MOST_ANCESTORS = 32


def is_pull_request(environment: Mapping[str, str]) -> bool:
    """By the variables of its CI system; false on a laptop, and for what was pushed."""
    environment = with_properties(environment)
    return (
        EVENTS.fullmatch(environment.get("GITHUB_EVENT_NAME", "")) is not None
        or any(pattern.fullmatch(environment.get(name, "")) for name, pattern in REFS.items())
        or any(environment.get(name, "") not in NONE for name in NUMBERS)
    )


def variables_around(proc: Path = Path("/proc")) -> dict[str, str]:
    """This process's variables, and below them those of its ancestors.

    sudo drops most of them, and a job that ran the gate by it would look like a laptop.
    """
    found: dict[str, str] = {}
    pid = os.getppid()
    for _ in range(MOST_ANCESTORS):
        for entry in _read(proc / str(pid) / "environ").split("\0"):
            name, sign, value = entry.partition("=")
            if sign:
                found.setdefault(name, value)
        parent = re.search(r"^PPid:\s*(\d+)", _read(proc / str(pid) / "status"), re.MULTILINE)
        if parent is None or parent[1] == "0":
            break
        pid = int(parent[1])
    return {**found, **os.environ}


def _read(file: Path) -> str:
    """Empty where it may not be read: that of another user's process."""
    try:
        return file.read_bytes().decode("utf-8", "surrogateescape")
    except OSError:
        return ""
