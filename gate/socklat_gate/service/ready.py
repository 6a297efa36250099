"""Wait until started containers answer: by TCP, by HTTP, or by a line in their log."""

from __future__ import annotations

import http.client
import re
import socket
import time
from collections.abc import Callable, Sequence

import docker
import docker.errors

from socklat_gate.errors import InvalidMeasurement, Reason
from socklat_gate.scenario import Ready
from socklat_gate.service.client import daemon_errors, explain
from socklat_gate.service.docker_types import DockerClient
from socklat_gate.service.logs import tail
from socklat_gate.service.watch import Watched

__all__ = ["wait_ready"]

FIRST_PAUSE_S = 0.02
LAST_PAUSE_S = 0.25
TRY_TIMEOUT_S = 2.0
# Lines are stamped before they are written, so look a little further back than the last poll.
LOG_OVERLAP_S = 2.0

Try = Callable[[Watched], str]
"""One attempt; returns why it is not ready yet, empty when it is."""


def wait_ready(
    client: DockerClient,
    watched: Sequence[Watched],
    ready: Ready,
    port: int,
    check_alive: Callable[[], None],
) -> None:
    """Return once all of ``watched`` are ready; ``port`` is the one inside the container.

    Asks at the container's own address: a published port accepts connections before the service
    does.  Raises `InvalidMeasurement` (SERVICE_NOT_READY) with the last log lines after
    ``ready.timeout_s``, and at once whatever ``check_alive`` raises.
    """
    attempt = _attempt(client, ready, port)
    deadline = time.monotonic() + ready.timeout_s
    pause_s = FIRST_PAUSE_S
    waiting = list(watched)
    while True:
        check_alive()
        reasons = [(item, attempt(item)) for item in waiting]
        reasons = [(item, reason) for item, reason in reasons if reason]
        if not reasons:
            check_alive()
            return
        if time.monotonic() >= deadline:
            item, reason = reasons[0]
            raise InvalidMeasurement(
                Reason.SERVICE_NOT_READY,
                f"container {item.name} was not ready within {ready.timeout_s:g} s: {reason}; "
                f"its last log lines:\n{tail(client, item.container_id)}",
                remedy="check service.port and service.ready, or give a larger "
                "service.ready.timeout_s",
            )
        waiting = [item for item, _ in reasons]
        time.sleep(pause_s)
        pause_s = min(2 * pause_s, LAST_PAUSE_S)


def _attempt(client: DockerClient, ready: Ready, port: int) -> Try:
    if ready.http is not None:
        path = ready.http
        return lambda item: _try_http(item.address, port, path, ready.status)
    if ready.log is not None:
        return _LogSearch(client, ready.log)
    return lambda item: _try_tcp(item.address, port)


def _try_tcp(host: str, port: int) -> str:
    try:
        socket.create_connection((host, port), timeout=TRY_TIMEOUT_S).close()
    except OSError as error:
        return f"no connection to {host}:{port} ({error})"
    return ""


def _try_http(host: str, port: int, path: str, status: int) -> str:
    connection = http.client.HTTPConnection(host, port, timeout=TRY_TIMEOUT_S)
    try:
        connection.request("GET", path, headers={"Connection": "close"})
        got = connection.getresponse().status
    except (OSError, http.client.HTTPException) as error:
        return f"no answer from http://{host}:{port}{path} ({error!r})"
    finally:
        connection.close()
    return "" if got == status else f"http://{host}:{port}{path} answered {got}, not {status}"


class _LogSearch:
    """Looks for the pattern in what each container has logged since it was asked last."""

    def __init__(self, client: DockerClient, pattern: str) -> None:
        self._client = client
        self._pattern = re.compile(pattern)
        self._since: dict[str, float] = {}

    def __call__(self, item: Watched) -> str:
        since = self._since.get(item.container_id)
        self._since[item.container_id] = time.time() - LOG_OVERLAP_S
        with daemon_errors(f"reading the log of {item.name}"):
            try:
                raw: bytes = self._client.api.logs(item.container_id, since=since)
            except docker.errors.APIError as error:
                return f"its log cannot be read ({explain(error)})"
        lines = raw.decode(errors="replace").splitlines()
        if any(self._pattern.search(line) for line in lines):
            return ""
        return f"no log line matches {self._pattern.pattern!r}"
