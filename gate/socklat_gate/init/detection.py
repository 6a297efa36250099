"""Start the image once and detect its protocol, by those of `load.protocols`."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from socklat_gate.init.discovery import discovered
from socklat_gate.init.finding import Finding
from socklat_gate.init.paths import with_usual_path
from socklat_gate.init.port_search import PortSearch
from socklat_gate.init.source import Source
from socklat_gate.init.traffic.from_tally import MOST_REQUESTS
from socklat_gate.init.traffic.proposal import Proposal
from socklat_gate.init.trial import Tried, tried
from socklat_gate.load.protocols.handshake import TRY_TIMEOUT_S
from socklat_gate.load.protocols.http_detection import HTTP
from socklat_gate.load.protocols.protocol import DetectedProtocol, Detector
from socklat_gate.load.protocols.registry import DETECTORS
from socklat_gate.load.protocols.tls_detection import asks_for_certificate, speaks_tls
from socklat_gate.measured.names import BAD_STATUS, REDIRECT
from socklat_gate.scenario import Service
from socklat_gate.service.docker_types import DockerClient
from socklat_gate.service.session import ArmSpec, RunningArm, ServiceSession

__all__ = ["Finding", "detect", "detect_at", "guess"]

HTTPS_PORTS = (443, 8443)
SERVER_ERROR = 500
START_WITHIN_S = 180.0
"""A service that takes longer is written down untried."""

RISE_WITHIN_S, SETTLE_WITHIN_S = 60.0, 4.0
"""A service that listens may respond 503 until it is ready, or 404 until its routes are loaded."""

MUTE_WITHIN_S = 20.0
"""One that lets requests wait may be loading, or wait for more in a protocol of its own."""

RISE_EVERY_S = 0.5
MOST_PORTS = 4


def guess(port: int, problem: str = "") -> DetectedProtocol:
    """What the port suggests; HTTP for any that is not known."""
    return DetectedProtocol(_by_port(port) or HTTP, problem=problem, tls=port in HTTPS_PORTS)


def detect(
    client: DockerClient,
    source: Source,
    ports: Sequence[int],
    scenario_dir: Path,
    on_phase: Callable[[str], None],
    proposal: Proposal | None = None,
    most: int = MOST_REQUESTS,
    path: str | None = None,
) -> Finding:
    """Starts the image, sends it some requests one after the other, and removes it.

    ``ports`` are those on which it may listen, the likeliest first; none: any.  ``path`` is the one
    to ask for.  Those of ``proposal`` that change nothing are tried; without a proposal at most
    ``most`` are made of what the service offers.  Raises as `ServiceSession.start` does.
    """
    for ipv6 in (False, True):
        search = PortSearch(ports)
        ready = {"timeout_s": START_WITHIN_S}
        at = ports[0] if ports else 1  # it is asked where it listens
        keys = {**source.keys, "port": at, "ready": ready, "ipv6": ipv6}
        service = Service.model_validate(keys)
        with ServiceSession(client, service, scenario_dir, attempt=search) as session:
            on_phase(f"starting {source}")
            begun_s = time.monotonic()
            [running] = session.start([ArmSpec("candidate", source.image)])
            if search.ipv6_only:
                continue
            asked = [one for one in (path, source.health_path, "/") if one]
            paths = [path] if path else list(dict.fromkeys(asked))
            found, port, since_s = _likeliest(running, search.look_again, paths, on_phase)
            startup_s = since_s - begun_s if found.verified else 0.0
            others = tuple(one for one in (*search.ports, *search.others) if one != port)
            finding = Finding(
                found,
                port,
                proposal,
                other_ports=others,
                startup_s=startup_s,
                ipv6=ipv6,
                path_given=path is not None,
            )
            return _explored(finding, running.host, most, on_phase)
    raise AssertionError("by IPv6 it is not found to take IPv6 alone")


def _likeliest(
    running: RunningArm,
    ports: Callable[[], Sequence[int]],
    paths: Sequence[str],
    on_phase: Callable[[str], None],
) -> tuple[DetectedProtocol, int, float]:
    """What is spoken on the port that responds best, the first one of several; that port; since.

    ``ports`` are those that take connections by now, since a further one may follow later.  It has
    responded so well since that moment (CLOCK_MONOTONIC, s): what comes after is patience.
    """
    begun_s = time.monotonic()
    since_s: dict[int, float] = {}
    asked_while_it_spoke = False
    while True:
        tried_ports = []
        for port in ports()[:MOST_PORTS]:
            on_phase(f"trying port {port}")
            tried_ports.append((detect_at(running.host, port, paths), port))
        best = max(tried_ports, key=lambda one: _rank(one[0]))
        since = since_s.setdefault(_rank(best[0]), time.monotonic())
        if best[0].verified or best[0].tls:
            patience_s = 0.0 if best[0].endless else _patience_s(best[0].status)
        else:
            patience_s = _patience_with_the_mute_s(running.host, best[1])
            if not patience_s and not asked_while_it_spoke:
                asked_while_it_spoke = True  # it may have begun to speak meanwhile
                continue
        if time.monotonic() - begun_s >= patience_s:
            return *best, since
        on_phase(f"waiting for port {best[1]} to respond well ({best[0].status or 'nothing'} yet)")
        time.sleep(RISE_EVERY_S)


def _patience_s(status: int) -> float:
    """How long what responds so may come to respond better."""
    if status >= SERVER_ERROR:
        return RISE_WITHIN_S
    return SETTLE_WITHIN_S if status >= BAD_STATUS else 0.0


def _patience_with_the_mute_s(host: str, port: int) -> float:
    """A service may be rising that takes connections and drops them, or lets them wait.

    One that says something of its own speaks another protocol.
    """
    try:
        with socket.create_connection((host, port), timeout=TRY_TIMEOUT_S) as connection:
            connection.sendall(b"GET / HTTP/1.0\r\n\r\n")
            return 0.0 if connection.recv(1) else RISE_WITHIN_S
    except TimeoutError:
        return MUTE_WITHIN_S
    except OSError:
        return RISE_WITHIN_S


def _rank(found: DetectedProtocol) -> int:
    if not found.verified:
        return 0
    return _rank_of(BAD_STATUS if found.endless else found.status)


def _rank_of(status: int) -> int:
    """How likely a port that responds so is the one to load; other protocols have no status."""
    if status >= SERVER_ERROR:
        return 1
    if status >= BAD_STATUS:
        return 2
    return 3 if status >= REDIRECT else 4


def _explored(finding: Finding, host: str, most: int, on_phase: Callable[[str], None]) -> Finding:
    found, port, proposal = finding.protocol, finding.port, finding.proposal
    if found.protocol is not HTTP or not found.verified:
        return finding
    if proposal is not None:
        seen: Tried | None = tried(proposal, host, port, on_phase, tls=found.tls)
    elif finding.path_given:
        return finding
    else:
        seen = discovered(host, port, _page(found), most, on_phase, tls=found.tls)
    if seen is None:
        if found.status >= REDIRECT or found.endless:
            found = with_usual_path(found, host, port, on_phase)
        return replace(finding, protocol=found)
    if seen.latency_s:
        found = replace(found, latency_s=seen.latency_s)
    return replace(
        finding,
        protocol=found,
        proposal=seen.proposal,
        asked=seen.asked,
        failed=seen.failed,
    )


def _page(found: DetectedProtocol) -> str:
    """Where links may be: where ``/`` redirects to, else ``/``, whichever path is the health's."""
    return found.path if found.redirected_from else "/"


def detect_at(host: str, port: int, paths: Sequence[str] = ("/",)) -> DetectedProtocol:
    """What listens at ``host``:``port`` speaks: first what the port suggests, then the others.

    Over TLS where it shakes hands, whatever its port: some respond to plain requests too.
    """
    tls = speaks_tls(host, port, TRY_TIMEOUT_S)
    likely = _by_port(port)
    others = [detector for detector in DETECTORS if detector is not likely]
    for detector in [likely, *others] if likely else others:
        found = detector.detect(host, port, paths, tls=tls)
        if found:
            return found
    if tls and asks_for_certificate(host, port, TRY_TIMEOUT_S):
        problem = "it asks for a client's certificate: set tls.cert_file and tls.key_file"
        return replace(guess(port, problem), tls=tls)
    names = ", ".join(detector.name for detector in DETECTORS)
    problem = f"it accepts connections, but speaks none of {names}"
    return replace(guess(port, f"{problem} over TLS" if tls else problem), tls=tls)


def _by_port(port: int) -> Detector | None:
    return next((detector for detector in DETECTORS if port in detector.ports), None)
