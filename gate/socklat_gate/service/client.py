"""The connection to the Docker daemon, and the one place where losing it becomes an error."""

from __future__ import annotations

import errno
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager

import docker
import docker.errors

from socklat_gate import masking
from socklat_gate.errors import GateError, Reason, UnfitEnvironment
from socklat_gate.interrupt import signal_received
from socklat_gate.service.backoff import attempts
from socklat_gate.service.daemon_address import DaemonAddress, daemon_address
from socklat_gate.service.daemon_check import check_address, check_daemon
from socklat_gate.service.docker_types import DockerClient
from socklat_gate.service.patience import (
    DAEMON_FAILURES,
    be_patient,
    causes,
    is_passing,
    refused_here,
)

__all__ = ["connect", "daemon_errors", "daemon_message", "daemon_url", "hurry"]

log = logging.getLogger(__name__)

CONNECT_TIMEOUT_S = 5
CONNECT_WITHIN_S = 20.0
WORK_TIMEOUT_S = 60
HURRY_TIMEOUT_S = 2
SILENT_TIMEOUT_S = 0.2
"""After a signal, whose sender kills this process soon; of a daemon that was silent then."""
_ABSENT = {errno.ECONNREFUSED, errno.ENOENT, errno.EACCES, errno.EPERM}
"""No daemon is there, or not for this user: asking again is no use."""


def daemon_url() -> str:
    """Where the daemon is looked for, with the context that names it: see `daemon_address`."""
    return str(daemon_address())


def connect() -> DockerClient:
    """A client of a daemon that has just responded, and asks again where that is safe.

    Raises `UnfitEnvironment` (NO_DOCKER) naming the socket or URL when no daemon responds there
    (within 20 s where something listens), and as `check_address` and `check_daemon`.  Variables of
    this process that look secret are masked in logs from now on.
    """
    masking.suspect(os.environ)
    at = daemon_address()
    check_address(at)
    try:
        for attempt in attempts(_is_busy, CONNECT_WITHIN_S, first_pause_s=0.1, max_pause_s=1.0):
            with attempt:
                client = _open(at)
                info = client.info()
    except DAEMON_FAILURES as error:
        # The SDK wraps whatever a signal handler raises while it requests the version.
        if isinstance(error.__cause__, GateError):
            raise error.__cause__ from None
        raise UnfitEnvironment(
            Reason.NO_DOCKER,
            f"no Docker daemon responds at {at}: {error}",
            remedy=_remedy(at.url),
        ) from error
    try:
        check_daemon(info, at)
    except BaseException:
        client.close()
        raise
    be_patient(client.api)
    client.api.timeout = WORK_TIMEOUT_S
    log.debug("connected to the Docker daemon at %s", at)
    return client


def hurry(client: DockerClient, *, silent: bool = False) -> None:
    """After a signal, waits no longer for responses than clean-up has time; else nothing.

    ``silent``: a request had none, so that the next ones are given up at once.
    """
    if signal_received():
        most_s = SILENT_TIMEOUT_S if silent else HURRY_TIMEOUT_S
        client.api.timeout = min(client.api.timeout, most_s)


def _open(at: DaemonAddress) -> DockerClient:
    client: DockerClient
    if at.context:
        client = docker.DockerClient(timeout=CONNECT_TIMEOUT_S, **at.client_options())
    else:
        client = docker.from_env(timeout=CONNECT_TIMEOUT_S)
    client.ping()
    return client


def _is_busy(error: Exception) -> bool:
    """Whether something is there that does not respond yet."""
    numbers = {one.errno for one in causes(error) if isinstance(one, OSError)}
    return (
        any(isinstance(one, Exception) and is_passing(one) for one in causes(error))
        and _ABSENT.isdisjoint(numbers)
        and not signal_received()
    )


@contextmanager
def daemon_errors(doing: str) -> Iterator[None]:
    """Turn an error of the connection or the daemon into `UnfitEnvironment` (NO_DOCKER).

    ``doing`` completes "Docker failed while ..."; errors that the caller understands better are
    caught inside.  NO_RESOURCES where this process has no descriptor left for a connection.
    """
    try:
        yield
    except DAEMON_FAILURES as error:
        if (refused := refused_here(error)) is not None:
            raise refused from error
        raise UnfitEnvironment(
            Reason.NO_DOCKER,
            f"Docker at {daemon_url()} failed while {doing}: {daemon_message(error)}",
            remedy="see the daemon's own log (journalctl -u docker), then run again",
        ) from error


def daemon_message(error: Exception) -> str:
    """The daemon's own words where there are any, without the SDK's wrapping."""
    text = getattr(error, "explanation", None) or error
    return str(text.decode(errors="replace") if isinstance(text, bytes) else text).strip()


def _remedy(url: str) -> str:
    path = url.removeprefix("unix://")
    if path != url and os.path.exists(path) and not os.access(path, os.R_OK | os.W_OK):
        return (
            f"no permission for {path}: run as root, or add the user to the docker group "
            "(usermod -aG docker USER) and log in again"
        )
    return (
        "start the daemon (systemctl start docker), or set DOCKER_HOST to where it listens; "
        "the user needs to be root or in the docker group"
    )
