"""Requests that a service itself tells of: its OpenAPI document, else the links of its page."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from socklat_gate.init.http_get import http_get
from socklat_gate.init.links import links_of
from socklat_gate.init.traffic.names import Names, route_name
from socklat_gate.init.traffic.openapi import proposal_of
from socklat_gate.init.traffic.openapi_document import LARGEST
from socklat_gate.init.traffic.proposal import Proposal, ProposedRequest
from socklat_gate.init.traffic.route import target_of
from socklat_gate.init.traffic.source import FileProblem
from socklat_gate.init.trial import Tried, tried
from socklat_gate.measured.names import REDIRECT

__all__ = ["discovered"]

DOCUMENTS = (
    "/openapi.json",
    "/swagger.json",
    "/v3/api-docs",
    "/v2/api-docs",
    "/api-docs",
    "/openapi.yaml",
    "/swagger/v1/swagger.json",
    "/api/openapi.json",
    "/docs/openapi.json",
)
LARGEST_PAGE = 1_000_000
MOST_LINKS = 20


def discovered(
    host: str,
    port: int,
    page: str,
    most: int,
    on_phase: Callable[[str], None] = lambda _: None,
    *,
    tls: bool = False,
) -> Tried | None:
    """What the service offers and responds to; None when that is no more than ``page``."""
    found = _of_document(host, port, most, on_phase, tls=tls)
    return found or _of_links(host, port, page, min(most, MOST_LINKS), on_phase, tls=tls)


def _of_document(
    host: str, port: int, most: int, on_phase: Callable[[str], None], *, tls: bool
) -> Tried | None:
    on_phase("looking for an OpenAPI document")
    for path in DOCUMENTS:
        got = http_get(host, port, path, most_bytes=LARGEST, tls=tls)
        if got.status != 200 or got.content_type == "text/html":
            continue
        try:
            proposal = proposal_of(got.body, most)
        except FileProblem:
            continue
        requests = tuple(map(_untried, proposal.requests))
        proposal = replace(
            proposal, requests=requests, origin=f"the OpenAPI document at {path}", port=None
        )
        found = tried(proposal, host, port, on_phase, tls=tls) if proposal.active else None
        if found is not None and found.asked > found.failed:
            return found
    return None


def _untried(request: ProposedRequest) -> ProposedRequest:
    """What changes something is for the reader to switch on."""
    if not request.changing:
        return request
    return replace(request, active=False, comments=(*request.comments, "was not tried"))


def _of_links(
    host: str, port: int, page: str, most: int, on_phase: Callable[[str], None], *, tls: bool
) -> Tried | None:
    got = http_get(host, port, page, most_bytes=LARGEST_PAGE, tls=tls)
    if got.status != 200 or "html" not in got.content_type:
        return None
    names = Names()
    requests: list[ProposedRequest] = []
    for path in dict.fromkeys((page, *links_of(got.body))):
        target = target_of(path)
        if target is None or len(requests) >= most:
            continue
        on_phase(f"trying {path}")
        if 0 < http_get(host, port, path, tls=tls).status < REDIRECT:
            name = names.give(route_name("GET", target.route))
            requests.append(ProposedRequest(name, 1.0, path=path))
    if len(requests) < 2:
        return None
    return Tried(Proposal(f"the page {page} and its links", tuple(requests)))
