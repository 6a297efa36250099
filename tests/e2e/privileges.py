"""A machine without privileges, as far as a command can tell."""

from __future__ import annotations

__all__ = ["ELSEWHERE"]

# No capability, no network, no daemon, and only what was stored.
ELSEWHERE = [
    *("unshare", "--net", "env", "DOCKER_HOST=unix:///nowhere"),
    *("setpriv", "--bounding-set=-all", "--inh-caps=-all", "--no-new-privs"),
]
