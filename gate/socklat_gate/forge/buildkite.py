"""An annotation of a Buildkite build, through the agent that runs the job."""

from __future__ import annotations

import hashlib
import os
import re
import signal
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from typing import Literal

from socklat_gate import masking
from socklat_gate.errors import HostFailure, Reason
from socklat_gate.forge.exit_policy import Level
from socklat_gate.wording.markdown_escape import one_line

__all__ = ["MAX_ANNOTATION", "annotate", "context_of"]

AGENT = "buildkite-agent"
TIMEOUT_S = 60.0
MAX_ANNOTATION = (1 << 20) // 3
"""Characters, each at most three bytes, of the MiB that Buildkite takes."""

MAX_SAID = 300
PLAIN = re.compile(r"[A-Za-z0-9_-]{1,60}")
STYLES: Mapping[Level, Literal["success", "warning", "error"]] = {
    "notice": "success",
    "warning": "warning",
    "error": "error",
}


def context_of(name: str) -> str:
    """By what a build's annotation of this name is found again, to be replaced."""
    digest = hashlib.sha256(name.encode("utf-8", "replace")).hexdigest()[:12]
    plain = PLAIN.fullmatch(name) is not None
    return f"socklat-gate-{name if plain else digest}"


def annotate(environment: Mapping[str, str], name: str, level: Level, body: str) -> None:
    """Show ``body`` at the head of the build, instead of what was shown there by this ``name``.

    Raises `HostFailure` when the agent cannot be run or refuses; no message holds its token.
    """
    # The agent repeats what it was given, its own access token included, when it logs.
    masking.suspect(environment)
    command = [AGENT, "annotate", "--style", STYLES[level], "--context", context_of(name)]
    try:
        process = subprocess.Popen(
            command,
            env=dict(environment),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    except OSError as error:
        raise _refused(f"cannot be run: {error.strerror}") from error
    try:
        output, _ = process.communicate(masking.mask(body).encode(), timeout=TIMEOUT_S)
    except subprocess.TimeoutExpired as error:
        raise _refused(f"took longer than {TIMEOUT_S:g} s") from error
    finally:
        if process.poll() is None:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    if process.returncode:
        lines = [line for line in output.decode("utf-8", "replace").splitlines() if line.strip()]
        said = one_line(masking.mask_foreign(lines[-1]), MAX_SAID) if lines else ""
        raise _refused(f"ended with code {process.returncode}" + (f": {said}" if said else ""))


def _refused(what: str) -> HostFailure:
    return HostFailure(
        Reason.HOST_REFUSED,
        f"{AGENT} annotate {what}",
        remedy="run this in a job's own command; in a container, mount the agent into it "
        "(mount-buildkite-agent: true of the docker plugin) and pass its variables on",
    )
