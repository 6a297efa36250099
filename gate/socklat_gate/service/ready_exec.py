"""Readiness by a command in the container: the scenario's, or that of its own health check."""

from __future__ import annotations

import os
import shlex
import signal
import threading
import time
from collections.abc import Sequence
from contextlib import suppress

import docker
import docker.errors

from socklat_gate.errors import Reason, UsageError
from socklat_gate.service.client import daemon_errors, daemon_message
from socklat_gate.service.container_process import ContainerProcess
from socklat_gate.service.docker_documents import ContainerConfig, ImageConfig
from socklat_gate.service.docker_types import DockerClient

__all__ = ["ReadyCommand", "ReadyHealthcheck", "check_command"]

TIMEOUT_S = 30.0
"""Docker's own for a health check that names none."""

POLL_S, MAX_POLL_S = 0.005, 0.1
SHELL = ("/bin/sh", "-c")


class ReadyCommand:
    """Runs the same command in each container until it ends with 0."""

    def __init__(self, client: DockerClient, command: str | Sequence[str]) -> None:
        self._client = client
        self._argv = shlex.split(command) if isinstance(command, str) else list(command)

    def __call__(self, item: ContainerProcess) -> str:
        """Why it is not ready yet, empty when it is."""
        return _run(self._client, item, self._argv, TIMEOUT_S)


class ReadyHealthcheck:
    """Runs the ``HEALTHCHECK`` of each container's image, or its stack's, until it succeeds.

    Not by Docker's own account of it, which in a stack first asks after the check's interval,
    mostly 30 s; in single containers Docker is told not to ask (`container_options`).
    """

    def __init__(self, client: DockerClient, *, in_stack: bool = False) -> None:
        self._client = client
        self._in_stack = in_stack
        self._checks: dict[str, tuple[list[str], float]] = {}
        self._lock = threading.Lock()

    def __call__(self, item: ContainerProcess) -> str:
        """As `ReadyCommand`; raises `UsageError` (BAD_SCENARIO) where there is no check."""
        if item.container_id not in self._checks:
            found = check_command(self._config(item), item.name)
            with self._lock:
                self._checks[item.container_id] = found
        argv, timeout_s = self._checks[item.container_id]
        return _run(self._client, item, argv, timeout_s)

    def _config(self, item: ContainerProcess) -> ContainerConfig | ImageConfig:
        """Where its check is declared: a compose file may have another than the image, or none."""
        with daemon_errors(f"inspecting container {item.name}"):
            container = self._client.api.inspect_container(item.container_id)
            if self._in_stack:
                return container["Config"]
            return self._client.api.inspect_image(container["Image"]).get("Config") or {}

    @property
    def differ(self) -> bool:
        """Whether the containers so far are held to different checks."""
        with self._lock:
            return len({tuple(argv) for argv, _ in self._checks.values()}) > 1


def check_command(config: ContainerConfig | ImageConfig, name: str) -> tuple[list[str], float]:
    """Arguments and timeout (s) of the health check of the container called ``name``.

    Raises `UsageError` (BAD_SCENARIO) for one without.
    """
    check = config.get("Healthcheck") or {}
    test = check.get("Test") or []
    timeout_s = (check.get("Timeout") or 0) / 1e9 or TIMEOUT_S
    kind, arguments = (test[0], test[1:]) if test else ("NONE", [])
    if kind == "CMD-SHELL" and arguments:
        return [*(config.get("Shell") or SHELL), *arguments], timeout_s
    if kind == "CMD" and arguments:
        return list(arguments), timeout_s
    raise UsageError(
        Reason.BAD_SCENARIO,
        f"service.ready.healthcheck: container {name} has no health check: neither does its image "
        "declare one (HEALTHCHECK), nor does a compose file",
        remedy="add one, or write service.ready.http, command or log instead",
    )


def _run(client: DockerClient, item: ContainerProcess, argv: list[str], timeout_s: float) -> str:
    """Runs it to its end; one that takes longer is ended, so that nothing runs on beside the load.

    Not attached: its output could be endless.
    """
    shown = shlex.join(argv)
    with daemon_errors(f"running {shown} in container {item.name}"):
        try:
            command = client.api.exec_create(item.container_id, argv)["Id"]
            client.api.exec_start(command, detach=True)
        except docker.errors.APIError as error:
            return f"{shown!r} cannot be run in it ({daemon_message(error)})"
        until_s, pause_s = time.monotonic() + timeout_s, POLL_S
        while (state := client.api.exec_inspect(command)).get("Running"):
            if time.monotonic() > until_s:
                _kill(int(state.get("Pid") or 0))
                return f"{shown!r} had not ended after {timeout_s:g} s"
            time.sleep(pause_s)
            pause_s = min(MAX_POLL_S, 2 * pause_s)
    code = state.get("ExitCode")
    return "" if code == 0 else f"{shown!r} ended with exit code {code}"


def _kill(pid: int) -> None:
    if pid > 0:
        with suppress(ProcessLookupError, PermissionError):
            os.kill(pid, signal.SIGKILL)
