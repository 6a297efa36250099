"""A commented socklat.toml that `scenario.loader.load_scenario` accepts as it is.

Written by a template and not by tomlkit: it is comments around a few values, and a string of TOML
is one of JSON with one more escape.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import lru_cache

import jinja2

from socklat_gate.init.finding import Finding
from socklat_gate.init.judged import Judged, metrics_for
from socklat_gate.init.paths import HEALTH_PATHS
from socklat_gate.init.request_text import proposal_text
from socklat_gate.init.source import Source
from socklat_gate.init.toml_text import toml
from socklat_gate.init.traffic.proposal import Proposal, ProposedRequest
from socklat_gate.load.protocols.http_detection import HTTP
from socklat_gate.load.protocols.protocol import DetectedProtocol
from socklat_gate.measured.names import REDIRECT

__all__ = ["SLOW_START_S", "rate_for", "scenario_text", "timeout_for"]

BUSY = 0.3
"""Share of its time that a service which takes one request after the other shall work."""

MOST_RATE, LEAST_RATE, USUAL_RATE = 1000.0, 5.0, 200.0
CONNECTIONS = 16
COMMENTS = {
    "image": "the candidate",
    "build": "the directory with the Dockerfile, from here",
    "compose": "from here; each arm is the complete stack",
    "service": "the one under test",
}
BUILD_COMMENT = "context from here, dockerfile from there; target and args as well"
REQUEST_KEYS = ("method", "path", "payload", "expect.status")
"""Keys of [load] that say what is sent; a list of requests does so instead."""

SLOW_START_S = 10.0
"""One that starts in less is ready within the default timeout, also on a busy machine."""

START_MARGIN, LEAST_TIMEOUT_S, MOST_TIMEOUT_S = 3.0, 30.0, 600.0


def scenario_text(source: Source, finding: Finding) -> str:
    """The scenario for what was found; its proposal's requests in place of a stand-in."""
    found, port = finding.protocol, finding.port
    rate = rate_for(found.latency_s)
    proposal = finding.proposal or _own_proposal(found)
    judged = metrics_for(rate, proposal.active if proposal else ())
    keys = found.protocol.load_keys(found)
    kept = [line for line in keys if proposal is None or line.key not in REQUEST_KEYS]
    return (
        _environment()
        .get_template("socklat.toml.j2")
        .render(
            name=toml(source.name),
            start=[
                (key, toml(value), COMMENTS[key] if isinstance(value, str) else BUILD_COMMENT)
                for key, value in source.keys.items()
            ],
            port=port,
            ready=toml(path) if (path := _ready_path(found, proposal)) else "",
            ready_by="https" if found.tls and found.protocol is HTTP else "http",
            healthcheck=source.has_healthcheck,
            timeout_s=timeout_for(finding.startup_s),
            ipv6=finding.ipv6,
            verified=found.verified,
            problem=found.problem,
            hints=() if proposal else found.protocol.hints,
            load=[(line.key, toml(line.value), line.comment) for line in kept]
            + list(_rates(found, rate, judged)),
            stand_in=proposal is None and finding.is_stand_in,
            requests=proposal_text(proposal) if proposal else "",
            metrics=judged.metrics,
            left_out=judged.left_out,
            by_default=judged.by_default,
        )
    )


def _ready_path(found: DetectedProtocol, proposal: Proposal | None) -> str:
    """A path that responds 200 once the service is ready; empty if none is known."""
    if found.status == 200 and not found.endless:
        return found.path
    paths = {one.path for one in proposal.active} if proposal and found.verified else set()
    return next((path for path in HEALTH_PATHS if path in paths), "")


def timeout_for(startup_s: float) -> int:
    """``service.ready.timeout_s`` for a service that took so long to start; 0: the default will do.

    Two arms start at the same time, on a machine that may be busy.
    """
    if startup_s <= SLOW_START_S:
        return 0
    wanted_s = math.ceil(START_MARGIN * startup_s / 10) * 10
    return int(min(MOST_TIMEOUT_S, max(LEAST_TIMEOUT_S, wanted_s)))


def _own_proposal(found: DetectedProtocol) -> Proposal | None:
    """Requests that any service of the protocol can carry out."""
    own = tuple(
        ProposedRequest(
            one.name,
            one.weight,
            payload=one.payload,
            response=one.response,
            comments=(one.comment,),
        )
        for one in found.protocol.requests
    )
    return (
        Proposal(f"its own, to any service that speaks {found.protocol.name}", own) if own else None
    )


def rate_for(latency_s: float) -> float:
    """Requests per second at which a service with this latency is busy for `BUSY` of its time.

    Rounded down to 1, 2 or 5 times a power of ten; `USUAL_RATE` where the latency is unknown.
    """
    if latency_s <= 0:
        return USUAL_RATE
    wanted = min(MOST_RATE, max(LEAST_RATE, BUSY / latency_s))
    power = 10 ** math.floor(math.log10(wanted))
    return float(max(step * power for step in (1, 2, 5) if step * power <= wanted * (1 + 1e-9)))


def _rates(found: DetectedProtocol, rate: float, judged: Judged) -> Iterator[tuple[str, str, str]]:
    """Key, value in TOML and comment of the lines of [load] that every protocol has."""
    took = f"one took {1000 * found.latency_s:.3g} ms" if found.latency_s else "a guess"
    also = '; or "auto": what the baseline carries well' if _may_be_found(found, judged) else ""
    yield (
        "rate",
        f"{rate:g}",
        f"requests per second and arm, whatever the responses do; {took}{also}",
    )
    yield "connections", str(CONNECTIONS), "per arm"
    why = "of each run; the slow quantiles need enough requests"
    yield "duration_s", f"{judged.duration_s:g}", why


def _may_be_found(found: DetectedProtocol, judged: Judged) -> bool:
    """Whether a rate that a gate finds is likely to be higher, and enough for what is judged.

    Where a response was seen, and was so fast that all that is judged by default can be at the
    guess: such a service may carry ten times as much.  It is left to the reader: finding it takes
    half a minute of each job until a campaign is stored, and on a busy machine what is found may
    be lower than the guess.  A tool of its own has no such rate.
    """
    responds = found.verified and found.latency_s > 0 and found.status < REDIRECT
    return responds and found.protocol.driver != "command" and not judged.left_out


@lru_cache(maxsize=1)
def _environment() -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.PackageLoader("socklat_gate.init"),
        undefined=jinja2.StrictUndefined,
        autoescape=False,  # noqa: S701 - TOML, not HTML: values come through `toml`
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
