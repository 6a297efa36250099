"""The real command, in this process or as one of its own, and whether it left anything behind."""

from __future__ import annotations

import os
import pty
import secrets
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from socklat_gate.service.owner import PREFIX
from tests.e2e.done import Done
from tests.e2e.here import call_here
from tests.e2e.scenarios import DELAY_TAG
from tests.e2e.terminal import Terminal
from tests.xdist import XDIST

__all__ = ["COMMAND", "SAME", "Gate"]

ROOT = Path(__file__).resolve().parents[2]
COMMAND = [sys.executable, "-m", "socklat_gate"]
SAME = "--allow-same-image"
PATIENCE_S = 240.0
NOT_PASSED_ON = {"FORCE_COLOR", *XDIST}


class Gate:
    """Starts commands in a directory; everything they start carries a mark in its environment."""

    def __init__(self, directory: Path, client: Any) -> None:
        self.directory = directory
        self.out = directory / "out"
        self._client = client
        self._token = secrets.token_hex(8)
        self._temporary = directory / "tmp"
        self._temporary.mkdir()
        self._pids: set[int] = set()

    def run(
        self,
        *arguments: object,
        out: bool = True,
        apart: bool = False,
        env: Mapping[str, str] | None = None,
        **options: Any,
    ) -> Done:
        """Run a command to its end; ``out`` adds ``--out``.

        It is called in this process, which saves a start of a second or two.  ``apart`` or another
        ``command`` take a process of its own, as people do.
        """
        words = [*map(str, arguments), *(["--out", str(self.out)] if out else [])]
        if apart or options:
            return self.end(self.start(*words, env=env, **options))
        self._pids.add(os.getpid())
        code, stdout, stderr = call_here(
            words, self.directory, {**self._environment(), **(env or {})}
        )
        return Done(code, stdout, stderr, self.out)

    def gate(
        self, scenario: Path, *arguments: object, baseline: str | None = DELAY_TAG, **options: Any
    ) -> Done:
        """Run ``gate`` to its end; without ``baseline`` the reference comes from the store.

        Most tests judge an image beside itself, so that is allowed to all.
        """
        named = ["--baseline-image", baseline] if baseline else []
        return self.run("gate", scenario, SAME, *named, *arguments, **options)

    def start(
        self,
        *arguments: object,
        command: Sequence[str] = COMMAND,
        env: Mapping[str, str] | None = None,
        **streams: Any,
    ) -> subprocess.Popen[bytes]:
        """Start a command without waiting for it."""
        return self._start(arguments, command, env, **{"stderr": subprocess.PIPE, **streams})

    def end(self, process: subprocess.Popen[bytes], within_s: float = PATIENCE_S) -> Done:
        """Wait for a started command."""
        stdout, stderr = process.communicate(timeout=within_s)
        return Done(process.returncode, (stdout or b"").decode(), stderr.decode(), self.out)

    def on_terminal(self, *arguments: object, out: bool = True) -> Terminal:
        """Start a command whose stdout and stderr are a terminal of 100 columns."""
        ours, theirs = pty.openpty()
        env = {"TERM": "xterm", "COLUMNS": "100"}
        args = (*arguments, *(["--out", self.out] if out else []))
        process = self._start(args, COMMAND, env, stdout=theirs, stderr=theirs)
        os.close(theirs)
        return Terminal(process, ours, self.out)

    def image_id(self, reference: str) -> str:
        """The id of a local image."""
        return str(self._client.images.get(reference).id)

    def left_behind(self) -> list[str]:
        """Containers, networks, volumes, processes and files of the commands started here."""
        found: list[str] = []
        for pid in self._pids:
            chosen = {"label": f"{PREFIX}pid={pid}"}
            containers = self._client.api.containers(all=True, filters=chosen)
            found += [item["Names"][0] for item in containers]
            found += [item["Name"] for item in self._client.api.networks(filters=chosen)]
            volumes = self._client.api.volumes(filters=chosen)["Volumes"] or []
            found += [item["Name"] for item in volumes]
        return [*found, *map(str, self._temporary.iterdir()), *self._processes()]

    def _start(
        self,
        arguments: Sequence[object],
        command: Sequence[str],
        env: Mapping[str, str] | None,
        **streams: Any,
    ) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(
            [*command, *map(str, arguments)],
            cwd=self.directory,
            env={**self._environment(), **(env or {})},
            stdin=subprocess.DEVNULL,
            bufsize=0,  # `communicate` would lose what `readline` had buffered
            **{"stdout": subprocess.PIPE, **streams},
        )
        self._pids.add(process.pid)
        return process

    def _environment(self) -> dict[str, str]:
        return {
            **{name: text for name, text in os.environ.items() if name not in NOT_PASSED_ON},
            "PYTHONPATH": f"{ROOT}/gate:{ROOT}",
            "TMPDIR": str(self._temporary),
            "SOCKLAT_E2E": self._token,
        }

    def _processes(self) -> list[str]:
        mark = f"SOCKLAT_E2E={self._token}".encode()
        found: list[str] = []
        for path in Path("/proc").glob("[0-9]*"):
            try:
                if mark in (path / "environ").read_bytes():
                    found.append((path / "cmdline").read_bytes().replace(b"\0", b" ").decode())
            except OSError:
                continue
        return found

    def close(self) -> None:
        """End what a failed test left running."""
        for pid in self._pids - {os.getpid()}:
            try:
                if os.waitpid(pid, os.WNOHANG) == (0, 0):
                    os.kill(pid, signal.SIGKILL)
            except (ChildProcessError, ProcessLookupError):
                continue
