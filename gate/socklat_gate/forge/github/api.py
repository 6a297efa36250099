"""GitHub's REST API as JSON: retries, pages and downloads."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping
from types import TracebackType
from typing import Any, Literal
from urllib.parse import urlsplit

import stamina

from socklat_gate.errors import GitHubFailure
from socklat_gate.forge.github.responses import ApiResponse, parse_json, unexpected_response
from socklat_gate.forge.github.transport import MOVED, Query, Transport

__all__ = ["GitHub"]

PATIENCE_S = 120.0
ATTEMPTS = 6
MAX_PAGES = 50
GONE = 404
LOGIN = re.compile(r"[A-Za-z0-9._-]{1,100}(?:\[bot\])?")


class GitHub:
    """A client of the API at ``api_url``; every method raises `GitHubFailure`.

    What passes by itself (a gateway's error, a rate limit of seconds, a broken connection) is
    tried again for at most ``patience_s``.  The token is sent to the API's own origin only, and
    is in no message.
    """

    def __init__(self, api_url: str, token: str, *, patience_s: float = PATIENCE_S) -> None:
        self._api_url = api_url.rstrip("/")
        self._patience_s = patience_s
        self._transport = Transport(self._api_url, token)

    def __enter__(self) -> GitHub:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._transport.close()

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
            response = self._persist("GET", self._transport.own_url(response.next_url), True)
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

    def delete(self, path: str) -> None:
        """Delete what is at a path; that it is gone already is no failure."""
        try:
            self._persist("DELETE", self._url(path), True)
        except GitHubFailure as error:
            if error.status != GONE:
                raise

    def login(self) -> str:
        """The account that the token writes as; empty where the API does not tell.

        An App's token may not ask for its user, but is one in GraphQL.
        """
        try:
            return _login(self.get("/user"))
        except GitHubFailure as error:
            if error.status is None or error.status >= 500:
                raise
        try:
            query = {"query": "query { viewer { login } }"}
            document = parse_json(self._persist("POST", self._graphql_url(), True, body=query))
        except GitHubFailure:
            return ""
        data = document.get("data") if isinstance(document, dict) else None
        return _login(data.get("viewer") if isinstance(data, dict) else None)

    def _graphql_url(self) -> str:
        """Beside the REST API: ``/api/v3`` of an Enterprise Server, a host of its own elsewhere."""
        base = self._api_url
        return (base.removesuffix("/v3") if base.endswith("/api/v3") else base) + "/graphql"

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

    def _persist(self, method: str, url: str, repeatable: bool, **options: Any) -> ApiResponse:
        """One request, tried again where that can help."""
        begun_s = time.monotonic()

        def again(error: Exception) -> bool | float:
            if not isinstance(error, GitHubFailure) or error.wait_s is None:
                return False
            left_s = self._patience_s - (time.monotonic() - begun_s)
            if (error.outcome_unknown and not repeatable) or error.wait_s > left_s:
                return False
            return error.wait_s or True

        for attempt in stamina.retry_context(
            on=again, attempts=ATTEMPTS, timeout=self._patience_s, wait_initial=0.5, wait_max=10.0
        ):
            with attempt:
                return self._transport.request(method, url, **options)
        raise AssertionError("the last attempt returns or raises")


def _login(document: Any) -> str:
    login = document.get("login") if isinstance(document, dict) else None
    return login if isinstance(login, str) and LOGIN.fullmatch(login) else ""
