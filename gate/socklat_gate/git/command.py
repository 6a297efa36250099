"""git as a command: bounded in time and output, without prompts, hooks or the caller's ``GIT_*``.

Everything is passed as a list of arguments; what comes from outside is checked here first.
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import tempfile
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from socklat_gate.wording.sanitise import strip_control_characters

__all__ = ["COMMIT", "NOT_INSTALLED", "TIMED_OUT", "Done", "git"]

COMMIT = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
"""A whole commit id, SHA-1 or SHA-256."""

NOT_INSTALLED = 127
TIMED_OUT = 124
MOST_BYTES = 32 << 20

_OPTIONS = {
    "core.hooksPath": "/dev/null",
    "core.fsmonitor": "false",
    "gc.auto": "0",
    "maintenance.auto": "false",
    "protocol.ext.allow": "never",
    "submodule.recurse": "false",
    "push.gpgSign": "false",
}
# What is needed to reach a remote and to find settings; the rest of GIT_* would redirect us.
_KEPT = re.compile(
    r"GIT_(?:SSH|SSH_COMMAND|SSH_VARIANT|ASKPASS|SSL_.*|PROXY_.*|HTTP_.*|ALLOW_PROTOCOL|TRACE.*"
    r"|CONFIG_(?:GLOBAL|SYSTEM|NOSYSTEM|COUNT|KEY_\d+|VALUE_\d+)|CEILING_DIRECTORIES"
    r"|DISCOVERY_ACROSS_FILESYSTEM)"
)


@dataclass(frozen=True, slots=True)
class Done:
    """How a git command ended; ``error`` is its text on stderr, in English."""

    code: int
    out: bytes
    error: str

    @property
    def ok(self) -> bool:
        """Whether it succeeded."""
        return self.code == 0

    @property
    def text(self) -> str:
        """Its output without the white space around it."""
        return self.out.decode("utf-8", "replace").strip()

    @property
    def rows(self) -> list[str]:
        """Its output where that is separated by NUL; undecodable bytes become surrogates."""
        return [row for row in self.out.decode("utf-8", "surrogateescape").split("\0") if row]

    @property
    def why(self) -> str:
        """Its own message of a failure, in a line, without credentials that an address may hold."""
        # A push reports on its branches on stdout.
        found = [*self.error.splitlines(), *(x for x in self.text.splitlines() if x[:1] == "!")]
        lines = [line for line in found if line.strip() and not line.startswith("hint:")]
        worst = [line for line in lines if line.startswith(("fatal:", "remote:", "error:", "!"))]
        text = "; ".join((worst or lines)[:3]) or f"git ended with code {self.code}"
        # Remotes are other machines: their text must not reach a terminal as it is.
        return re.sub(r"//[^/@\s]+@", "//", strip_control_characters(text, " "))[:400]


def git(
    directory: Path,
    *arguments: str,
    data: bytes = b"",
    extra: Mapping[str, str] | None = None,
    timeout_s: float = 120.0,
) -> Done:
    """Run git in ``directory`` with ``data`` on its stdin and ``extra`` in its environment.

    Never raises for what git does: a git that is missing, hangs or prints more than `MOST_BYTES`
    is a `Done` with a code that is not 0.
    """
    options = [word for name, value in _OPTIONS.items() for word in ("-c", f"{name}={value}")]
    command = ["git", *options, "-C", str(directory), *arguments]
    with tempfile.TemporaryFile() as given, tempfile.TemporaryFile() as errors:
        given.write(data)
        given.seek(0)
        try:
            process = subprocess.Popen(
                command,
                stdin=given,
                stdout=subprocess.PIPE,
                stderr=errors,
                env={**_environment(), **(extra or {})},
                # Without a terminal of its own not even ssh can prompt; its children end with it.
                start_new_session=True,
            )
        except OSError as error:
            return Done(NOT_INSTALLED, b"", f"git cannot be started: {error.strerror}")
        late = threading.Event()
        code, out = _follow(process, late, timeout_s)
        errors.seek(0)
        text = errors.read(1 << 16).decode("utf-8", "replace").strip()
    if late.is_set():
        return Done(TIMED_OUT, b"", f"git {arguments[0]} took longer than {timeout_s:g} s")
    if len(out) > MOST_BYTES:
        return Done(TIMED_OUT, b"", f"git {arguments[0]} printed more than {MOST_BYTES} bytes")
    return Done(code, out, text)


def _follow(
    process: subprocess.Popen[bytes], late: threading.Event, timeout_s: float
) -> tuple[int, bytes]:
    """Exit code and output; stops it when time is up or when it prints too much."""

    def stop() -> None:
        late.set()
        _kill(process)

    watch = threading.Timer(timeout_s, stop)
    watch.daemon = True
    watch.start()
    assert process.stdout is not None
    try:
        with process.stdout:
            out = process.stdout.read(MOST_BYTES + 1)
        if len(out) > MOST_BYTES:
            _kill(process)
        return process.wait(), out
    finally:
        watch.cancel()
        if process.poll() is None:
            _kill(process)
            process.wait()


def _kill(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def _environment() -> dict[str, str]:
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("GIT_") or _KEPT.fullmatch(name)
    }
    no_prompts = {"GIT_TERMINAL_PROMPT": "0", "SSH_ASKPASS_REQUIRE": "never"}
    return {**kept, **no_prompts, "LC_ALL": "C", "LANGUAGE": "C"}
