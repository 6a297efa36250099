"""Start the image once and ask what it speaks: HTTP, RESP (Redis), memcached or PostgreSQL."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import docker
import requests

from socklat_gate.init.source import Source
from socklat_gate.scenario import Service
from socklat_gate.service.session import ArmSpec, ServiceSession

__all__ = ["HTTP", "Protocol", "Spoken", "ask", "guess"]

TRY_TIMEOUT_S = 2.0
ASK_FOR_S = 2.0
ASK_TIMES = 20


@dataclass(frozen=True, slots=True)
class Protocol:
    """A protocol that can be recognised: by its usual port, or by an ``answers`` to ``question``.

    ``keys`` are those of ``[load]`` that make ``driver`` ask it something cheap, with their
    comments.  ``repeats`` says whether the question can be asked again on the same connection.
    """

    name: str
    ports: tuple[int, ...]
    question: bytes
    answers: tuple[bytes, ...]
    driver: str
    keys: tuple[tuple[str, str | list[str], str], ...]
    repeats: bool = True


HTTP = Protocol("HTTP", (), b"", (), "http", ())
_PGBENCH = (
    "echo 'SELECT count(*) FROM pg_class' | pgbench -n -f - -h {host} -p {port} -U postgres "
    "-c {connections} -R {rate} -T {duration_s} --random-seed={seed} postgres"
)
_KNOWN = (
    Protocol(
        "RESP",
        (6379, 6380),
        b"*1\r\n$4\r\nPING\r\n",
        (b"+PONG",),
        "tcp",
        (
            ("payload", r"*1\r\n$4\r\nPING\r\n", "better: a command that your service uses"),
            ("answer", "resp", "the end of an answer, as Redis and its relatives write it"),
        ),
    ),
    Protocol(
        "memcached",
        (11211,),
        b"version\r\n",
        (b"VERSION ",),
        "tcp",
        (
            ("payload", r"get socklat\r\n", "better: a key that is there"),
            ("answer", r"until:END\r\n", "the end of an answer"),
        ),
    ),
    Protocol(
        "PostgreSQL",
        (5432,),
        # SSLRequest; "Message Formats" in PostgreSQL's documentation.
        (8).to_bytes(4, "big") + (80877103).to_bytes(4, "big"),
        (b"S", b"N"),
        "command",
        (("command.argv", ["sh", "-c", _PGBENCH], "PGPASSWORD=... pgbench where it wants one"),),
        repeats=False,
    ),
)
_NAMES = ", ".join(["HTTP", *(protocol.name for protocol in _KNOWN)])


@dataclass(frozen=True, slots=True)
class Spoken:
    """What was found: ``path`` and ``status`` for HTTP, and the median latency in s, 0 if unknown.

    ``verified`` is false for what the port alone suggests; ``problem`` then says why.
    """

    protocol: Protocol
    path: str = "/"
    status: int = 0
    latency_s: float = 0.0
    verified: bool = False
    problem: str = ""


def guess(port: int, problem: str = "") -> Spoken:
    """What the port suggests; HTTP for any that is not known."""
    return Spoken(_by_port(port) or HTTP, problem=problem)


def ask(
    client: docker.DockerClient,
    source: Source,
    port: int,
    scenario_dir: Path,
    say: Callable[[str], None],
) -> Spoken:
    """Starts the image, asks it some 20 times one after the other, and removes it.

    Raises as `ServiceSession.start` does.
    """
    service = Service.model_validate({**source.keys, "port": port})
    with ServiceSession(client, service, scenario_dir) as session:
        say(f"starting {source}")
        [running] = session.start([ArmSpec("candidate", source.image)])
        say(f"asking port {port}")
        paths = [path for path in (source.health_path, "/") if path]
        return _spoken(running.host, running.port, paths)


def _spoken(host: str, port: int, paths: Sequence[str]) -> Spoken:
    likely = _by_port(port)
    others = [protocol for protocol in _KNOWN if protocol is not likely]
    if likely and _answers(host, port, likely):
        return Spoken(likely, latency_s=_latency_s(host, port, likely), verified=True)
    found = _http(host, port, paths)
    if found:
        return found
    for protocol in others:
        if _answers(host, port, protocol):
            return Spoken(protocol, latency_s=_latency_s(host, port, protocol), verified=True)
    return guess(port, f"it accepts connections, but speaks none of {_NAMES}")


def _by_port(port: int) -> Protocol | None:
    return next((protocol for protocol in _KNOWN if port in protocol.ports), None)


def _answers(host: str, port: int, protocol: Protocol) -> bool:
    try:
        with socket.create_connection((host, port), timeout=TRY_TIMEOUT_S) as connection:
            connection.sendall(protocol.question)
            return connection.recv(4096).startswith(protocol.answers)
    except OSError:
        return False


def _latency_s(host: str, port: int, protocol: Protocol) -> float:
    if not protocol.repeats:
        return 0.0
    with socket.create_connection((host, port), timeout=TRY_TIMEOUT_S) as connection:

        def once() -> None:
            connection.sendall(protocol.question)
            connection.recv(4096)

        return _median_s(once)


def _http(host: str, port: int, paths: Sequence[str]) -> Spoken | None:
    """HTTP at the first of ``paths`` that answers well, else at the last; None when none does."""
    found = None
    with requests.Session() as session:
        session.trust_env = False  # a proxy would answer for it
        for path in paths:

            def once(url: str = f"http://{host}:{port}{path}") -> int:
                with session.get(url, timeout=TRY_TIMEOUT_S, allow_redirects=False) as response:
                    return response.status_code

            try:
                status = once()
                found = Spoken(HTTP, path, status, _median_s(once), verified=True)
            except requests.RequestException:
                continue
            if status < 400:
                break
    return found


def _median_s(once: Callable[[], object]) -> float:
    took_s: list[float] = []
    end_s = time.monotonic() + ASK_FOR_S
    while len(took_s) < ASK_TIMES and time.monotonic() < end_s:
        started_s = time.perf_counter()
        once()
        took_s.append(time.perf_counter() - started_s)
    return median(took_s) if took_s else 0.0
