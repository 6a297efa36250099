"""Other people's load tools in the laboratory: what they count beside what the kernel counts.

Both tools are one thread on keep-alive connections, one request at a time on each.
"""

from __future__ import annotations

import re
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from socklat_gate.probe.probe import SocketProbe
from tests.conformance.lab import Lab
from tests.conformance.stand import EVER_NS, PORT, await_listening, eventually, open_connections
from tests.conformance.stand import running as ended

__all__ = ["Redis", "Wrk", "redis_benchmark", "wrk_for_a_second", "wrk_with_a_quota"]

SLOT = 0
# Each connection asks for leave before it sends: after the quota it waits for longer than any test.
QUOTA_LUA = """
local asked, responded, quota = 0, 0, {quota}
function delay()
  asked = asked + 1
  return asked <= quota and 0 or 3600000
end
function response()
  responded = responded + 1
  if responded == quota then io.write("all responded\\n") io.flush() end
end
"""


@dataclass(frozen=True, slots=True)
class Redis:
    """One run of redis-benchmark: ``asked`` its own number of GETs, ``gets`` the server's count.

    ``commands`` are all that the server processed but the INFO that asked it.
    """

    asked: int
    gets: int
    commands: int
    counters: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Wrk:
    """One run of wrk: ``responses`` are the responses that it says it has had complete."""

    responses: int
    connections: int
    counters: Mapping[str, int]


def redis_benchmark(lab: Lab, probe: SocketProbe, *, requests: int, connections: int) -> Redis:
    """GETs by redis-benchmark against redis-server; both must be installed.

    Before them it asks for two settings in one segment, whose responses come in one, too; and at
    the end INFO is one exchange of our own.
    """
    server = ["redis-server", "--port", str(PORT), "--bind", "0.0.0.0", "--save", ""]
    server += ["--protected-mode", "no", "--daemonize", "no", "--dir", "/"]
    load = ["redis-benchmark", "-h", lab.inside4, "-p", str(PORT), "-t", "get", "-q"]
    load += ["-n", str(requests), "-c", str(connections)]
    with _watched(lab, probe, lab.run_inside(*server)):
        subprocess.run(load, capture_output=True, check=True, timeout=60)
        with socket.create_connection((lab.inside4, PORT), timeout=10.0) as client:
            client.sendall(b"INFO everything\r\n")
            told = _bulk(client)
        counters = _settled(lab, probe)
    processed = _number(r"^total_commands_processed:(\d+)", told)
    gets = _number(r"^cmdstat_get:calls=(\d+)", told)
    return Redis(requests, gets, processed, counters)


def wrk_with_a_quota(lab: Lab, probe: SocketProbe, *, requests: int, connections: int) -> Wrk:
    """wrk sends so many requests and waits for all responses, so that none is under way at its end.

    Raises `AssertionError` when it ends before.
    """
    with tempfile.NamedTemporaryFile("w", suffix=".lua", encoding="ascii") as script:
        script.write(QUOTA_LUA.format(quota=requests))
        script.flush()
        command = _wrk(lab, connections, seconds=60, script=Path(script.name))
        with _watched(lab, probe, lab.start("--port", str(PORT), "--delay", "0", program="http")):
            with ended(subprocess.Popen(command, stdout=subprocess.PIPE)) as process:
                assert process.stdout is not None
                said = b""
                while b"all responded\n" not in said:
                    line = process.stdout.readline()
                    assert line, said
                    said += line
                process.send_signal(signal.SIGINT)
                told, _ = process.communicate(timeout=30)
            counters = _settled(lab, probe)
    return Wrk(_number(r"(\d+) requests in", told.decode()), connections, counters)


def wrk_for_a_second(lab: Lab, probe: SocketProbe, *, connections: int) -> Wrk:
    """wrk as everybody runs it: at its deadline it drops the connections, asked or not."""
    with _watched(lab, probe, lab.start("--port", str(PORT), "--delay", "0", program="http")):
        command = _wrk(lab, connections, seconds=1)
        told = subprocess.run(command, capture_output=True, check=True, timeout=60).stdout
        counters = _settled(lab, probe)
    return Wrk(_number(r"(\d+) requests in", told.decode()), connections, counters)


def _wrk(lab: Lab, connections: int, *, seconds: int, script: Path | None = None) -> list[str]:
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s"]
    command += ["-s", str(script)] if script else []
    return [*command, f"http://{lab.inside4}:{PORT}/"]


@contextmanager
def _watched(lab: Lab, probe: SocketProbe, service: subprocess.Popen[bytes]) -> Iterator[None]:
    with ended(service):
        await_listening(service, PORT)
        probe.watch(SLOT, lab.netns_inode, PORT)
        probe.record_between(SLOT, 0, EVER_NS)
        try:
            yield
        finally:
            probe.forget(SLOT)


def _settled(lab: Lab, probe: SocketProbe) -> dict[str, int]:
    """The counters once all connections have ended."""
    eventually(lambda: open_connections(probe, lab.netns_inode) == 0)
    return dict(probe.read(SLOT).counters)


def _bulk(client: socket.socket) -> str:
    """The text of a bulk reply."""
    with client.makefile("rb") as stream:
        length = int(stream.readline().removeprefix(b"$"))
        return stream.read(length).decode()


def _number(pattern: str, text: str) -> int:
    found = re.search(pattern, text, re.MULTILINE)
    assert found is not None, (pattern, text)
    return int(found.group(1))
