"""What `init` says when it has written a scenario."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from pathlib import Path

from socklat_gate.init.finding import Finding
from socklat_gate.init.scenario_text import SLOW_START_S
from socklat_gate.init.source import UNNAMED, Source
from socklat_gate.load.protocols.http_detection import ENDLESS, HTTP
from socklat_gate.load.protocols.protocol import DetectedProtocol
from socklat_gate.measured.bpf_layout import layout
from socklat_gate.measured.names import BAD_STATUS, REDIRECT

__all__ = ["said"]


def said(found: Source, port: int, finding: Finding, out: Path) -> list[str]:
    """Lines for people: what is in the scenario ``out``, and what to do next."""
    first = f"wrote {out}: {_summary(found, port, finding.protocol)}"
    return [first, *_about(finding), *_about_requests(finding), *_next_steps(found, out, finding)]


def _about(finding: Finding) -> Iterator[str]:
    """What else was seen that somebody may want otherwise."""
    if finding.other_ports:
        listed = ", ".join(map(str, finding.other_ports))
        yield f"it also listens on {listed}: --port N makes a scenario for another one"
    if finding.startup_s > SLOW_START_S:
        yield f"it took {finding.startup_s:.0f} s to start: service.ready.timeout_s allows for that"
    wait_s, bounds = finding.protocol.body_wait_s, layout()
    if bounds["DELAYED_ACK_FROM_NS"] <= 1e9 * wait_s < bounds["DELAYED_ACK_TO_NS"]:
        yield (
            f"{1000 * wait_s:.3g} ms of that the body waits behind the head, as long as a delayed "
            "acknowledgement: let the service send both at once, or set TCP_NODELAY"
        )
    if finding.ipv6:
        yield "it listens by IPv6 alone: service.ipv6 is set"


def _summary(found: Source, port: int, detected: DetectedProtocol) -> str:
    if not detected.verified:
        return f"{found}, port {port}, {detected.protocol.name} by its number ({detected.problem})"
    took = f", {detected.latency_s:.3g} s" if detected.latency_s >= 1 else ""
    took = took or (f", {1000 * detected.latency_s:.3g} ms" if detected.latency_s else "")
    if detected.protocol is HTTP:
        by = f", where {detected.redirected_from} redirects to" if detected.redirected_from else ""
        by = f", since {detected.in_place_of}" if detected.in_place_of else by
        text = f"GET {detected.path} {detected.status}{took}{by}"
        name = "HTTPS" if detected.tls else "HTTP"
        return f"{found} speaks {name} on port {port}: {text}"
    over = " over TLS" if detected.tls else ""
    return f"{found} speaks {detected.protocol.name}{over} on port {port}{took}"


def _about_requests(finding: Finding) -> Iterator[str]:
    if finding.proposal is None:
        return
    active = len(finding.proposal.active)
    yield f"{active} request{'s' * (active != 1)} of {finding.proposal.origin}"
    if finding.failed:
        where = "listed all the same" if finding.failed == finding.asked else "comments for now"
        yield f"{finding.failed} of {finding.asked} that were tried failed: they are {where}"


def _next_steps(found: Source, out: Path, finding: Finding) -> list[str]:
    detected, steps = finding.protocol, []
    if finding.proposal is not None:
        steps.append(f"first: read the requests in {out}: values and secrets were replaced")
        if UNNAMED in found.keys.values():
            steps.append("       and set service.image and service.port")
    elif detected.protocol is HTTP and detected.status >= BAD_STATUS:
        counts = "is no error by load.expect" if detected.is_refused else "counts as an error"
        steps.append(
            f"first: which path responds well? {detected.path} responded {detected.status}, which "
            f"{counts}: set load.path, or run init with --path /... --force"
        )
    elif detected.endless:
        steps.append(
            f"first: which path responds well? {detected.path} responded {detected.status}"
            f"{ENDLESS}: set load.path, or run init with --path /... --force"
        )
    elif detected.in_place_of:
        steps.append(
            f"first: which path is the service for? {detected.in_place_of}, so {detected.path} "
            "stands in: set load.path, or run init with --path /... --force"
        )
    elif detected.protocol is HTTP and detected.status >= REDIRECT:
        steps.append(
            f"first: set load.path to one that responds itself; {detected.path} responded "
            f"{detected.status}, a redirect that is not followed (or run init with --path /... "
            "--force)"
        )
    elif not detected.verified:
        steps.append("first: read [load] and correct what the service does not understand")
    scenario = shlex.quote(str(out))
    reference = shlex.quote(found.image.reference)
    return [
        *steps,
        "then:",
        "  socklat-gate doctor",
        f"  socklat-gate gate {scenario} --baseline-image {reference} --allow-same-image",
        "which tries it out, with the same image twice; from then on:",
        f"  socklat-gate gate {scenario} --baseline-image RELEASED",
    ]
