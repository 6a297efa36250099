"""Proposed requests of what was counted in recorded traffic."""

from __future__ import annotations

from socklat_gate.init.scrub.bodies import filler_body
from socklat_gate.init.scrub.values import FILLER, Kind
from socklat_gate.init.traffic.names import Names, route_name
from socklat_gate.init.traffic.proposal import BODY_METHODS, ProposedRequest
from socklat_gate.init.traffic.route import path_text
from socklat_gate.init.traffic.tally import Key, Tallied, Tally

__all__ = ["MOST_REQUESTS", "requests_of"]

MOST_REQUESTS = 30
MOST_FILLED = 20
_SLOT_COMMENTS = {
    Kind.INTEGER: "numbers: replace the bounds by those of ids that the service has",
    Kind.UUID: "{uuid} is new each time: put ids that the service has, if it looks them up",
    Kind.HEX: "a hexadecimal id was here: put ids that the service has",
    Kind.DIGITS: "a long number was here: put one that the service knows",
    Kind.TOKEN: "a token or another text was here: put one that the service knows",
    Kind.USER: "a person's name was here: put users that the service has",
    Kind.EMAIL: "an e-mail address was here: put one that the service knows",
    Kind.SLUG: "many texts were here: put some that the service has",
    Kind.IP: "an IP address was here",
    Kind.DATE: "a date was here",
    Kind.DATETIME: "a time was here",
}
JSON_TYPE = {"Content-Type": "application/json"}


def requests_of(tally: Tally, most: int) -> tuple[tuple[ProposedRequest, ...], int]:
    """The ``most`` frequent requests, and how many in the data the others are."""
    tally.merge_words()
    ordered = sorted(tally.requests.items(), key=_rank)
    kept, others = ordered[:most], ordered[most:]
    total = sum(found.count for _, found in kept) or 1
    names = Names()
    requests = tuple(_request(names, key, found, total) for key, found in kept)
    return requests, tally.pooled + sum(found.count for _, found in others)


def _rank(item: tuple[Key, Tallied]) -> tuple[int, str, str]:
    (method, route), found = item
    return -found.count, path_text(route), method


def _request(names: Names, key: Key, found: Tallied, total: int) -> ProposedRequest:
    method, route = key
    query = found.queries.most_common(1)[0][0] if found.queries else ()
    headers = dict(found.headers.most_common(1)[0][0]) if found.headers else {}
    comments = [f"{found.count:,} of {total:,}"]
    body = found.body
    if method in BODY_METHODS and body is None:
        body = filler_body(found.mean_bytes)
        headers = JSON_TYPE | headers
        comments.append("the data has no body of it: put a real one here")
    elif body is not None and found.mean_bytes:
        comments.append(f"bodies have {found.mean_bytes:,} bytes on average")
    kinds = dict.fromkeys(segment.kind for segment in route)
    comments += [_SLOT_COMMENTS[kind] for kind in kinds if kind in _SLOT_COMMENTS]
    if any(value and value in FILLER * MOST_FILLED for _, value in query):
        comments.append("a text of the query was here: put one that finds something")
    if len({tuple(name for name, _ in one) for one in found.queries}) > 1:
        comments.append("other requests had other query keys")
    return ProposedRequest(
        names.give(route_name(method, route)),
        float(f"{100 * found.count / total:.3g}") or 0.001,
        method,
        path_text(route, found.highest, query),
        headers,
        body,
        comments=tuple(comments),
    )
