"""Start the image once and detect its protocol, by those of `load.protocols`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from socklat_gate.init.discovery import discovered
from socklat_gate.init.source import Source
from socklat_gate.init.traffic.from_tally import MOST_REQUESTS
from socklat_gate.init.traffic.proposal import Proposal
from socklat_gate.init.trial import tried
from socklat_gate.load.protocols.http_detection import HTTP
from socklat_gate.load.protocols.protocol import DetectedProtocol, Detector
from socklat_gate.load.protocols.registry import DETECTORS
from socklat_gate.scenario import Service
from socklat_gate.service.docker_types import DockerClient
from socklat_gate.service.session import ArmSpec, ServiceSession

__all__ = ["Finding", "detect", "detect_at", "guess"]

HTTPS_PORTS = (443, 8443)


def guess(port: int, problem: str = "") -> DetectedProtocol:
    """What the port suggests; HTTP for any that is not known."""
    return DetectedProtocol(_by_port(port) or HTTP, problem=problem, tls=port in HTTPS_PORTS)


@dataclass(frozen=True, slots=True)
class Finding:
    """What a service speaks, and what to send it: None for what the protocol suggests.

    Of the proposed requests ``asked`` were tried and ``failed`` did not respond well.
    """

    protocol: DetectedProtocol
    proposal: Proposal | None = None
    asked: int = 0
    failed: int = 0


def detect(
    client: DockerClient,
    source: Source,
    port: int,
    scenario_dir: Path,
    on_phase: Callable[[str], None],
    proposal: Proposal | None = None,
    most: int = MOST_REQUESTS,
) -> Finding:
    """Starts the image, sends it some requests one after the other, and removes it.

    Those of ``proposal`` that change nothing are tried; without a proposal at most ``most`` are
    made of what the service offers.  Raises as `ServiceSession.start` does.
    """
    service = Service.model_validate({**source.keys, "port": port})
    with ServiceSession(client, service, scenario_dir) as session:
        on_phase(f"starting {source}")
        [running] = session.start([ArmSpec("candidate", source.image)])
        on_phase(f"trying port {port}")
        paths = [path for path in (source.health_path, "/") if path]
        found = detect_at(running.host, running.port, paths)
        return _explored(found, running.host, running.port, proposal, most, on_phase)


def _explored(
    found: DetectedProtocol,
    host: str,
    port: int,
    proposal: Proposal | None,
    most: int,
    on_phase: Callable[[str], None],
) -> Finding:
    if found.protocol is not HTTP or not found.verified:
        return Finding(found, proposal)
    if proposal is None:
        seen = discovered(host, port, _page(found), most, on_phase, tls=found.tls)
    else:
        seen = tried(proposal, host, port, on_phase, tls=found.tls)
    if seen is None:
        return Finding(found)
    if seen.latency_s:
        found = replace(found, latency_s=seen.latency_s)
    return Finding(found, seen.proposal, seen.asked, seen.failed)


def _page(found: DetectedProtocol) -> str:
    """Where links may be: where ``/`` redirects to, else ``/``, whichever path is the health's."""
    return found.path if found.redirected_from else "/"


def detect_at(host: str, port: int, paths: Sequence[str] = ("/",)) -> DetectedProtocol:
    """What listens at ``host``:``port`` speaks: first what the port suggests, then the others."""
    likely = _by_port(port)
    others = [detector for detector in DETECTORS if detector is not likely]
    for detector in [likely, *others] if likely else others:
        found = detector.detect(host, port, paths)
        if found:
            return found
    names = ", ".join(detector.name for detector in DETECTORS)
    return guess(port, f"it accepts connections, but speaks none of {names}")


def _by_port(port: int) -> Detector | None:
    return next((detector for detector in DETECTORS if port in detector.ports), None)
