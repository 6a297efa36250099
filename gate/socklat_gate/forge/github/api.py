"""GitHub's REST API over requests: retries, pages, bounds, and a token that goes nowhere else."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from types import TracebackType
from typing import Any, Literal
from urllib.parse import urljoin, urlsplit

import requests
import stamina

from socklat_gate.errors import GitHubFailure, Reason
from socklat_gate.forge.github.responses import (
    ApiResponse,
    failure_from,
    parse_json,
    read_response,
    unexpected_response,
)
from socklat_gate.version import __version__

__all__ = ["GitHub"]

API_VERSION = "2022-11-28"
TIMEOUT_S = (10.0, 20.0)  # to connect, and between two pieces of a response
RESPONSE_S = 60.0
PATIENCE_S = 120.0
ATTEMPTS = 6
MAX_BYTES = 10 << 20
MAX_PAGES = 50
MAX_REDIRECTS = 3
MOVED = {301, 302, 307, 308}

Query = Mapping[str, str | int]


class GitHub:
    """A client of the API at ``api_url``; every method raises `GitHubFailure`.

    What passes by itself (a gateway's error, a rate limit of seconds, a broken connection) is
    tried again for at most ``patience_s``.  The token is sent to the API's own origin only, and
    is in no message.
    """

    def __init__(self, api_url: str, token: str, *, patience_s: float = PATIENCE_S) -> None:
        assert token, "a client has a token"
        self._api_url = api_url.rstrip("/")
        self._token = token
        self._patience_s = patience_s
        self._session = requests.Session()
        self._session.headers.update(
            {
                "User-Agent": f"socklat-gate/{__version__}",
                "Accept": "application/vnd.github+json",
                "Accept-Encoding": "identity",
                "X-GitHub-Api-Version": API_VERSION,
            }
        )

    def __enter__(self) -> GitHub:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._session.close()

    def get(self, path: str, query: Query | None = None) -> Any:
        """The JSON at a path such as ``/repos/owner/name/pulls``."""
        return parse_json(self._persist("GET", self._url(path), True, query=query))

    def pages(self, path: str, query: Query | None = None) -> Iterator[Any]:
        """The JSON of each page of a list, page by page."""
        response = self._persist("GET", self._url(path), True, query=query)
        yield parse_json(response)
        for _ in range(MAX_PAGES - 1):
            if response.next_url is None:
                return
            response = self._persist("GET", self._own(response.next_url), True)
            yield parse_json(response)
        if response.next_url is not None:
            raise unexpected_response(f"GET {path}: the list has more than {MAX_PAGES} pages")

    def send(
        self,
        method: Literal["POST", "PATCH"],
        path: str,
        body: Mapping[str, Any],
        *,
        repeatable: bool,
    ) -> Any:
        """Send JSON; ``repeatable``: carrying it out twice does no harm."""
        return parse_json(self._persist(method, self._url(path), repeatable, body=body))

    def download(self, path: str, most_bytes: int) -> bytes:
        """The file at a path, which the API may keep elsewhere; the token does not go there."""
        response = self._persist("GET", self._url(path), True, most_bytes=most_bytes, follow=False)
        if response.status not in MOVED:
            return response.body
        place = urlsplit(response.headers.get("Location", ""))
        if not place.hostname or place.scheme not in {"https", urlsplit(self._api_url).scheme}:
            raise unexpected_response(f"GET {path}: GitHub refers to an address that is not https")
        url = place.geturl()
        return self._persist("GET", url, True, most_bytes=most_bytes, elsewhere=True).body

    def _url(self, path: str) -> str:
        assert path.startswith("/"), path
        return self._api_url + path

    def _own(self, url: str) -> str:
        """The address if it is the API's own.  Raises `GitHubFailure` otherwise."""
        if _origin(url) != _origin(self._api_url):
            raise unexpected_response("GitHub's API refers to another host, which gets no token")
        return url

    def _persist(self, method: str, url: str, repeatable: bool, **options: Any) -> ApiResponse:
        """One request, tried again where that can help."""
        begun_s = time.monotonic()

        def again(error: Exception) -> bool | float:
            if not isinstance(error, GitHubFailure) or error.wait_s is None:
                return False
            left_s = self._patience_s - (time.monotonic() - begun_s)
            if (error.unsure and not repeatable) or error.wait_s > left_s:
                return False
            return error.wait_s or True

        for attempt in stamina.retry_context(
            on=again, attempts=ATTEMPTS, timeout=self._patience_s, wait_initial=0.5, wait_max=10.0
        ):
            with attempt:
                return self._redirected(method, url, **options)
        raise AssertionError("the last attempt returns or raises")

    def _redirected(
        self, method: str, url: str, *, follow: bool = True, **options: Any
    ) -> ApiResponse:
        """One request, and those that it is referred to within the API."""
        for _ in range(1 + MAX_REDIRECTS):
            response = self._once(method, url, **options)
            if response.status not in MOVED or not follow:
                return response
            if method != "GET" or options.get("elsewhere"):
                break
            url = self._own(urljoin(url, response.headers.get("Location", "")))
        raise unexpected_response(
            f"{_request_name(method, url)}: GitHub refers to another address", response.status
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
                response = read_response(raw, most_bytes, until_s)
        except requests.RequestException as error:
            raise self._unreachable(method, url, error) from None
        if response.status < 300 or response.status in MOVED:
            return response
        # A response may repeat anything of the request.
        masked = replace(response, body=response.body.replace(self._token.encode(), b"***"))
        raise failure_from(_request_name(method, url), masked, time.time())

    def _authorise(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self._token}"
        return request

    def _unreachable(self, method: str, url: str, error: Exception) -> GitHubFailure:
        return GitHubFailure(
            Reason.GITHUB_UNREACHABLE,
            f"{_request_name(method, url)}: {type(error).__name__}, no response from "
            f"{urlsplit(url).netloc}",
            remedy="check the runner's network and proxy, and run this step again",
            wait_s=0.0,
            unsure=not isinstance(error, requests.ConnectTimeout),
        )


def _no_credentials(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request


def _origin(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port


def _request_name(method: str, url: str) -> str:
    """Method and path: a query may hold a signature."""
    return f"{method} {re.sub(r'[^!-~]', '?', urlsplit(url).path)[:200]}"
