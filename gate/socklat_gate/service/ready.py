"""Wait until started containers are ready: by TCP, by HTTP(S), or by a line in their log."""

from __future__ import annotations

import http.client
import logging
import re
import socket
import ssl
import time
from collections.abc import Callable, Sequence

import docker
import docker.errors

from socklat_gate.errors import InvalidMeasurement, Reason
from socklat_gate.scenario import Ready
from socklat_gate.service.backoff import attempts
from socklat_gate.service.client import daemon_errors, daemon_message
from socklat_gate.service.container_process import ContainerProcess
from socklat_gate.service.docker_types import DockerClient
from socklat_gate.service.logs import tail

__all__ = ["wait_ready"]

FIRST_PAUSE_S = 0.02
MAX_PAUSE_S = 0.25
TRY_TIMEOUT_S = 2.0
# Lines are stamped before they are written, so look a little further back than the last poll.
LOG_OVERLAP_S = 2.0

log = logging.getLogger(__name__)

Try = Callable[[ContainerProcess], str]
"""One attempt; returns why it is not ready yet, empty when it is."""


class _NotReady(Exception):
    """At least one container is not ready: why the first of them is not."""


def wait_ready(
    client: DockerClient,
    processes: Sequence[ContainerProcess],
    ready: Ready,
    port: int,
    check_alive: Callable[[], None],
) -> None:
    """Return once all of ``processes`` are ready; ``port`` is the one inside the container.

    Connects to the container's own address: a published port accepts connections before the service
    does.  Raises `InvalidMeasurement` (SERVICE_NOT_READY) with the last log lines after
    ``ready.timeout_s``, and at once whatever ``check_alive`` raises.
    """
    attempt = _attempt(client, ready, port)
    waiting = list(processes)
    begun_s = time.monotonic()
    try:
        for retry in attempts(
            _NotReady, ready.timeout_s, first_pause_s=FIRST_PAUSE_S, max_pause_s=MAX_PAUSE_S
        ):
            with retry:
                check_alive()
                reasons = {item.name: attempt(item) for item in waiting}
                for item in waiting:
                    if not reasons[item.name]:
                        log.info("%s ready after %.2f s", item.name, time.monotonic() - begun_s)
                waiting = [item for item in waiting if reasons[item.name]]
                if waiting:
                    raise _NotReady(reasons[waiting[0].name])
                check_alive()
    except _NotReady as error:
        item = waiting[0]
        raise InvalidMeasurement(
            Reason.SERVICE_NOT_READY,
            f"container {item.name} was not ready within {ready.timeout_s:g} s: {error}",
            remedy="check service.port and service.ready, or give a larger service.ready.timeout_s",
        ).with_log(tail(client, item.container_id)) from None


def _attempt(client: DockerClient, ready: Ready, port: int) -> Try:
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
