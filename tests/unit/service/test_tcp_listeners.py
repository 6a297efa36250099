"""Where a network namespace listens, and what that says of a service that cannot be reached."""

from __future__ import annotations

import ipaddress
import os
import socket
from collections.abc import Iterator
from contextlib import closing
from types import SimpleNamespace
from typing import Any

import pytest

from socklat_gate.errors import UnfitEnvironment
from socklat_gate.service import own_sockets
from socklat_gate.service.container_process import ContainerProcess
from socklat_gate.service.own_sockets import check_sockets
from socklat_gate.service.ready_hint import listening_hint
from socklat_gate.service.tcp_listeners import listeners, reachable_ports


def listen(address: str, *, v6_only: bool = False) -> socket.socket:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    found = socket.socket(family)
    if family is socket.AF_INET6:
        found.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, int(v6_only))
    found.bind((address, 0))
    found.listen()
    return found


def process(address: str = "127.0.0.1") -> ContainerProcess:
    return ContainerProcess("id", "shop", os.getpid(), 1, 1, address)


@pytest.fixture
def taken() -> Iterator[Any]:
    opened: list[socket.socket] = []

    def open_one(address: str, **options: bool) -> int:
        opened.append(listen(address, **options))
        return int(opened[-1].getsockname()[1])

    yield open_one
    for one in opened:
        one.close()


@pytest.mark.parametrize(
    ("address", "inside_only"),
    [
        ("127.0.0.1", True),
        ("127.3.2.1", True),
        ("0.0.0.0", False),
        ("::1", True),
        ("::", False),
        ("::ffff:127.0.0.1", True),
    ],
)
def test_addresses_are_read_as_the_kernel_prints_them(
    taken: Any, address: str, inside_only: bool
) -> None:
    port = taken(address)
    [found] = [one for one in listeners("self") if one.port == port]
    assert str(found.address) == str(ipaddress.ip_address(address))
    assert found.inside_only is inside_only
    assert (port in reachable_ports([found])) is not inside_only


def test_a_service_that_takes_ipv6_alone(taken: Any) -> None:
    hint = listening_hint(process(), taken("::", v6_only=True))
    assert "by IPv6 alone" in hint.found
    assert "service.ipv6 = true" in hint.remedy


def test_one_that_takes_ipv4_alone_where_it_is_asked_by_ipv6(taken: Any) -> None:
    hint = listening_hint(process("fd00::2"), taken("0.0.0.0"))
    assert "by IPv4 alone" in hint.found
    assert "remove service.ipv6" in hint.remedy


def test_one_that_takes_both_has_another_problem(taken: Any) -> None:
    assert listening_hint(process(), taken("::")).found == ""


def test_one_that_listens_for_itself_alone(taken: Any) -> None:
    hint = listening_hint(process("192.0.2.1"), taken("127.0.0.1"))
    assert "it listens on 127.0.0.1 alone" in hint.found


def test_one_that_listens_elsewhere(taken: Any) -> None:
    other = taken("0.0.0.0")
    with closing(listen("0.0.0.0")) as closed:
        port = closed.getsockname()[1]
    found = listening_hint(process(), port)
    listed = found.found.removeprefix("; it listens on ").partition(", not on")[0]
    assert listed
    assert str(port) not in listed.split(", ")
    assert other in reachable_ports(listeners(os.getpid()))


def test_a_process_that_is_gone_gives_no_hint() -> None:
    assert listening_hint(ContainerProcess("id", "a", 2**22 + 1, 1, 1, "127.0.0.1"), 80).found == ""


CLIENT: Any = SimpleNamespace(
    api=SimpleNamespace(inspect_container=lambda name: {"HostConfig": {"Runtime": "runsc"}}),
    info=lambda: {"Runtimes": {}},
)


def test_sockets_of_this_kernel(taken: Any) -> None:
    check_sockets(CLIENT, process(), taken("127.0.0.1"))
    check_sockets(CLIENT, process(), taken("::"))


def test_what_does_not_respond_yet_is_for_the_load() -> None:
    with closing(listen("127.0.0.1")) as closed:
        port = closed.getsockname()[1]
    check_sockets(CLIENT, process(), port)


def test_a_service_that_responds_from_elsewhere_is_refused(
    taken: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in a virtual machine: the address responds, and the namespace has no such listener."""
    port = taken("127.0.0.1")
    monkeypatch.setattr(own_sockets, "tcp_listeners", lambda pid: iter([(port + 1, "1")]))
    monkeypatch.setattr(own_sockets, "LOOK_EVERY_S", 0.0)
    with pytest.raises(UnfitEnvironment) as caught:
        check_sockets(CLIENT, process(), port)
    assert "its runtime 'runsc' (gVisor) has sockets of its own" in caught.value.message
