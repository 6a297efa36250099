"""``trace``: what can be watched, and that every exchange of it is counted, and no other."""

from __future__ import annotations

import http.client
import json
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from socklat_gate.errors import Exit, Reason
from socklat_gate.measured.load_counts import LoadCounts
from tests.e2e.harness import Gate
from tests.e2e.scenarios import DELAY_TAG
from tests.e2e.traced import (
    CONNECTIONS,
    PORT,
    REQUESTS,
    RESPONSES,
    WAIT_US,
    Container,
    drive,
    next_line,
    wait_for,
)
from tests.services.build import compile_service
from tests.services.ports import free_port

pytestmark = [pytest.mark.kernel, pytest.mark.docker, pytest.mark.beside]


Watched = tuple[list[Any], LoadCounts]


def watched(gate: Gate, *traces: Sequence[object], host: str, port: int = PORT) -> list[Watched]:
    """Lines of JSON of traces that last as long as one load, which each sees whole; then Ctrl-C."""
    wait_for(host, port)
    started = [gate.start("trace", *options, "--json", "--interval", 0.2) for options in traces]
    looks = [[next_line(process)] for process in started]
    sent = drive(host, port)
    found = []
    for process, lines in zip(started, looks, strict=True):
        deadline_s = time.monotonic() + 20
        while lines[-1]["counters"]["recorded"] < REQUESTS:  # the last ones end with the connection
            assert time.monotonic() < deadline_s, lines[-1]["counters"]
            lines.append(next_line(process))
        found.append(([*lines, *ended(gate, process)], sent))
    return found


def ended(gate: Gate, process: subprocess.Popen[bytes]) -> list[Any]:
    """The lines that were left when Ctrl-C ended a trace."""
    process.send_signal(signal.SIGINT)
    done = gate.end(process)
    assert done.code == Exit.PASS, done.stderr
    assert done.stderr == ""
    return list(map(json.loads, done.stdout.splitlines()))


def counts_exchanges(lines: list[Any], sent: LoadCounts) -> Any:
    """Every look adds up, and the last one has every response that the driver got."""
    last = lines[-1]
    assert sent.responded_total == REQUESTS
    assert last["counters"]["recorded"] + last["counters"]["pending"] == REQUESTS
    assert last["total"]["service"]["count"] == last["counters"]["recorded"]
    assert sum(line["recent"]["service"]["count"] for line in lines) == REQUESTS
    assert last["total"]["app"]["p50_ns"] > 1_000 * WAIT_US
    assert last["missed"] <= 0.005 * REQUESTS  # on any socket of the machine
    slowest = [one["stages_ns"]["response"] for one in last["slowest"]]
    assert slowest == sorted(slowest, reverse=True)
    assert len(slowest) == 10
    return last


def test_a_container_by_its_name_and_by_its_process_at_once_and_not_its_neighbour(
    gate: Gate, service: Container, start: Callable[..., Container]
) -> None:
    neighbour = start()
    other = gate.start("trace", neighbour.name, "--json", "--interval", 0.2)
    next_line(other)
    by_name, by_process = watched(
        gate, [service.name], ["--pid", service.pid, "--full"], host=service.host
    )
    assert ended(gate, other)[-1]["counters"]["seen"] == 0

    lines, last = by_name[0], counts_exchanges(*by_name)
    assert last["target"]["id"] == service.id
    assert last["target"]["label"] == f"{service.name} ({DELAY_TAG})"
    assert last["counters"]["connections"] == CONNECTIONS
    assert last["not_measured"][:2] == ["rx_stack", "bridge"]
    assert last["network"]["listen_overflows"] == 0
    assert last["slowest"][0]["peer"].rpartition(":")[0]
    assert (last["target"]["pid"], last["target"]["ports"]) == (service.pid, [PORT])
    assert [line["final"] for line in lines] == [False] * (len(lines) - 1) + [True]
    times = [line["time"] for line in lines]
    assert times == sorted(times)
    assert lines[0]["time"][:10] <= last["slowest"][0]["time"][:10] <= last["time"][:10]

    last = counts_exchanges(*by_process)
    assert last["target"]["label"] == f"pid {service.pid} (delay)"
    for stage in ("rx_stack", "bridge", "tx_stack"):
        assert last["total"][stage]["count"] > 0.9 * REQUESTS
    assert last["total"]["runq"]["count"] > 0


