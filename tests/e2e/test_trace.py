"""``trace``: a running service watched from outside, under load, until told to stop."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from gate.campaign import LoadCounts
from gate.errors import Exit, Reason
from gate.load.process import Endpoint, LoadProcess
from gate.scenario import Load
from tests.e2e.done import Done
from tests.e2e.harness import Gate
from tests.e2e.scenarios import DELAY_TAG
from tests.e2e.terminal import screen
from tests.services.build import compile_service

pytestmark = [pytest.mark.kernel, pytest.mark.docker]

PORT = 7000
REQUESTS = 211
LENGTH = 16
WAIT_US = 2_000
ANSWERS = ["--before-answer", str(WAIT_US)]


class Container:
    """A service of ours that runs, as a user would have it: nothing about it is the gate's."""

    def __init__(self, client: Any, name: str, command: list[str], **options: Any) -> None:
        self.name = name
        self.api = client.api
        self._container = client.containers.run(
            DELAY_TAG, command, name=name, detach=True, **options
        )
        self._container.reload()
        networks = self._container.attrs["NetworkSettings"]["Networks"]
        self.host = next(iter(networks.values()))["IPAddress"] or "127.0.0.1"
        self.pid = int(self._container.attrs["State"]["Pid"])
        self.id = str(self._container.id)

    def remove(self) -> None:
        self._container.remove(force=True)

    def kill(self) -> None:
        self._container.kill()


@pytest.fixture
def start(docker_client: Any, tmp_path: Path) -> Iterator[Callable[..., Container]]:
    started: list[Container] = []

    def run(**options: Any) -> Container:
        name = f"socklat-e2e-trace-{os.getpid()}-{len(started)}"
        command = ["/delay", "--port", str(options.pop("port", PORT)), *ANSWERS]
        started.append(Container(docker_client, name, command, **options))
        return started[-1]

    yield run
    for container in started:
        container.remove()


@pytest.fixture
def service(start: Callable[..., Container]) -> Container:
    return start()


def drive(host: str, port: int = PORT) -> LoadCounts:
    """`REQUESTS` requests over one second."""
    load = Load.model_validate(
        {
            "rate": float(REQUESTS),
            "arrivals": "constant",
            "duration_s": 1.0,
            "warmup_s": 0.0,
            "connections": 8,
            "payload": "x" * LENGTH,
            "answer": LENGTH,
        }
    )
    with LoadProcess(load, [Endpoint(host, port)], seed=1) as driver:
        driver.connect()
        driver.start(time.monotonic_ns() + 150_000_000)
        return driver.wait()[0]


def wait_for(host: str, port: int) -> None:
    deadline_s = time.monotonic() + 10
    while True:
        try:
            socket.create_connection((host, port), timeout=1.0).close()
        except OSError:
            assert time.monotonic() < deadline_s
            time.sleep(0.05)
        else:
            return


def first_line(process: subprocess.Popen[bytes]) -> Any:
    """The first look; from then on it watches."""
    assert process.stdout is not None
    return json.loads(process.stdout.readline())


def watched(
    gate: Gate, *arguments: object, host: str, port: int = PORT
) -> tuple[list[Any], LoadCounts, Done]:
    """Lines of JSON of a trace that lasts as long as the load; ended by Ctrl-C."""
    wait_for(host, port)
    process = gate.start("trace", *arguments, "--json", "--interval", 0.2)
    first_line(process)
    sent = drive(host, port)
    time.sleep(0.3)
    process.send_signal(signal.SIGINT)
    done = gate.end(process)
    assert done.code == Exit.PASS, done.stderr
    assert done.stderr == ""
    return [json.loads(line) for line in done.stdout.splitlines()], sent, done


