"""The ``docker compose`` command: found, run, and used to read a file."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from socklat_gate.errors import Reason, UnfitEnvironment, UsageError
from socklat_gate.service.daemon_address import command_environment
from socklat_gate.service.logs import clip

__all__ = ["Compose", "read_stack"]

CONFIG_WITHIN_S = 60.0
END_WITHIN_S = 5.0

Document = Mapping[str, Any]


class Compose:
    """One project of the command; what is under way can be ended from another thread.

    ``environment`` is laid over this process's: the file may refer to it.
    """

    def __init__(
        self,
        project: str,
        file: Path,
        directory: Path,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self._environment = environment or {}
        self._argv = [
            *_command(),
            *("--project-name", project, "--file", str(file)),
            *("--project-directory", str(directory)),
        ]
        self._process: subprocess.Popen[bytes] | None = None

    def run(self, *arguments: str) -> str:
        """Runs a command of compose to its end; returns why it failed, empty when it did not.

        In a session of its own: a signal meant for this tool must not end it half-way.
        """
        process = self._process = subprocess.Popen(
            [*self._argv, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            env={**command_environment(os.environ), **self._environment},
            start_new_session=True,
        )
        _, stderr = process.communicate()
        self._process = None
        if process.returncode == 0:
            return ""
        return clip(stderr) or f"exit code {process.returncode}"

    def end(self) -> None:
        """Ends what is under way, if anything."""
        process = self._process
        if process is None:
            return
        process.terminate()
        try:
            process.wait(END_WITHIN_S)
        except subprocess.TimeoutExpired:
            process.kill()


def read_stack(file: Path) -> Document:
    """The file as compose understands it: merged, interpolated, with absolute paths.

    Raises `UnfitEnvironment` (NO_DOCKER) without the command, `UsageError` (NO_SUCH_FILE,
    BAD_SCENARIO) with compose's own words.
    """
    if not file.is_file():
        raise UsageError(
            Reason.NO_SUCH_FILE,
            f"there is no compose file {file}",
            remedy="point service.compose at it, relative to the scenario",
        )
    argv = [*_command(), "--file", str(file), "config"]
    done = subprocess.run(
        argv, capture_output=True, stdin=subprocess.DEVNULL, timeout=CONFIG_WITHIN_S, check=False
    )
    if done.returncode:
        raise UsageError(
            Reason.BAD_SCENARIO,
            f"compose refuses {file}:\n{clip(done.stderr)}",
            remedy=f"make `docker compose --file {file} config` succeed",
        )
    document: Document = yaml.safe_load(done.stdout)
    return document


@lru_cache(maxsize=1)
def _command() -> tuple[str, ...]:
    """The plugin of Docker's command line, else the program of its own that came before it."""
    docker = shutil.which("docker")
    if docker:
        probe = subprocess.run(
            [docker, "compose", "version"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "DOCKER_CLI_HINTS": "false"},
            check=False,
        )
        if probe.returncode == 0:
            return docker, "compose"
    program = shutil.which("docker-compose")
    if program:
        return (program,)
    raise UnfitEnvironment(
        Reason.NO_DOCKER,
        "service.compose needs `docker compose`, which is not installed here",
        remedy="install Docker's compose plugin (apt-get install docker-compose-plugin, or "
        "docker-compose from the distribution)",
    )
