"""A REST API as JSON: retries and pages."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from types import TracebackType
from typing import Any, Literal, TypeVar
from urllib.parse import urlsplit

import stamina

from socklat_gate.errors import HostFailure
from socklat_gate.forge.api.dialect import Dialect
from socklat_gate.forge.api.responses import ApiResponse, parse_json
from socklat_gate.forge.api.transport import Query, Transport

__all__ = ["MAX_PAGES", "ApiClient"]

PATIENCE_S = 120.0
ATTEMPTS = 6
MAX_PAGES = 50

Client = TypeVar("Client", bound="ApiClient")


class ApiClient:
    """A client of the API at ``api_url``; every method raises `HostFailure`.

    What passes by itself (a gateway's error, a rate limit of seconds, a broken connection) is
    tried again for at most ``patience_s``.  The token is sent to the API's own origin only, and
    is in no message.
    """

    def __init__(
        self, api_url: str, token: str, dialect: Dialect, *, patience_s: float = PATIENCE_S
    ) -> None:
        self.dialect = dialect
        self._api_url = api_url.rstrip("/")
        self._patience_s = patience_s
        self._transport = Transport(self._api_url, token, dialect)

    def __enter__(self: Client) -> Client:
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
        return self._json(self._persist("GET", self._url(path), True, query=query))

    def pages(self, path: str, query: Query | None = None) -> Iterator[Any]:
        """The JSON of each page of a list, page by page."""
        response = self._persist("GET", self._url(path), True, query=query)
        yield self._json(response)
        for _ in range(MAX_PAGES - 1):
            if response.next_url is None:
                return
            response = self._persist("GET", self._next(path, response.next_url), True)
            yield self._json(response)
        if response.next_url is not None:
            raise self.dialect.unexpected_response(
                f"GET {path}: the list has more than {MAX_PAGES} pages"
            )

    def send(
        self,
        method: Literal["POST", "PATCH", "PUT"],
        path: str,
        body: Mapping[str, Any],
        *,
        repeatable: bool,
    ) -> Any:
        """Send JSON; ``repeatable``: carrying it out twice does no harm."""
        return self._json(self._persist(method, self._url(path), repeatable, body=body))

    def _next(self, path: str, url: str) -> str:
        if self.dialect.pages_elsewhere:
            return self._transport.own_url(url)
        return f"{self._url(path)}?{urlsplit(url).query}"

    def _json(self, response: ApiResponse) -> Any:
        return parse_json(self.dialect, response)

    def _url(self, path: str) -> str:
        assert path.startswith("/"), path
        return self._api_url + path

    def _persist(self, method: str, url: str, repeatable: bool, **options: Any) -> ApiResponse:
        """One request, tried again where that can help."""
        begun_s = time.monotonic()

        def again(error: Exception) -> bool | float:
            if not isinstance(error, HostFailure) or error.wait_s is None:
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
