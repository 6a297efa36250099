"""Asking a busy daemon again: for how long, and what is safe to repeat."""

from __future__ import annotations

import errno
import logging
import time
from collections.abc import Callable, Iterator, Mapping
from typing import TypeVar

import docker.errors
import requests
import urllib3
from requests.adapters import BaseAdapter

from socklat_gate.errors import UnfitEnvironment
from socklat_gate.interrupt import signal_received
from socklat_gate.refusals import refusal_of
from socklat_gate.service.backoff import attempts
from socklat_gate.service.docker_types import DockerApi

__all__ = [
    "DAEMON_FAILURES",
    "PATIENCE_S",
    "PatientAdapter",
    "be_patient",
    "causes",
    "is_passing",
    "patiently",
    "refused_here",
]

log = logging.getLogger(__name__)

T = TypeVar("T")

PATIENCE_S = 90.0
"""A daemon that pulls, builds or starts a hundred containers responds late, or not at all."""

ERROR_PATIENCE_S = 10.0
"""With a daemon that responds, but with an error of its own: most of these stay."""

SIGNALLED_PATIENCE_S = 3.0
"""Once a signal has come: what is left then is cleaning up."""

FIRST_PAUSE_S, MAX_PAUSE_S = 0.1, 2.0
SERVER_ERROR = 500
_REPEATABLE = frozenset({"GET", "HEAD"})
_NOT_SENT = {errno.ECONNREFUSED, errno.EAGAIN, errno.ENOENT}
"""A socket that takes no connection: the daemon restarts, or has too many of them waiting."""

DAEMON_FAILURES = (
    docker.errors.DockerException,
    requests.RequestException,
    urllib3.exceptions.HTTPError,
)
"""Whatever the SDK raises; the last kind where a stream breaks off that it reads by itself."""

_OF_THIS_PROCESS = {errno.EMFILE, errno.ENFILE}
"""No descriptor for a connection: however long the daemon is given, none comes of it."""

_CONNECTION_ERRORS = (
    requests.ConnectionError,
    requests.Timeout,
    requests.exceptions.ChunkedEncodingError,
    urllib3.exceptions.HTTPError,
    docker.errors.StreamParseError,
)

_STAYS = (
    "oci runtime",
    "failed to create task",
    "failed to create shim",
    "port is already allocated",
    "address already in use",
    "executable file not found",
    "permission denied",
    "no such file",
    "not a directory",
    "no space left",
    "could not select device driver",
    "address pool",
    "pool overlaps",
    "no such image",
    "is not supported",
    "invalid",
)
"""In errors of the daemon that are about what was asked for."""


def is_passing(error: Exception) -> bool:
    """Whether the daemon may respond better when it is less busy."""
    if isinstance(error, docker.errors.APIError):
        text = str(error.explanation or error).lower()
        return bool(error.is_server_error()) and not any(word in text for word in _STAYS)
    return isinstance(error, _CONNECTION_ERRORS) and refused_here(error) is None


def refused_here(error: BaseException) -> UnfitEnvironment | None:
    """What the system refused this process, where that is the cause of an error; else None."""
    for one in causes(error):
        if isinstance(one, OSError) and one.errno in _OF_THIS_PROCESS:
            return refusal_of(one)
    return None


def patiently(call: Callable[[], T], may_pass: Callable[[Exception], bool] = is_passing) -> T:
    """The result of a ``call`` that is safe to repeat, whatever became of the last one.

    Raises its last error when that does not pass by itself, or has not within `PATIENCE_S`.
    """
    for attempt in attempts(
        _Passing(may_pass), PATIENCE_S, first_pause_s=FIRST_PAUSE_S, max_pause_s=MAX_PAUSE_S
    ):
        with attempt:
            return call()
    raise AssertionError("the last attempt raises its error")


def be_patient(api: DockerApi) -> None:
    """From now on this client of the SDK asks again where nothing can come of it twice.

    That is what only reads, and whatever did not reach the daemon at all.
    """
    prefix = api.base_url
    api.mount(prefix, PatientAdapter(api.get_adapter(prefix)))


class PatientAdapter(BaseAdapter):
    """Sends by another adapter, again where that is safe and may help."""

    def __init__(self, inner: BaseAdapter) -> None:
        super().__init__()
        self._inner = inner

    def send(
        self,
        request: requests.PreparedRequest,
        stream: bool = False,
        timeout: float | tuple[float, float] | tuple[float, None] | None = None,
        verify: bool | str = True,
        cert: bytes | str | tuple[bytes | str, bytes | str] | None = None,
        proxies: Mapping[str, str] | None = None,
    ) -> requests.Response:
        """As `requests.adapters.HTTPAdapter.send`; the last response where all were errors."""
        reads = request.method in _REPEATABLE

        def may_pass(error: Exception) -> bool:
            if refused_here(error) is not None:
                return False
            return reads or isinstance(error, _ServerError) or _is_not_sent(error)

        def once() -> requests.Response:
            response = self._inner.send(request, stream, timeout, verify, cert, proxies)
            if reads and response.status_code >= SERVER_ERROR:
                raise _ServerError(response)
            if reads and not stream:
                _ = response.content  # else what breaks off half-way would be the caller's
            return response

        try:
            for attempt in attempts(
                _Passing(may_pass),
                PATIENCE_S,
                first_pause_s=FIRST_PAUSE_S,
                max_pause_s=MAX_PAUSE_S,
            ):
                with attempt:
                    return once()
        except _ServerError as error:
            return error.response
        raise AssertionError("the last attempt raises its error")

    def close(self) -> None:
        """Closes the other adapter's connections."""
        self._inner.close()


class _ServerError(Exception):
    """A response that says that the daemon failed."""

    def __init__(self, response: requests.Response) -> None:
        super().__init__(f"status {response.status_code}")
        self.response = response


class _Passing:
    """Whether to try again after an error, by its kind and by how long it has gone on."""

    def __init__(self, may_pass: Callable[[Exception], bool]) -> None:
        self._may_pass = may_pass
        self._begun_s = time.monotonic()

    def __call__(self, error: Exception) -> bool:
        known = isinstance(error, (_ServerError, *DAEMON_FAILURES))
        if not known or not self._may_pass(error):
            return False
        responds = not isinstance(error, _CONNECTION_ERRORS)
        limit_s = ERROR_PATIENCE_S if responds else PATIENCE_S
        if signal_received():
            # One that took all its time would take it again: who sent the signal waits no longer.
            if isinstance(error, requests.Timeout):
                return False
            limit_s = min(limit_s, SIGNALLED_PATIENCE_S)
        if time.monotonic() - self._begun_s > limit_s:
            return False
        log.info("the Docker daemon is busy, asking again: %s", error)
        return True


def _is_not_sent(error: Exception) -> bool:
    """Whether the connection was never made, so that the daemon knows nothing of the request."""
    return any(
        isinstance(one, OSError) and one.errno in _NOT_SENT for one in causes(error)
    ) or isinstance(error, requests.ConnectTimeout)


def causes(error: BaseException | None) -> Iterator[BaseException]:
    """An error, and those that it was made of: libraries wrap them in arguments and causes."""
    seen: list[BaseException] = []
    todo = [error]
    while todo:
        one = todo.pop()
        if one is None or one in seen:
            continue
        seen.append(one)
        yield one
        inside = [part for part in one.args if isinstance(part, BaseException)]
        todo += [*inside, one.__cause__, one.__context__]
