"""The ``docker compose`` command: found, run, and used to read files."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from socklat_gate.errors import Reason, UnfitEnvironment, UsageError
from socklat_gate.keeper import Keeper
from socklat_gate.service.build_user import BuildUser
from socklat_gate.service.daemon_address import command_environment
from socklat_gate.service.logs import clip
from socklat_gate.service.stack_trees import Trees

__all__ = ["Compose", "Document", "StackReading", "read_stack"]

CONFIG_WITHIN_S = 60.0
END_WITHIN_S = 3.0
FIRST_PLUGIN = 2
"""Version 1, the program of its own, knows less: neither ``include`` nor ``name``, for instance."""

_IGNORED = re.compile(r"use the '(\w+)' key, which will be ignored")
_UNSET = re.compile(r'The \\?"?([A-Za-z_]\w*)\\?"? variable is not set')

Document = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class StackReading:
    """Files as compose understands them: merged, interpolated, with absolute paths.

    ``unset`` are variables that the files refer to and nothing sets: compose put nothing there.
    """

    document: Document
    unset: tuple[str, ...] = ()


class Compose:
    """One project of the command; what is under way can be ended from another thread.

    ``environment`` is laid over this process's: the file may refer to it.  ``user`` is who runs it,
    where that is not this process's.
    """

    def __init__(
        self,
        project: str,
        file: Path,
        directory: Path,
        environment: Mapping[str, str] | None = None,
        user: BuildUser | None = None,
    ) -> None:
        self._user = user or BuildUser()
        self._environment = {**self._user.variables, **(environment or {})}
        self._argv = [
            *_command().argv,
            *("--project-name", project, "--file", str(file)),
            *("--project-directory", str(directory)),
        ]
        self._process: subprocess.Popen[bytes] | None = None

    def run(self, *arguments: str, within_s: float | None = None) -> str:
        """Runs a command of compose to its end; returns why it failed, empty when it did not.

        In a session of its own: a signal meant for this tool must not end it half-way.  What takes
        longer than ``within_s`` is ended, and has failed.
        """
        late = ""
        # What goes on after this process was killed would start what nobody removes.
        with Keeper() as keeper:
            process = self._process = subprocess.Popen(
                [*self._argv, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                env={
                    **command_environment(os.environ),
                    **self._environment,
                    **keeper.environment,
                },
                start_new_session=True,
                **self._user.options,
            )
            keeper.keep(process.pid)
            try:
                _, stderr = process.communicate(timeout=within_s)
            except subprocess.TimeoutExpired:
                late = f"it was still waiting after {within_s:g} s"
                self.end()
                _, stderr = process.communicate()
            self._process = None
        if late:
            return "\n".join(filter(None, (clip(stderr), late)))
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


def read_stack(
    files: Sequence[Path], project: str = "", trees: Trees | None = None
) -> StackReading:
    """Files of one stack merged in their order; all their services, whatever their profiles.

    ``project`` is the name that the files are told (COMPOSE_PROJECT_NAME), "" for compose's own.
    Paths lead to the checkout of ``trees``, if the files are another commit's.
    Raises `UnfitEnvironment` (NO_DOCKER) without the command, `UsageError` (NO_SUCH_FILE,
    BAD_SCENARIO) with compose's own words.
    """
    for file in files:
        if not file.is_file():
            raise UsageError(
                Reason.NO_SUCH_FILE,
                f"there is no compose file {file}",
                remedy="point service.compose at it, relative to the scenario",
            )
    command, directory = _command(), files[0].parent.absolute()
    named = [word for file in files for word in ("--file", str(file.absolute()))]
    argv = [*command.argv, *named, "--project-directory", str(directory)]
    if command.version >= FIRST_PLUGIN:
        argv += ["--profile", "*"]  # the older one shows all of them anyway
    if project:
        argv += ["--project-name", project]
    shown = ", ".join(map(str, files))
    try:
        done = subprocess.run(
            [*argv, "config"],
            capture_output=True,
            stdin=subprocess.DEVNULL,
            timeout=CONFIG_WITHIN_S,
            cwd=directory,
            env=trees.variables(os.environ) if trees else None,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise UnfitEnvironment(
            Reason.NO_DOCKER,
            f"compose did not read {shown} within {CONFIG_WITHIN_S:g} s",
            remedy="run `docker compose config` by hand: it may wait for a registry or a file",
        ) from None
    if done.returncode:
        options = " ".join(f"--file {file}" for file in files)
        remedy = f"make `docker compose {options} config` succeed"
        if command.version < FIRST_PLUGIN:
            remedy += "; docker-compose 1 knows fewer keys than Docker's compose plugin"
        raise UsageError(
            Reason.BAD_SCENARIO, f"compose refuses {shown}:\n{clip(done.stderr)}", remedy=remedy
        )
    said = done.stderr.decode(errors="replace")
    if ignored := dict.fromkeys(_IGNORED.findall(said)):
        raise UsageError(
            Reason.BAD_SCENARIO,
            f"compose would start {shown} without its {', '.join(ignored)}",
            remedy="install Docker's compose plugin: docker-compose 1 knows them for swarm alone",
        )
    unset = _UNSET.findall(said)
    document = yaml.safe_load(done.stdout)
    if trees:
        document = trees.document(document)
    return StackReading(document, tuple(dict.fromkeys(unset)))


@dataclass(frozen=True, slots=True)
class _Command:
    """How compose is called, and the first number of its version."""

    argv: tuple[str, ...]
    version: int


@lru_cache(maxsize=1)
def _command() -> _Command:
    """The plugin of Docker's command line, else the program of its own that came before it."""
    for name, argv in (("docker", ("compose",)), ("docker-compose", ())):
        program = shutil.which(name)
        found = _version_of((program, *argv)) if program else None
        if program and found is not None:
            return _Command((program, *argv), found)
    raise UnfitEnvironment(
        Reason.NO_DOCKER,
        "service.compose needs `docker compose`, which is not installed here",
        remedy="install Docker's compose plugin (apt-get install docker-compose-plugin, or "
        "docker-compose from the distribution)",
    )


def _version_of(argv: Sequence[str]) -> int | None:
    """The first number of the version; None where there is no such command."""
    done = subprocess.run(
        [*argv, "version", "--short"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "DOCKER_CLI_HINTS": "false"},
        check=False,
    )
    major = re.match(rb"v?(\d+)\.", done.stdout)
    return int(major[1]) if done.returncode == 0 and major else None