def counts_exchanges(lines: list[Any], sent: LoadCounts) -> Any:
    """Every look adds up, and the last one has every answer that the driver got."""
    last = lines[-1]
    assert sent.answered_total == REQUESTS
    assert last["counters"]["recorded"] + last["counters"]["pending"] == REQUESTS
    assert last["total"]["service"]["count"] == last["counters"]["recorded"]
    assert sum(line["recent"]["service"]["count"] for line in lines) == REQUESTS
    assert last["total"]["app"]["p50_ns"] > 1_000 * WAIT_US
    assert last["missed"] == 0
    slowest = [one["stages_ns"]["service"] for one in last["slowest"]]
    assert slowest == sorted(slowest, reverse=True)
    assert len(slowest) == 10
    return last


def test_a_container_by_its_name(gate: Gate, service: Container) -> None:
    lines, sent, _ = watched(gate, service.name, host=service.host)
    last = counts_exchanges(lines, sent)
    assert last["target"]["id"] == service.id
    assert last["target"]["label"] == f"{service.name} ({DELAY_TAG})"
    assert last["counters"]["connections"] == 8
    assert last["not_measured"][:2] == ["rx_stack", "bridge"]
    assert last["network"]["listen_overflows"] == 0
    assert last["slowest"][0]["peer"].rpartition(":")[0]


def test_a_container_by_its_process_with_every_stage(gate: Gate, service: Container) -> None:
    lines, sent, _ = watched(gate, "--pid", service.pid, "--full", host=service.host)
    last = counts_exchanges(lines, sent)
    assert last["target"]["label"] == f"pid {service.pid} (delay)"
    for stage in ("rx_stack", "bridge", "tx_stack"):
        assert last["total"][stage]["count"] > 0.9 * REQUESTS
    assert last["total"]["runq"]["count"] > 0


def test_two_containers_are_not_mixed_up(gate: Gate, start: Callable[..., Container]) -> None:
    mine, other = start(), start()
    wait_for(mine.host, PORT)
    process = gate.start("trace", other.name, "--json", "--interval", 0.2)
    first_line(process)
    drive(mine.host)
    process.send_signal(signal.SIGINT)
    last = json.loads(gate.end(process).stdout.splitlines()[-1])
    assert last["counters"]["seen"] == 0


def test_a_container_on_the_hosts_network(gate: Gate, start: Callable[..., Container]) -> None:
    port = free_port()
    service = start(network_mode="host", port=port)
    lines, sent, _ = watched(gate, service.name, host="127.0.0.1", port=port)
    last = counts_exchanges(lines, sent)
    assert last["network"] == {}


@pytest.fixture
def process_on_the_host(tmp_path: Path) -> Iterator[tuple[int, int]]:
    """Process and port of a service that runs without a container."""
    program = tmp_path / "delay"
    program.write_bytes(compile_service("delay.c"))
    program.chmod(0o755)
    port = free_port()
    process = subprocess.Popen([program, "--port", str(port), *ANSWERS], stdout=subprocess.DEVNULL)
    wait_for("127.0.0.1", port)
    yield process.pid, port
    process.kill()
    process.wait()


@pytest.mark.parametrize("by", ["pid", "port"])
def test_a_service_on_the_hosts_network(
    gate: Gate, process_on_the_host: tuple[int, int], by: str
) -> None:
    pid, port = process_on_the_host
    given = {"pid": pid, "port": port}[by]
    lines, sent, _ = watched(gate, f"--{by}", given, host="127.0.0.1", port=port)
    # Other sockets of the same namespace, the driver's own for one, are not counted.
    counts_exchanges(lines, sent)


def test_it_ends_by_itself_with_a_summary(gate: Gate, service: Container) -> None:
    wait_for(service.host, PORT)
    terminal = gate.on_terminal("trace", service.name, "--duration", 5, out=False)
    terminal.wait_for("watching ")
    drive(service.host)
    done = terminal.end()
    assert done.code == Exit.PASS
    lines = screen(terminal.shown)
    assert lines[0].startswith(f"{service.name} ({DELAY_TAG})  5 s, {REQUESTS} exchanges")
    assert lines[1].split() == ["stage", "n", "p50", "p99", "max"]
    assert [line for line in lines if line.split()[:2] == ["service", str(REQUESTS)]]


