"""A busy daemon is asked again where nothing can come of it twice, and not otherwise."""

from __future__ import annotations

import errno
import os
import signal
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import docker.errors
import pytest
import requests

from socklat_gate import interrupt
from socklat_gate.errors import InvalidMeasurement, Reason, UnfitEnvironment, UsageError
from socklat_gate.scenario import Service
from socklat_gate.service import client as client_module
from socklat_gate.service import patience
from socklat_gate.service.arm import ArmSpec
from socklat_gate.service.arm_launcher import PlacedContainer
from socklat_gate.service.client import connect, daemon_errors
from socklat_gate.service.containers import Containers
from socklat_gate.service.docker_types import DockerClient
from socklat_gate.service.image import ImageRef, resolve_image
from socklat_gate.service.owner import OwnerTag
from tests.unit.service.fake_daemon import RESET, FakeDaemon, Fault, fake_daemon

IMAGE = ImageRef("app:1", "sha256:abc", "")
KINDS = ("status", RESET, "lost", "half")

T = TypeVar("T")


@pytest.fixture(autouse=True)
def _short_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "FIRST_PAUSE_S", 0.01)
    monkeypatch.setattr(patience, "MAX_PAUSE_S", 0.05)
    monkeypatch.setattr(patience, "PATIENCE_S", 5.0)
    monkeypatch.setattr(patience, "ERROR_PATIENCE_S", 2.0)


@pytest.fixture
def daemon(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeDaemon]:
    monkeypatch.delenv("DOCKER_CONTEXT", raising=False)
    with fake_daemon(tmp_path) as found:
        monkeypatch.setenv("DOCKER_HOST", f"unix://{found.path}")
        yield found


@pytest.fixture
def client(daemon: FakeDaemon) -> Iterator[DockerClient]:
    found = connect()
    daemon.asked.clear()
    yield found
    found.close()


def call(one: Callable[[], T], /) -> T:
    return one()


def launcher(client: DockerClient, run: str = "r1") -> Containers:
    owner = OwnerTag(run, 1, 1, "boot", 1)
    return Containers(client, Service(port=80), Path(), owner, f"socklat-gate-{run}")


def place(client: DockerClient) -> PlacedContainer:
    [placed] = launcher(client).place([ArmSpec("candidate", IMAGE)], call, lambda _: None)
    return placed


@pytest.mark.parametrize("kind", KINDS)
def test_what_only_reads_is_asked_for_again(
    daemon: FakeDaemon, client: DockerClient, kind: str
) -> None:
    daemon.networks.append({"Id": "n1", "Name": "net"})
    daemon.faults.append(Fault("GET /networks", kind, times=3))
    found = client.api.networks(filters={"label": "x"})
    assert [one["Name"] for one in found] == ["net"]
    assert daemon.count("GET /networks") == 4


def test_a_response_that_does_not_come_is_waited_for_once_more(
    daemon: FakeDaemon, client: DockerClient
) -> None:
    client.api.timeout = 0.1
    daemon.faults.append(Fault("GET /networks", "hang", hang_s=1.0))
    assert client.api.networks(filters={"label": "x"}) == []
    assert daemon.count("GET /networks") == 2


