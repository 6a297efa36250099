"""What is to be gated, on which port, and what it is sent."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from socklat_gate.errors import InvalidMeasurement, Reason, UsageError
from socklat_gate.init.detection import Finding, detect, guess
from socklat_gate.init.source import UNNAMED, Source, chosen_port, find_source, named_source
from socklat_gate.init.traffic.proposal import Proposal
from socklat_gate.job.progress import Progress
from socklat_gate.load.protocols.http_detection import HTTP
from socklat_gate.load.protocols.protocol import DetectedProtocol
from socklat_gate.service.client import connect

__all__ = ["Wanted", "look_at"]

USUAL_PORT = 8080


@dataclass(frozen=True, slots=True)
class Wanted:
    """What `init` was called with: see its options.

    ``beside`` is the directory of the scenario; ``most`` limits the requests that are listed;
    ``path`` is the one to load.
    """

    source: str
    beside: Path
    port: int | None
    service: str | None
    start: bool
    most: int
    path: str | None = None


def look_at(
    wanted: Wanted, proposal: Proposal | None, progress: Progress
) -> tuple[Source, int, Finding]:
    """The service, its port, and what was found by starting it, if it is to be started.

    A list of requests and a name are enough for a scenario: then no Docker is needed.  Raises as
    `find_source`, `chosen_port` and `detect` do, and `UsageError` (BAD_ARGUMENT) for requests of
    HTTP to a service that speaks something else.
    """
    named = named_source(wanted.source, wanted.beside) if proposal else None
    if proposal and named and not (wanted.start and UNNAMED not in named.keys.values()):
        at = wanted.port or proposal.port or USUAL_PORT
        return named, at, _untried(at, proposal, "it was not started")
    client = connect()
    found = find_source(client, wanted.source, wanted.beside, progress.phase, wanted.service)
    from_file = proposal.port if proposal and not found.ports else None
    given = wanted.port or from_file
    if not wanted.start:
        at = chosen_port(found, given)
        return found, at, _untried(at, proposal, "--no-start was given")
    try:
        finding = detect(
            client,
            found,
            (given,) if given else found.ports,
            wanted.beside,
            progress.phase,
            proposal,
            wanted.most,
            wanted.path,
        )
    except InvalidMeasurement as error:
        try:
            at = chosen_port(found, given)
        except UsageError as unknown:
            unknown.and_beside([error.message])
            raise
        progress.line(f"{error.message}")
        return found, at, _untried(at, proposal, "the image did not start alone")
    at = finding.port
    if proposal and finding.protocol.protocol is not HTTP:
        if finding.protocol.verified:
            raise UsageError(
                Reason.BAD_ARGUMENT,
                f"{found} speaks {finding.protocol.protocol.name} on port {at}, and the file has "
                "requests of HTTP",
                remedy="give the service that they were sent to, or its port with --port",
            )
        return found, at, _untried(at, proposal, finding.protocol.problem)
    return found, at, finding


def _untried(port: int, proposal: Proposal | None, problem: str) -> Finding:
    detected = DetectedProtocol(HTTP, problem=problem) if proposal else guess(port, problem)
    return Finding(detected, port, proposal)
