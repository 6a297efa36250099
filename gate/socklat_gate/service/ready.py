"""Whether a started container is ready: by TCP, HTTP(S), its log, a command in it, its check."""

from __future__ import annotations

import http.client
import socket
import ssl
from collections.abc import Callable

from socklat_gate.scenario import Ready
from socklat_gate.service.container_process import ContainerProcess
from socklat_gate.service.docker_types import DockerClient
from socklat_gate.service.ready_exec import ReadyCommand, ReadyHealthcheck
from socklat_gate.service.ready_log import LogSearch

__all__ = ["Try", "least_pause_s", "make_attempt"]

SOCKET_PAUSE_S, LOG_PAUSE_S, EXEC_PAUSE_S = 0.004, 0.02, 0.1
TRY_TIMEOUT_S = 2.0

Try = Callable[[ContainerProcess], str]
"""One attempt; returns why it is not ready yet, empty when it is."""


def least_pause_s(ready: Ready) -> float:
    """Between attempts: a log takes the daemon milliseconds, a command in a container ten times."""
    if ready.command is not None or ready.healthcheck:
        return EXEC_PAUSE_S
    return LOG_PAUSE_S if ready.log is not None else SOCKET_PAUSE_S


def make_attempt(client: DockerClient, ready: Ready, port: int, *, in_stack: bool = False) -> Try:
    """How to try a container; ``port`` is the one inside it, unless ``ready`` names another.

    Connects to the container's own address: a published port accepts connections before the service
    does.  An attempt lasts until the response, at most `TRY_TIMEOUT_S` after each of its parts.
    ``in_stack`` says that compose has made the container.
    """
    if ready.healthcheck:
        return ReadyHealthcheck(client, in_stack=in_stack)
    if ready.command is not None:
        return ReadyCommand(client, ready.command)
    if ready.log is not None:
        return LogSearch(client, ready.log)
    port = ready.port or port
    path = ready.https if ready.https is not None else ready.http
    if path is None:
        return lambda item: _try_tcp(item.address, port)
    secured = ready.https is not None
    return lambda item: _try_http(item.address, port, path, ready, tls=secured)


def _try_tcp(host: str, port: int) -> str:
    try:
        socket.create_connection((host, port), timeout=TRY_TIMEOUT_S).close()
    except OSError as error:
        return f"no connection to {_authority(host, port)} ({error})"
    return ""


class _AnyCertificate(http.client.HTTPSConnection):
    """Whether the service is the right one is the load's to say; ``name`` is asked for, if any."""

    def __init__(self, host: str, port: int, timeout_s: float, name: str) -> None:
        super().__init__(host, port, timeout=timeout_s)
        self._name = name

    def connect(self) -> None:
        """Connect, and shake hands."""
        http.client.HTTPConnection.connect(self)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        self.sock = context.wrap_socket(self.sock, server_hostname=self._name)


def _try_http(host: str, port: int, path: str, ready: Ready, *, tls: bool) -> str:
    name = ready.host or ""
    connection: http.client.HTTPConnection
    if tls:
        connection = _AnyCertificate(host, port, TRY_TIMEOUT_S, _without_port(name) or host)
    else:
        connection = http.client.HTTPConnection(host, port, timeout=TRY_TIMEOUT_S)
    where = f"{'https' if tls else 'http'}://{_authority(host, port)}{path}"
    where += f" (Host: {name})" if name else ""
    headers = {"Connection": "close"} | ({"Host": name} if name else {})
    try:
        connection.request("GET", path, headers=headers)
        got = connection.getresponse().status
    except (OSError, http.client.HTTPException) as error:
        return f"no response from {where} ({error!r})"
    finally:
        connection.close()
    return "" if got == ready.status else f"{where} responded {got}, not {ready.status}"


def _authority(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _without_port(name: str) -> str:
    """The host of a ``Host`` header."""
    return name.partition("]")[0].lstrip("[") if name.startswith("[") else name.partition(":")[0]