def test_an_error_that_stays_is_told_in_the_daemons_words(
    daemon: FakeDaemon, client: DockerClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(patience, "ERROR_PATIENCE_S", 0.1)
    daemon.faults.append(Fault("GET /networks", times=10**6, message="the disk is full"))
    with pytest.raises(docker.errors.APIError, match="the disk is full"):
        client.api.networks(filters={"label": "x"})
    assert daemon.count("GET /networks") > 2


def test_no_descriptor_for_a_connection_is_no_busy_daemon(
    client: DockerClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    client.api.close()  # else one that was made before would serve
    monkeypatch.setattr(socket.socket, "connect", refuse)
    begun_s = time.monotonic()
    refused = pytest.raises(UnfitEnvironment, match="Too many open files")
    with refused as caught, daemon_errors("listing networks"):
        client.api.networks()
    assert caught.value.reason is Reason.NO_RESOURCES
    with pytest.raises(UnfitEnvironment, match="Too many open files"):
        place(client)
    assert time.monotonic() - begun_s < 2


def test_a_missing_object_is_no_busy_daemon(daemon: FakeDaemon, client: DockerClient) -> None:
    with pytest.raises(docker.errors.NotFound):
        client.api.inspect_container("none")
    assert daemon.count("GET") == 1


@pytest.mark.parametrize("kind", KINDS)
def test_a_command_in_a_container_is_never_started_twice(
    daemon: FakeDaemon, client: DockerClient, kind: str
) -> None:
    daemon.faults.append(Fault("POST /exec/x/start", kind, times=5))
    with pytest.raises((docker.errors.APIError, requests.RequestException)):
        client.api.exec_start("x", detach=True)
    assert daemon.count("POST /exec/x/start") == 1


@pytest.mark.parametrize("kind", KINDS)
def test_a_network_is_made_once(daemon: FakeDaemon, client: DockerClient, kind: str) -> None:
    daemon.faults.append(Fault("POST /networks/create", kind, times=3))
    launcher(client).open(call)
    assert [one["Name"] for one in daemon.networks] == ["socklat-gate-r1"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_container_is_made_once(daemon: FakeDaemon, client: DockerClient, kind: str) -> None:
    daemon.faults.append(Fault("POST /containers/create", kind, times=3))
    placed = place(client)
    [container] = daemon.containers.values()
    assert placed.container_id == container["Id"]
    assert daemon.started == [container["Id"]]
    assert placed.orders == 1


@pytest.mark.parametrize("kind", ["status", RESET, "lost"])
def test_how_long_a_start_took_is_not_known_where_it_was_ordered_twice(
    daemon: FakeDaemon, client: DockerClient, kind: str
) -> None:
    daemon.faults.append(Fault("/start$", kind, times=2))
    placed = place(client)
    assert placed.orders == 3
    assert set(daemon.started) == {placed.container_id}


@pytest.mark.parametrize(
    "message",
    [
        "OCI runtime create failed: runc create failed: exec: not found",
        "driver failed programming external connectivity: port is already allocated",
        "error while creating mount source path: no space left on device",
    ],
)
def test_what_the_container_itself_is_to_blame_for_is_told_at_once(
    daemon: FakeDaemon, client: DockerClient, message: str
) -> None:
    daemon.faults.append(Fault("/start$", times=10, message=message))
    with pytest.raises(InvalidMeasurement, match=message.partition(":")[0]):
        place(client)
    assert daemon.count("/start$") == 1


def test_a_socket_at_which_too_many_wait(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Connecting fails at once with EAGAIN: the daemon knows nothing of the request."""
    with fake_daemon(tmp_path) as daemon:
        monkeypatch.setenv("DOCKER_HOST", f"unix://{daemon.path}")
        client = connect()
    (tmp_path / "docker.sock").unlink(missing_ok=True)
    with fake_daemon(tmp_path, accepts_after_s=0.4) as daemon:
        waiting = []
        for _ in range(4):
            one = socket.socket(socket.AF_UNIX)
            one.setblocking(False)
            waiting.append(one)
            try:
                one.connect(str(daemon.path))
            except BlockingIOError:
                break
        else:
            pytest.fail("the queue has no end")
        client.api.create_network("net", driver="bridge", labels={}, check_duplicate=True)
        assert daemon.count("POST /networks/create") == 1
        for one in waiting:
            one.close()
    client.close()


def test_a_daemon_that_restarts_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with fake_daemon(tmp_path) as daemon:
        monkeypatch.setenv("DOCKER_HOST", f"unix://{daemon.path}")
        client = connect()
    path = tmp_path / "docker.sock"
    path.unlink(missing_ok=True)
    monkeypatch.setattr(patience, "PATIENCE_S", 0.2)
    with pytest.raises(requests.ConnectionError):
        client.api.create_network("net", driver="bridge", labels={}, check_duplicate=True)
    client.close()


def test_after_a_signal_nothing_is_waited_for(
    daemon: FakeDaemon, client: DockerClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(patience, "SIGNALLED_PATIENCE_S", 0.1)
    monkeypatch.setattr(interrupt._State, "received", signal.SIGTERM)
    daemon.faults.append(Fault("GET /networks", RESET, times=10**6))
    begun_s = time.monotonic()
    with pytest.raises(requests.ConnectionError):
        client.api.networks(filters={"label": "x"})
    assert time.monotonic() - begun_s < 2.0


def test_after_a_signal_a_daemon_that_hangs_is_asked_once(
    daemon: FakeDaemon, client: DockerClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(interrupt._State, "received", signal.SIGTERM)
    client.api.timeout = 0.2
    daemon.faults.append(Fault("GET /networks", "hang", times=10**6, hang_s=1.0))
    with pytest.raises(requests.Timeout):
        client.api.networks(filters={"label": "x"})
    assert daemon.count("GET /networks") == 1


@pytest.mark.parametrize("kind", ["status", RESET, "half"])
def test_connecting_is_patient_too(daemon: FakeDaemon, kind: str) -> None:
    daemon.faults += [Fault("GET /version", kind, times=2), Fault("GET /info", kind, times=1)]
    connect().close()
    assert daemon.count("GET /version") > 2


def test_a_daemon_that_never_responds_is_given_up(
    daemon: FakeDaemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client_module, "CONNECT_WITHIN_S", 0.3)
    monkeypatch.setattr(client_module, "CONNECT_TIMEOUT_S", 0.1)
    daemon.faults.append(Fault("GET /version", "hang", times=10**6, hang_s=1.0))
    with pytest.raises(UnfitEnvironment, match="no Docker daemon responds") as caught:
        connect()
    assert caught.value.reason is Reason.NO_DOCKER
    assert daemon.count("GET /version") > 1


PULLING = [{"status": "Already exists", "id": "aa"}, {"status": "Pull complete", "id": "bb"}]


@pytest.mark.parametrize("kind", [RESET, "lost", "half"])
def test_a_pull_whose_connection_breaks_is_repeated(
    daemon: FakeDaemon, client: DockerClient, kind: str
) -> None:
    daemon.pulling = PULLING
    daemon.faults.append(Fault("POST /images/create", kind, times=2))
    assert resolve_image(client, "app:1", lambda _: None).id == "sha256:1d"
    assert daemon.count("POST /images/create") == 3


@pytest.mark.parametrize(
    ("message", "asked"),
    [
        ('Get "https://r.example/v2/": net/http: TLS handshake timeout', 3),
        ("read tcp 10.0.0.1:5->10.0.0.2:443: read: connection reset by peer", 3),
        ("unexpected EOF", 3),
        ("received unexpected HTTP status: 503 Service Unavailable", 3),
        ('Get "https://r.example/v2/": dial tcp: lookup r.example: no such host', 1),
        ("toomanyrequests: rate limit", 1),
        ("manifest unknown", 1),
    ],
)
def test_a_registry_that_broke_off_is_asked_again_and_one_that_refuses_is_not(
    daemon: FakeDaemon, client: DockerClient, message: str, asked: int
) -> None:
    daemon.pulling = PULLING
    daemon.faults.append(Fault("POST /images/create", times=2, message=message))
    if asked == 1:
        with pytest.raises(UsageError, match="nor can it be pulled") as caught:
            resolve_image(client, "app:1", lambda _: None)
        assert message in caught.value.message
    else:
        resolve_image(client, "app:1", lambda _: None)
    assert daemon.count("POST /images/create") == asked


def test_a_registry_that_breaks_off_within_the_response_is_asked_again_for_a_while(
    daemon: FakeDaemon, client: DockerClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(patience, "ERROR_PATIENCE_S", 0.1)
    daemon.pulling = [*PULLING, {"error": "unexpected EOF"}]
    with pytest.raises(UsageError, match="unexpected EOF") as caught:
        resolve_image(client, "app:1", lambda _: None)
    assert caught.value.reason is Reason.NO_SUCH_IMAGE
    assert daemon.count("POST /images/create") > 2
