"""The service under test is reached by no proxy, whatever a tool makes of its environment."""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["without_proxy"]

PROXIES = ("http_proxy", "https_proxy", "all_proxy", "ws_proxy", "wss_proxy", "ftp_proxy")
EXCEPTIONS = ("NO_PROXY", "no_proxy")
EVERYTHING = "*"


def without_proxy(environment: Mapping[str, str], host: str) -> dict[str, str]:
    """``environment``, and where it names a proxy, ``host`` among those that are reached without.

    By both names of the variable, each with what either had: some tools read the one, some the
    other.  An IPv6 address is named with brackets too, as some compare it with a URL.
    """
    given = dict(environment)
    if not any(given.get(name) for proxy in PROXIES for name in (proxy, proxy.upper())):
        return given
    had = [
        one.strip() for name in EXCEPTIONS for one in given.get(name, "").split(",") if one.strip()
    ]
    if EVERYTHING in had:
        return given | dict.fromkeys(EXCEPTIONS, EVERYTHING)
    hosts = [host, f"[{host}]"] if ":" in host else [host]
    return given | dict.fromkeys(EXCEPTIONS, ",".join(dict.fromkeys([*had, *hosts])))
