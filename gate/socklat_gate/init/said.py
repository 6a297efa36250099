"""What `init` says when it has written a scenario."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from pathlib import Path

from socklat_gate.init.detection import Finding
from socklat_gate.init.source import UNNAMED, Source
from socklat_gate.load.protocols.http_detection import HTTP
from socklat_gate.load.protocols.protocol import DetectedProtocol
from socklat_gate.measured.names import BAD_STATUS, REDIRECT

__all__ = ["said"]


def said(found: Source, port: int, finding: Finding, out: Path) -> list[str]:
    """Lines for people: what is in the scenario ``out``, and what to do next."""
    first = f"wrote {out}: {_summary(found, port, finding.protocol)}"
    return [first, *_about_requests(finding), *_next_steps(found, out, finding)]


def _summary(found: Source, port: int, detected: DetectedProtocol) -> str:
    if not detected.verified:
        return f"{found}, port {port}, {detected.protocol.name} by its number ({detected.problem})"
    took = f", {1000 * detected.latency_s:.3g} ms" if detected.latency_s else ""
    if detected.protocol is HTTP:
        by = f", where {detected.redirected_from} redirects to" if detected.redirected_from else ""
        text = f"GET {detected.path} {detected.status}{took}{by}"
        name = "HTTPS" if detected.tls else "HTTP"
        return f"{found} speaks {name} on port {port}: {text}"
    return f"{found} speaks {detected.protocol.name} on port {port}{took}"


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
        steps.append(
            f"first: set load.path to one that responds well; {detected.status} counts as an error"
        )
    elif detected.protocol is HTTP and detected.status >= REDIRECT:
        steps.append(
            f"first: set load.path to one that responds itself; {detected.path} responded "
            f"{detected.status}, a redirect that is not followed"
        )
    elif not detected.verified:
        steps.append("first: read [load] and correct what the service does not understand")
    scenario = shlex.quote(str(out))
    reference = shlex.quote(found.image.reference)
    return [
        *steps,
        "then:",
        "  socklat-gate doctor",
        f"  socklat-gate gate {scenario} --baseline-image {reference}",
    ]
