"""GitHub's REST API: what all code hosts have, and downloads."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlsplit

from socklat_gate.errors import GitHubFailure
from socklat_gate.forge.api.client import PATIENCE_S, ApiClient
from socklat_gate.forge.api.transport import MOVED
from socklat_gate.forge.github.responses import GITHUB, unexpected_response

__all__ = ["GitHub"]

GONE = 404
LOGIN = re.compile(r"[A-Za-z0-9._-]{1,100}(?:\[bot\])?")


class GitHub(ApiClient):
    """A client of the API at ``api_url``; every method raises `GitHubFailure`."""

    def __init__(self, api_url: str, token: str, *, patience_s: float = PATIENCE_S) -> None:
        super().__init__(api_url, token, GITHUB, patience_s=patience_s)

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
            document = self._json(self._persist("POST", self._graphql_url(), True, body=query))
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


def _login(document: Any) -> str:
    login = document.get("login") if isinstance(document, dict) else None
    return login if isinstance(login, str) and LOGIN.fullmatch(login) else ""
