"""Names of metrics as people read them: ``response_p99[checkout]`` is "p99 of `checkout`"."""

from __future__ import annotations

import re
from collections.abc import Collection

from socklat_gate.errors import Reason
from socklat_gate.measured.verdict import Verdict
from socklat_gate.wording.sentence import Name, Sentence

__all__ = [
    "marked",
    "metric_phrase",
    "metric_sentence",
    "request_in",
    "requests_of",
    "without_request",
]

REQUEST = r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}"
NAMED = re.compile(rf"(?P<metric>[a-z_]+?)(?P<quantile>_p[0-9.]+)?\[(?P<request>{REQUEST})\]")
MARKED = re.compile(rf"`({REQUEST})`")
WHOLES = ("response", "client")
ABOUT_REQUESTS = (Reason.REQUEST_NOT_SEEN, Reason.MORE_SPIKES)
"""Reasons whose subject is a request, not a metric."""


def metric_sentence(name: str) -> Sentence:
    """``p99 of `checkout```, ``app p99 of `checkout```, ``errors of `checkout```.

    What is of no named request is a name as it is.
    """
    found = NAMED.fullmatch(name)
    if found is None:
        return (Name(name),)
    metric, quantile = found["metric"], (found["quantile"] or "").removeprefix("_")
    request = Name(found["request"])
    if not quantile:
        return (f"{metric} of ", request)
    if metric in WHOLES:
        return (f"{quantile} of ", request)
    return (Name(metric), f" {quantile} of ", request)


def metric_phrase(name: str) -> str:
    """The same as text, the request between backticks; `marked` finds it there."""
    found = NAMED.fullmatch(name)
    if found is None:
        return name
    *before, request = metric_sentence(name)
    return f"{''.join(before)}`{request}`"


def request_in(name: str) -> str:
    """The request that a metric or a count is of; "" for those of all."""
    found = NAMED.fullmatch(name)
    return found["request"] if found else ""


def without_request(name: str) -> str:
    """The name that the same metric of all requests has."""
    found = NAMED.fullmatch(name)
    return found["metric"] + (found["quantile"] or "") if found else name


def requests_of(verdict: Verdict) -> frozenset[str]:
    """Names of all requests that something is judged or said of."""
    names = {
        *(metric.request for metric in verdict.metrics),
        *(limit.request for limit in verdict.limits),
        *(request_in(count.name) for count in verdict.counts),
        *(request_in(fact.subject) for fact in verdict.reasons),
        *(fact.subject for fact in verdict.reasons if fact.code in ABOUT_REQUESTS),
    }
    return frozenset(names - {""})


def marked(text: str, requests: Collection[str]) -> Sentence:
    """A text in which ``requests`` between backticks are names; other backticks stay as they are.

    Texts may be somebody else's, so that not everything between backticks is to be trusted.
    """
    parts: list[str] = [""]
    for at, part in enumerate(MARKED.split(text)):
        if at % 2 and part in requests:
            parts += [Name(part), ""]
        else:
            parts[-1] += f"`{part}`" if at % 2 else part
    return tuple(filter(None, parts))
