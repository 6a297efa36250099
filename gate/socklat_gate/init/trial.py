"""Each proposed request that changes nothing, tried once with the service that `init` started."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from socklat_gate.init.http_get import Got, http_get
from socklat_gate.init.traffic.proposal import Proposal, ProposedRequest
from socklat_gate.measured.names import BAD_STATUS, REDIRECT

__all__ = ["Tried", "sample_of", "tried"]

AT_MOST_S = 20.0
SLOW_S = 0.5
"""A request that takes longer is asked for once."""

TRIED_METHODS = ("GET", "HEAD", "OPTIONS")
SAMPLES = {"uuid": "3f2b8c1e-5d47-4a69-9b10-7c2d8e4f6a15", "seq": "1"}
_TEMPLATE = re.compile(r"\{(uuid|seq|random_int:(-?\d+):-?\d+)\}")


@dataclass(frozen=True, slots=True)
class Tried:
    """A proposal whose failed requests are comments; how many of how many failed.

    ``latency_s`` is the mean of those that responded well, by weight; 0 when none did.
    """

    proposal: Proposal
    asked: int = 0
    failed: int = 0
    latency_s: float = 0.0


def sample_of(text: str) -> str:
    """``text`` with a value in the place of each template."""
    return _TEMPLATE.sub(lambda found: found[2] or SAMPLES[found[1]], text)


def tried(
    proposal: Proposal,
    host: str,
    port: int,
    on_phase: Callable[[str], None] = lambda _: None,
    *,
    tls: bool = False,
) -> Tried:
    """Tries what changes nothing; where nothing responds well, the proposal stays as it is."""
    until_s = time.monotonic() + AT_MOST_S
    requests, weights, took_s = [], 0.0, 0.0
    asked = failed = 0
    for request in proposal.requests:
        if request.method not in TRIED_METHODS or time.monotonic() > until_s or not request.active:
            requests.append(request)
            continue
        on_phase(f"trying {request.name}")
        got = _got(request, host, port, tls=tls)
        asked += 1
        if _is_good(got):
            weights += request.weight
            took_s += request.weight * got.took_s
        else:
            failed += 1
        requests.append(_with_response(request, got))
    if not any(request.active for request in requests):
        return Tried(proposal, asked, failed)
    return Tried(
        replace(proposal, requests=tuple(requests)),
        asked,
        failed,
        took_s / weights if weights else 0.0,
    )


def _got(request: ProposedRequest, host: str, port: int, *, tls: bool) -> Got:
    """Its response; the faster one of two, since the first may fill a cache or open a pool."""

    def once() -> Got:
        path = sample_of(request.path)
        return http_get(host, port, path, method=request.method, headers=request.headers, tls=tls)

    first = once()
    if not _is_good(first) or first.took_s > SLOW_S:
        return first
    return min(first, once(), key=lambda got: (not _is_good(got), got.took_s))


def _is_good(got: Got) -> bool:
    return 0 < got.status < BAD_STATUS


def _with_response(request: ProposedRequest, got: Got) -> ProposedRequest:
    if not got.status:
        return _inactive(request, "did not respond just now")
    if got.status in (401, 403):
        return _inactive(request, f"responded {got.status} just now: it wants a header or cookie")
    if got.status >= BAD_STATUS:
        return _inactive(request, f"responded {got.status} just now, which counts as an error")
    said = f"responded {got.status} just now"
    if got.status >= REDIRECT:
        said += ", a redirect that is not followed"
    return replace(request, comments=(*request.comments, said))


def _inactive(request: ProposedRequest, said: str) -> ProposedRequest:
    return replace(request, comments=(*request.comments, said), active=False)
