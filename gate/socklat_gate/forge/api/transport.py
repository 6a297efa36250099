"""One request to an API: bounded in bytes and time, with a token that goes nowhere else."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import urljoin, urlsplit

import requests

from socklat_gate.errors import HostFailure
from socklat_gate.forge.api.dialect import Dialect
from socklat_gate.forge.api.responses import ApiResponse, failure_from, read_response
from socklat_gate.version import __version__

__all__ = ["MOVED", "Query", "Transport"]

TIMEOUT_S = (10.0, 20.0)  # to connect, and between two pieces of a response
RESPONSE_S = 60.0
MAX_BYTES = 10 << 20
MAX_REDIRECTS = 3
MOVED = {301, 302, 307, 308}
"""Statuses that refer to another address."""

Query = Mapping[str, str | int]


class Transport:
    """A session with the API at ``api_url``; every request raises `HostFailure`.

    The token is sent to the API's own origin only, and is in no message.
    """

    def __init__(self, api_url: str, token: str, dialect: Dialect) -> None:
        assert token, "a client has a token"
        self._api_url = api_url
        self._token = token
        self._dialect = dialect
        self._session = requests.Session()
        self._session.headers.update(
            {
                "User-Agent": f"socklat-gate/{__version__}",
                "Accept-Encoding": "identity",
                **dialect.headers,
            }
        )

    def close(self) -> None:
        """Close the session's connections."""
        self._session.close()

    def own_url(self, url: str) -> str:
        """The address if it is the API's own.  Raises `HostFailure` otherwise."""
        if _origin(url) != _origin(self._api_url):
            raise self._dialect.unexpected_response(
                f"{self._dialect.name}'s API refers to another host, which gets no token"
            )
        return url

    def request(self, method: str, url: str, *, follow: bool = True, **options: Any) -> ApiResponse:
        """One request, and those that it is referred to within the API."""
        for _ in range(1 + MAX_REDIRECTS):
            response = self._once(method, url, **options)
            if response.status not in MOVED or not follow:
                return response
            if method != "GET" or options.get("elsewhere"):
                break
            url = self.own_url(urljoin(url, response.headers.get("Location", "")))
        raise self._dialect.unexpected_response(
            f"{_request_name(method, url)}: {self._dialect.name} refers to another address",
            response.status,
        )

    def _once(
        self,
        method: str,
        url: str,
        *,
        query: Query | None = None,
        body: Mapping[str, Any] | None = None,
        most_bytes: int = MAX_BYTES,
        elsewhere: bool = False,
    ) -> ApiResponse:
        until_s = time.monotonic() + RESPONSE_S
        try:
            with self._session.request(
                method,
                url,
                params=query,
                json=body,
                # Without one of its own, requests would look for credentials in a .netrc file.
                auth=_no_credentials if elsewhere else self._authorise,
                timeout=TIMEOUT_S,
                allow_redirects=False,
                stream=True,
            ) as raw:
                response = read_response(self._dialect, raw, most_bytes, until_s)
        except requests.RequestException as error:
            raise self._unreachable(method, url, error) from None
        if response.status < 300 or response.status in MOVED:
            return response
        # A response may repeat anything of the request.
        masked = replace(response, body=response.body.replace(self._token.encode(), b"***"))
        raise failure_from(self._dialect, _request_name(method, url), masked, time.time())

    def _authorise(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        name, value = self._dialect.authorisation(self._token)
        request.headers[name] = value
        return request

    def _unreachable(self, method: str, url: str, error: Exception) -> HostFailure:
        return self._dialect.failure(
            self._dialect.unreachable,
            f"{_request_name(method, url)}: {type(error).__name__}, no response from "
            f"{urlsplit(url).netloc}",
            remedy="check the runner's network and proxy, and run this step again",
            wait_s=0.0,
            outcome_unknown=not isinstance(error, requests.ConnectTimeout),
        )


def _no_credentials(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request


def _origin(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port


def _request_name(method: str, url: str) -> str:
    """Method and path: a query may hold a signature."""
    return f"{method} {re.sub(r'[^!-~]', '?', urlsplit(url).path)[:200]}"
