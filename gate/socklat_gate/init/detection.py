"""Start the image once and detect its protocol, by those of `load.protocols`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from socklat_gate.init.source import Source
from socklat_gate.load.protocols.http_detection import HTTP
from socklat_gate.load.protocols.protocol import DetectedProtocol, Detector
from socklat_gate.load.protocols.registry import DETECTORS
from socklat_gate.scenario import Service
from socklat_gate.service.docker_types import DockerClient
from socklat_gate.service.session import ArmSpec, ServiceSession

__all__ = ["detect", "detect_at", "guess"]


def guess(port: int, problem: str = "") -> DetectedProtocol:
    """What the port suggests; HTTP for any that is not known."""
    return DetectedProtocol(_by_port(port) or HTTP, problem=problem)


def detect(
    client: DockerClient,
    source: Source,
    port: int,
    scenario_dir: Path,
    on_phase: Callable[[str], None],
) -> DetectedProtocol:
    """Starts the image, sends it some 20 requests one after the other, and removes it.

    Raises as `ServiceSession.start` does.
    """
    service = Service.model_validate({**source.keys, "port": port})
    with ServiceSession(client, service, scenario_dir) as session:
        on_phase(f"starting {source}")
        [running] = session.start([ArmSpec("candidate", source.image)])
        on_phase(f"trying port {port}")
        paths = [path for path in (source.health_path, "/") if path]
        return detect_at(running.host, running.port, paths)


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
