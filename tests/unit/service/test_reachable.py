"""Services whose listener is gone, stuck or closes what it accepts, and those that are well."""

from __future__ import annotations

import os
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest

from socklat_gate.service import reachable
from socklat_gate.service.arm import RunningArm
from socklat_gate.service.image import ImageRef
from socklat_gate.service.reachable import unreachable

Behaviour = Callable[[socket.socket], None]


def reset(connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def greet(connection: socket.socket) -> None:
    connection.sendall(b"220 ready\r\n")


@pytest.fixture
def listener(monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    monkeypatch.setattr(reachable, "AGAIN_AFTER_S", 0.01)
    monkeypatch.setattr(reachable, "ACCEPTED_WITHIN_S", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as found:
        yield found


def why(listener: socket.socket) -> str:
    port = listener.getsockname()[1]
    image = ImageRef("shop", "sha256:1", "")
    arm = RunningArm("candidate", "id", "shop", os.getpid(), 1, "127.0.0.1", port, image)
    return "".join(unreachable([arm], port).get("candidate", ()))


def served(listener: socket.socket, then: Behaviour) -> str:
    """What is found of one that does so with each connection."""
    kept: list[socket.socket] = []

    def serve() -> None:
        with suppress(OSError):
            while True:
                kept.append(listener.accept()[0])
                then(kept[-1])

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        return why(listener)
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()
        for connection in kept:
            connection.close()


@pytest.mark.parametrize("behaviour", [lambda connection: None, greet], ids=["silent", "greets"])
def test_one_that_accepts_is_reachable(listener: socket.socket, behaviour: Behaviour) -> None:
    assert not served(listener, behaviour)


def test_one_that_has_stopped_listening_is_not(listener: socket.socket) -> None:
    listener.shutdown(socket.SHUT_RDWR)
    assert why(listener) == "it takes no new connections: Connection refused"


def test_one_that_listens_and_accepts_nothing_is_not(listener: socket.socket) -> None:
    assert "it accepts none (3 wait in its listen queue)" in why(listener)


@pytest.mark.parametrize(
    ("behaviour", "told"),
    [
        (socket.socket.close, "it closes each at once"),
        # It depends on the moment whether the connection comes about at all.
        (reset, "Connection reset by peer"),
    ],
)
def test_one_that_closes_what_it_accepts_is_not(
    listener: socket.socket, behaviour: Behaviour, told: str
) -> None:
    assert told in served(listener, behaviour)


def test_one_that_is_well_again_is_reachable(listener: socket.socket) -> None:
    refused = 2

    def full_at_first(connection: socket.socket) -> None:
        nonlocal refused
        if refused:
            refused -= 1
            connection.close()

    assert not served(listener, full_at_first)