def test_the_live_view_is_drawn_in_place_and_leaves_only_the_summary(
    gate: Gate, service: Container
) -> None:
    wait_for(service.host, PORT)
    terminal = gate.on_terminal("trace", service.name, "--interval", 0.2, out=False)
    terminal.wait_for("watching ")
    drive(service.host)
    terminal.wait_for("slowest exchanges")
    terminal.process.send_signal(signal.SIGINT)
    done = terminal.end()
    assert done.code == Exit.PASS
    left = screen(terminal.shown)
    assert max(map(len, left)) <= 100
    assert not [line for line in left if "now" in line or "watching" in line]
    assert len([line for line in left if line.lstrip().startswith("stage")]) == 1
    text = "\n".join(left)
    assert "slowest exchanges" in text
    assert "not seen: " in text
    assert "not measured here: rx_stack, bridge, tx_stack, runq" in text


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, Exit.PASS), (signal.SIGTERM, Exit.SIGTERM)]
)
def test_a_signal_ends_it_with_the_summary(
    gate: Gate, service: Container, number: signal.Signals, code: Exit
) -> None:
    terminal = gate.on_terminal("trace", service.name, "--interval", 0.1, out=False)
    terminal.wait_for("0 exchanges/s now")
    terminal.process.send_signal(number)
    terminal.process.send_signal(number)
    done = terminal.end()
    assert done.code == code
    assert "error: " not in done.stderr
    assert "Traceback" not in done.stderr
    left = screen(terminal.shown)
    assert [line for line in left if f"{service.name} ({DELAY_TAG})" in line]


def test_a_termination_leaves_whole_lines(gate: Gate, service: Container) -> None:
    process = gate.start("trace", service.name, "--json", "--interval", 0.1)
    first_line(process)
    process.send_signal(signal.SIGTERM)
    process.send_signal(signal.SIGTERM)
    done = gate.end(process)
    assert (done.code, done.stderr) == (Exit.SIGTERM, "")
    assert [json.loads(line)["counters"]["seen"] for line in done.stdout.splitlines()][-1] == 0


def test_a_reader_that_goes_away_ends_it(gate: Gate, service: Container) -> None:
    process = gate.start("trace", service.name, "--json", "--interval", 0.1)
    assert process.stdout is not None
    first_line(process)
    process.stdout.close()
    assert process.wait(20) == Exit.PASS
    assert process.stderr is not None
    assert process.stderr.read() == b""


def test_it_ends_with_its_container(gate: Gate, service: Container) -> None:
    process = gate.start("trace", service.name, "--json", "--interval", 0.1)
    first_line(process)
    service.kill()
    done = gate.end(process, within_s=20)
    assert done.code == Exit.PASS
    assert done.stderr == f"{service.name} ({DELAY_TAG}) has ended\n"


def test_what_cannot_be_traced_is_refused(gate: Gate, service: Container) -> None:
    service.kill()
    gone = subprocess.Popen(["true"])
    gone.wait()
    for arguments, text in (
        (["no-such-container"], "there is no container 'no-such-container'"),
        ([""], "'' cannot be a container's name"),
        ([service.name], "is not running (exited)"),
        (["--pid", gone.pid], f"process {gone.pid} cannot be looked at"),
        (["--port", free_port()], "nothing listens on TCP port"),
        ([], "give one of CONTAINER, --pid and --port"),
        (["some", "--pid", 1], "give one of CONTAINER, --pid and --port"),
    ):
        done = gate.run("trace", *arguments, out=False)
        said = done.refused(Exit.USAGE, Reason.BAD_ARGUMENT)
        assert text in said
        assert "try: " in said


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port
