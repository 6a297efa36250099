"""GitHub's REST API: what all code hosts have, and downloads."""

from __future__ import annotations

from urllib.parse import urlsplit

from socklat_gate.forge.api.client import PATIENCE_S, ApiClient
from socklat_gate.forge.api.transport import MOVED
from socklat_gate.forge.github.responses import GITHUB, unexpected_response

__all__ = ["GitHub"]


class GitHub(ApiClient):
    """A client of the API at ``api_url``; every method raises `GitHubFailure`."""

    def __init__(self, api_url: str, token: str, *, patience_s: float = PATIENCE_S) -> None:
        super().__init__(api_url, token, GITHUB, patience_s=patience_s)

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
