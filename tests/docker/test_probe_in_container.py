"""The probe in a container: two capabilities, no headers, a narrow seccomp profile."""

from __future__ import annotations

import errno
import json
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from socklat_gate.errors import Exit, Reason
from socklat_gate.service.image import ImageRef
from tests.conformance.containers import Container, bridge
from tests.docker.probe_container import LAUNCHER, ProbeContainers, documented, import_image
from tests.kernel.unprivileged_probe import EXCHANGES
from tests.services.here import echo_here

pytestmark = [pytest.mark.docker, pytest.mark.kernel, pytest.mark.beside]

CAP_SYS_ADMIN, CAP_PERFMON, CAP_BPF = 21, 38, 39
THE_TWO = 1 << CAP_BPF | 1 << CAP_PERFMON
NOBODY = 65534
PYTHON = [sys.executable, "-P", "-m"]
INSIDE = [*PYTHON, "tests.docker.probe_inside"]
ECHO_PORT = 7000
ENOUGH_S = 60


@pytest.fixture(scope="module")
def containers(docker_client: Any) -> Iterator[ProbeContainers]:
    if not Path(__file__).stat().st_mode & 0o004:
        pytest.skip("an ordinary user cannot read this checkout")
    image = import_image(docker_client)
    yield ProbeContainers(image)
    docker_client.images.remove(image, force=True)


def said(process: subprocess.Popen[str]) -> tuple[Any, Any]:
    """What `tests.docker.probe_inside` saw, and what the probe measured there."""
    out, err = process.communicate(timeout=ENOUGH_S)
    assert process.returncode == 0, err
    seen, found = map(json.loads, out.splitlines())
    return seen, found


def held(seen: Any) -> dict[str, int]:
    return {name: int(value, 16) for name, value in seen["status"].items()}


def assert_counted(found: Any) -> None:
    assert found["recorded"] == found["service"] == EXCHANGES
    assert found["missed"] == 0


def test_two_capabilities_are_enough_for_the_containers_root(containers: ProbeContainers) -> None:
    with containers.started(INSIDE) as process:
        seen, found = said(process)
    assert_counted(found)
    assert found["uid"] == 0
    status = held(seen)
    assert status["CapEff"] == status["CapPrm"] == status["CapBnd"] == THE_TWO
    assert found["effective"] == THE_TWO
    assert status["NoNewPrivs"] == 1
    assert status["Seccomp"] == 2  # SECCOMP_MODE_FILTER
    assert seen["headers"] == []
    assert seen["btf_read_only"]
    assert set(seen["errno"].values()) == {errno.EPERM}, seen["errno"]


def test_two_capabilities_are_enough_for_an_ordinary_user(containers: ProbeContainers) -> None:
    ambient = [LAUNCHER, "--inh-caps=+bpf,+perfmon", "--ambient-caps=+bpf,+perfmon", "--"]
    # File capabilities, which this user has them from, are new privileges.
    without = ("--security-opt", "no-new-privileges")
    user = f"--user={NOBODY}:{NOBODY}"
    with containers.started([*ambient, *INSIDE], user, without=without) as process:
        seen, found = said(process)
    assert_counted(found)
    assert found["uid"] == NOBODY
    assert found["effective"] == held(seen)["CapAmb"] == held(seen)["CapBnd"] == THE_TWO
    assert held(seen)["Seccomp"] == 2
    assert seen["headers"] == []


def test_where_docker_knows_neither_sys_admin_does_under_the_same_profile(
    containers: ProbeContainers,
) -> None:
    with containers.started(INSIDE, capabilities=["SYS_ADMIN"]) as process:
        seen, found = said(process)
    assert_counted(found)
    assert held(seen)["CapEff"] == 1 << CAP_SYS_ADMIN
    # Allowed by the capability and by Docker's own profile: this one is what refuses.
    assert set(seen["errno"].values()) == {errno.EPERM}, seen["errno"]


@pytest.mark.parametrize(
    ("given", "missing"),
    [(["PERFMON"], "CAP_BPF missing"), ([], "CAP_BPF and CAP_PERFMON missing")],
)
def test_without_them_it_is_refused_by_name(
    containers: ProbeContainers, service: int, given: list[str], missing: str
) -> None:
    tracing = [*PYTHON, "socklat_gate", "trace", "--port", str(service)]
    with containers.started(tracing, capabilities=given) as process:
        out, err = process.communicate(timeout=ENOUGH_S)
    assert process.returncode == Exit.UNFIT_ENVIRONMENT, err
    assert f"not permitted: {missing} [{Reason.NO_PRIVILEGE.value}]" in err
    assert out == ""


@pytest.fixture
def service() -> Iterator[int]:
    """Port on the host's loopback of an echo server in this process."""
    with echo_here() as port:
        yield port


@pytest.fixture
def neighbour(docker_client: Any, echo: ImageRef) -> Iterator[tuple[int, str]]:
    """Process id, and address, of an echo server in a container with Docker's capabilities."""
    with (
        bridge(docker_client) as network,
        Container(docker_client, network, echo.id, ECHO_PORT) as container,
    ):
        yield container.pid, container.host


def ask(address: str, port: int) -> None:
    with socket.create_connection((address, port), timeout=ENOUGH_S) as client:
        for _ in range(EXCHANGES):
            client.sendall(b"ask")
            client.recv(16)


def assert_traced(process: subprocess.Popen[str], address: str, port: int) -> None:
    """Asks after the first look; ends the trace by Ctrl-C once all is counted."""
    assert process.stdout is not None
    first = process.stdout.readline()
    if not first:
        pytest.fail(process.communicate(timeout=ENOUGH_S)[1])
    before = json.loads(first)["counters"]["recorded"]
    ask(address, port)
    deadline_s = time.monotonic() + ENOUGH_S
    while json.loads(process.stdout.readline())["counters"]["recorded"] < before + EXCHANGES:
        assert time.monotonic() < deadline_s, "exchanges are missing"
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=ENOUGH_S)
    assert process.returncode == 0, err
    assert json.loads(out.splitlines()[-1])["counters"]["recorded"] == before + EXCHANGES


def test_the_documented_command_traces_a_port_of_the_host(
    containers: ProbeContainers, service: int
) -> None:
    options, command = documented()
    assert [value for option, *value in options if option == "--cap-add"] == [["BPF"], ["PERFMON"]]
    name, *arguments, port = command
    assert (name, arguments) == ("socklat-gate", ["trace", "--port"])
    assert port.isdigit()
    tracing = [*PYTHON, "socklat_gate", *arguments, str(service), "--json", "--interval", "0.1"]
    with containers.started(tracing) as process:
        assert_traced(process, "127.0.0.1", service)


def test_a_process_of_another_container_takes_sys_ptrace_too(
    containers: ProbeContainers, neighbour: tuple[int, str]
) -> None:
    pid, address = neighbour
    tracing = [*PYTHON, "socklat_gate", "trace", "--pid", str(pid), "--json", "--interval", "0.1"]
    with containers.started(tracing, "--pid=host") as process:
        _, err = process.communicate(timeout=ENOUGH_S)
    assert process.returncode == Exit.USAGE, err
    assert f"process {pid} cannot be looked at: Permission denied" in err
    more = ["BPF", "PERFMON", "SYS_PTRACE"]
    with containers.started(tracing, "--pid=host", capabilities=more) as process:
        assert_traced(process, address, ECHO_PORT)