def test_a_container_on_the_hosts_network(gate: Gate, start: Callable[..., Container]) -> None:
    port = free_port()
    service = start(network_mode="host", port=port)
    [found] = watched(gate, [service.name], host="127.0.0.1", port=port)
    last = counts_exchanges(*found)
    assert last["network"] == {}


@pytest.fixture
def process_on_the_host(tmp_path: Path) -> Iterator[tuple[int, int]]:
    """Process and port of a service that runs without a container."""
    program = tmp_path / "delay"
    program.write_bytes(compile_service("delay.c"))
    program.chmod(0o755)
    port = free_port()
    process = subprocess.Popen(
        [program, "--port", str(port), *RESPONSES], stdout=subprocess.DEVNULL
    )
    wait_for("127.0.0.1", port)
    yield process.pid, port
    process.kill()
    process.wait()


def test_a_service_on_the_hosts_network_by_its_process_and_by_its_port(
    gate: Gate, process_on_the_host: tuple[int, int]
) -> None:
    pid, port = process_on_the_host
    for found in watched(gate, ["--pid", pid], ["--port", port], host="127.0.0.1", port=port):
        # Other sockets of the same namespace, the driver's own for one, are not counted.
        counts_exchanges(*found)


def test_a_scraper_sees_what_the_last_line_says_and_nothing_afterwards(
    gate: Gate, process_on_the_host: tuple[int, int]
) -> None:
    pid, port = process_on_the_host
    listen = free_port()
    options = ["--pid", pid, "--json", "--interval", 0.2, "--listen", listen]
    process = gate.start("trace", *options)
    next_line(process)
    assert process.stderr is not None
    assert process.stderr.readline().decode() == f"metrics at http://127.0.0.1:{listen}/metrics\n"
    drive("127.0.0.1", port)
    wanted = f'socklat_trace_stage_seconds_count{{stage="response"}} {REQUESTS}.0\n'
    deadline_s = time.monotonic() + 20
    while wanted not in (text := scraped(listen)):
        assert time.monotonic() < deadline_s, text
        time.sleep(0.1)
    assert f"socklat_trace_exchanges_total {REQUESTS}.0\n" in text
    accepted = f'socklat_trace_connections_total{{how="accepted"}} {CONNECTIONS}.0\n'
    assert accepted in text
    _, _, rest = text.partition('socklat_trace_stage_seconds{quantile="0.5",stage="app"} ')
    assert 0.0 < float(rest.partition("\n")[0]) < 1.0  # seconds, of a few milliseconds
    capabilities = Path(f"/proc/{process.pid}/task").glob("*/status")
    assert {found(path, "CapEff") for path in capabilities} <= {"0" * 16, f"{1 << 39:016x}"}
    ended(gate, process)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", listen), timeout=10)


def scraped(port: int) -> str:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("GET", "/metrics")
    text = connection.getresponse().read().decode()
    connection.close()
    return text


def found(status: Path, name: str) -> str:
    """A value of /proc/.../status."""
    lines = status.read_text("ascii").splitlines()
    return next(line.split()[1] for line in lines if line.startswith(f"{name}:"))


def test_what_cannot_be_traced_is_refused(gate: Gate, mortal: Container) -> None:
    mortal.kill()
    gone = subprocess.Popen(["true"])
    gone.wait()
    for arguments, text in (
        (["no-such-container"], "there is no container 'no-such-container'"),
        ([""], "'' cannot be a container's name"),
        ([mortal.name], "is not running (exited)"),
        (["--pid", gone.pid], f"process {gone.pid} cannot be looked at"),
        (["--port", free_port()], "nothing listens on TCP port"),
        ([], "give one of CONTAINER, --pid and --port"),
        (["one", "two"], "unexpected extra argument (two)"),
        ([mortal.name, "--duration", "nan"], "'nan' is not a number"),
        ([mortal.name, "--interval", "nan"], "'nan' is not a number"),
        ([mortal.name, "--listen", "x"], "--listen x: it is not PORT, ADDR:PORT"),
        (["some", "--pid", 1], "give one of CONTAINER, --pid and --port"),
    ):
        done = gate.run("trace", *arguments, out=False)
        said = done.refused(Exit.USAGE, Reason.BAD_ARGUMENT)
        assert text in said
        assert "try: " in said
