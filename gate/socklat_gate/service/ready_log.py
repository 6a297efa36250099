"""Readiness by a line in the container's log."""

from __future__ import annotations

import re
import time

import docker
import docker.errors

from socklat_gate.service.client import daemon_errors, daemon_message
from socklat_gate.service.container_process import ContainerProcess
from socklat_gate.service.docker_types import DockerClient

__all__ = ["LogSearch"]

# Lines are stamped before they are written, so look a little further back than the last poll.
LOG_OVERLAP_S = 2.0


class LogSearch:
    """Looks for the pattern in what each container has logged since it was read last."""

    def __init__(self, client: DockerClient, pattern: str) -> None:
        self._client = client
        self._pattern = re.compile(pattern)
        self._since: dict[str, float] = {}

    def __call__(self, item: ContainerProcess) -> str:
        """Why it is not ready yet, empty when it is."""
        since = self._since.get(item.container_id)
        self._since[item.container_id] = time.time() - LOG_OVERLAP_S
        with daemon_errors(f"reading the log of {item.name}"):
            try:
                raw: bytes = self._client.api.logs(item.container_id, since=since)
            except docker.errors.APIError as error:
                return f"its log cannot be read ({daemon_message(error)})"
        lines = raw.decode(errors="replace").splitlines()
        if any(self._pattern.search(line) for line in lines):
            return ""
        return f"no log line matches {self._pattern.pattern!r}"
