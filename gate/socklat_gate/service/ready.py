"""Whether a started container is ready: by TCP, by HTTP(S), or by a line in its log."""

from __future__ import annotations

import http.client
import re
import socket
import ssl
import time
from collections.abc import Callable

import docker
import docker.errors

from socklat_gate.scenario import Ready
from socklat_gate.service.client import daemon_errors, daemon_message
from socklat_gate.service.container_process import ContainerProcess
from socklat_gate.service.docker_types import DockerClient

__all__ = ["LEAST_PAUSE_S", "Try", "make_attempt"]

LEAST_PAUSE_S = {"socket": 0.004, "log": 0.02}
"""Between attempts: the daemon is asked for a log, which takes it milliseconds."""
TRY_TIMEOUT_S = 2.0
# Lines are stamped before they are written, so look a little further back than the last poll.
LOG_OVERLAP_S = 2.0

Try = Callable[[ContainerProcess], str]
"""One attempt; returns why it is not ready yet, empty when it is."""


def make_attempt(client: DockerClient, ready: Ready, port: int) -> Try:
    """How to try a container; ``port`` is the one inside it.

    Connects to the container's own address: a published port accepts connections before the service
    does.  An attempt lasts until the response, at most `TRY_TIMEOUT_S` after each of its parts.
    """
    if (path := ready.http) is not None:
        return lambda item: _try_http(item.address, port, path, ready.status)
    if (secured := ready.https) is not None:
        return lambda item: _try_http(item.address, port, secured, ready.status, tls=_any_peer())
    if ready.log is not None:
        return _LogSearch(client, ready.log)
    return lambda item: _try_tcp(item.address, port)


def _try_tcp(host: str, port: int) -> str:
    try:
        socket.create_connection((host, port), timeout=TRY_TIMEOUT_S).close()
    except OSError as error:
        return f"no connection to {host}:{port} ({error})"
    return ""


def _any_peer() -> ssl.SSLContext:
    """Checks no certificate: whether the service is the right one is the load's to say."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def _try_http(
    host: str, port: int, path: str, status: int, tls: ssl.SSLContext | None = None
) -> str:
    scheme = "http" if tls is None else "https"
    connection = (
        http.client.HTTPConnection(host, port, timeout=TRY_TIMEOUT_S)
        if tls is None
        else http.client.HTTPSConnection(host, port, timeout=TRY_TIMEOUT_S, context=tls)
    )
    try:
        connection.request("GET", path, headers={"Connection": "close"})
        got = connection.getresponse().status
    except (OSError, http.client.HTTPException) as error:
        return f"no response from {scheme}://{host}:{port}{path} ({error!r})"
    finally:
        connection.close()
    where = f"{scheme}://{host}:{port}{path}"
    return "" if got == status else f"{where} responded {got}, not {status}"


class _LogSearch:
    """Looks for the pattern in what each container has logged since it was read last."""

    def __init__(self, client: DockerClient, pattern: str) -> None:
        self._client = client
        self._pattern = re.compile(pattern)
        self._since: dict[str, float] = {}

    def __call__(self, item: ContainerProcess) -> str:
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
