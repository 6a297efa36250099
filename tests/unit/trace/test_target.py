from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from docker.errors import APIError, NotFound

from socklat_gate.errors import GateError, Reason, UnfitEnvironment, UsageError
from socklat_gate.trace import target as module
from socklat_gate.trace.target import of_container, of_pid, of_port, on_one_port

HEADER = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt uid timeout\n"
HOST, OWN = "host", "own"


class Proc:
    """A ``/proc`` made of files; a namespace is a file that the processes in it link to."""

    def __init__(self, root: Path) -> None:
        self.root = root
        for name in (HOST, OWN):
            (root / name).touch()
        self.process("self", HOST)

    def process(
        self,
        pid: int | str,
        netns: str,
        *,
        comm: bytes = b"server\n",
        tcp: Iterable[tuple[int, str, int]] = (),
        tcp6: Iterable[tuple[int, str, int]] | None = (),
        sockets: Iterable[int] = (),
    ) -> None:
        """Sockets of the namespace are (port, state, inode)."""
        directory = self.root / str(pid)
        for name in ("ns", "net", "fd"):
            (directory / name).mkdir(parents=True)
        (directory / "comm").write_bytes(comm)
        (directory / "ns/net").hardlink_to(self.root / netns)
        for name, rows in (("tcp", tcp), ("tcp6", tcp6)):
            if rows is not None:
                address = "0" * (8 if name == "tcp" else 32)
                (directory / "net" / name).write_text(
                    HEADER + "".join(row(address, *given) for given in rows)
                )
        (directory / "fd/0").symlink_to("/dev/null")
        (directory / "fd/1").symlink_to("pipe:[77]")
        for number, inode in enumerate(sockets, 3):
            (directory / f"fd/{number}").symlink_to(f"socket:[{inode}]")


def row(address: str, port: int, state: str, inode: int) -> str:
    zeros = "00000000:00000000 00:00000000 00000000"
    return f"   0: {address}:{port:04X} {address}:0000 {state} {zeros}     0        0 {inode} 1\n"


class Api:
    """The daemon's responses."""

    def __init__(self, state: Any, table: Any = None) -> None:
        self._state, self._table = state, table

    def inspect_container(self, name: str) -> Any:
        if isinstance(self._state, Exception):
            raise self._state
        return self._state

    def top(self, name: str) -> Any:
        assert self._table is not None, "asked where it need not be"
        return self._table


@pytest.fixture
def proc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Proc:
    monkeypatch.setattr(module, "_PROC", tmp_path)
    return Proc(tmp_path)


@pytest.fixture
def docker(monkeypatch: pytest.MonkeyPatch) -> Any:
    def set_api(api: Api) -> None:
        client = SimpleNamespace(api=api, close=lambda: None)
        monkeypatch.setattr(module, "connect", lambda: client)

    return set_api


def inspected(pid: int, name: str = "/shop", image: str = "shop:1", status: str = "running") -> Any:
    state = {"Pid": pid, "Status": status}
    return {"State": state, "Name": name, "Config": {"Image": image}, "Id": "abc123"}


def refused(error: pytest.ExceptionInfo[GateError]) -> str:
    assert error.value.reason is Reason.BAD_ARGUMENT
    assert error.value.remedy
    return error.value.message


def test_a_process_in_its_own_namespace_stands_for_all_of_it(proc: Proc) -> None:
    listening, other = [(8080, "0A", 11), (22, "01", 12)], [(8080, "0A", 13), (9090, "0A", 14)]
    proc.process(5, OWN, tcp=listening, tcp6=other)
    target = of_pid(5)
    assert target.netns_inode == (proc.root / OWN).stat().st_ino
    assert (target.ports, target.shared, target.pid) == ((8080, 9090), False, 5)
    assert target.label == "pid 5 (server)"


def test_a_process_on_the_hosts_network_stands_for_its_own_ports(proc: Proc) -> None:
    tcp = [(8080, "0A", 11), (8081, "0A", 12), (8080, "01", 13)]
    proc.process(5, HOST, tcp=tcp, tcp6=None, sockets=[13, 12])
    target = of_pid(5)
    assert (target.ports, target.shared) == ((8081,), True)


def test_a_process_on_the_hosts_network_that_does_not_listen_is_refused(proc: Proc) -> None:
    proc.process(5, HOST, tcp=[(8080, "0A", 11)], sockets=[12])
    with pytest.raises(UsageError) as error:
        of_pid(5)
    assert "process 5 (server) is on the host's network and listens on no TCP port" in refused(
        error
    )


def test_a_process_that_is_gone_is_refused(proc: Proc) -> None:
    with pytest.raises(UsageError) as error:
        of_pid(4711)
    assert refused(error) == "process 4711 cannot be looked at: No such file or directory"


def test_a_process_cannot_steer_the_terminal_by_its_name(proc: Proc) -> None:
    proc.process(5, OWN, comm="\x1b[2Jx\u202e\u009b1m\xff\n".encode("latin1", "replace"))
    assert of_pid(5).label.isprintable()
    proc.process(6, HOST, comm=b"\x1b]0;owned\x07\n")
    with pytest.raises(UsageError) as error:
        of_pid(6)
    assert refused(error).isprintable()


def test_a_port_is_one_that_something_listens_on(proc: Proc) -> None:
    (proc.root / "self/net/tcp6").write_text(HEADER + row("0" * 32, 443, "0A", 11))
    target = of_port(443)
    assert (target.ports, target.shared) == ((443,), True)
    assert target.netns_inode == (proc.root / HOST).stat().st_ino
    with pytest.raises(UsageError) as error:
        of_port(80)
    assert "nothing listens on TCP port 80" in refused(error)


def test_a_container_is_named_after_itself(proc: Proc, docker: Any) -> None:
    proc.process(5, OWN, tcp=[(80, "0A", 11)])
    docker(Api(inspected(5)))
    target = of_container("shop")
    named = (target.label, target.id, target.name, target.image)
    assert named == ("shop (shop:1)", "abc123", "shop", "shop:1")
    assert (target.ports, target.shared, target.pid) == ((80,), False, 5)


def test_a_container_on_the_hosts_network_listens_by_any_of_its_processes(
    proc: Proc, docker: Any
) -> None:
    tcp = [(80, "0A", 11), (81, "0A", 12)]
    proc.process(5, HOST, tcp=tcp, comm=b"tini\n")
    proc.process(6, HOST, tcp=tcp, sockets=[12])
    titles = ["UID", "PID", "CMD"]
    rows = [["root", "5", "tini"], ["root", "6", "server"]]
    docker(Api(inspected(5), {"Titles": titles, "Processes": rows}))
    target = of_container("shop")
    assert (target.ports, target.shared) == ((81,), True)
    docker(Api(inspected(5), {"Titles": titles, "Processes": rows[:1]}))
    with pytest.raises(UsageError, match="container 'shop' is on the host's network"):
        of_container("shop")


def test_what_a_container_is_called_is_made_printable(proc: Proc, docker: Any) -> None:
    proc.process(5, OWN)
    docker(Api(inspected(5, name="/\x1b[31mshop", image="a\nb:[red]1")))
    target = of_container("shop")
    assert target.label == "?[31mshop (a?b:[red]1)"


def test_a_container_that_is_not_there_is_refused(docker: Any) -> None:
    docker(Api(NotFound("404", explanation="No such container: shop")))
    with pytest.raises(UsageError) as error:
        of_container("shop")
    assert refused(error) == "there is no container 'shop'"


@pytest.mark.parametrize("status", ["exited", "created", "restarting"])
def test_a_container_that_does_not_run_is_refused_with_its_state(docker: Any, status: str) -> None:
    docker(Api(inspected(0, status=status)))
    with pytest.raises(UsageError) as error:
        of_container("shop")
    assert refused(error) == f"container 'shop' is not running ({status})"


@pytest.mark.parametrize("name", ["", "a b", "../images/redis", "-x", "a\x1b[2J", "a/b"])
def test_what_can_be_no_containers_name_is_refused_without_asking(name: str) -> None:
    with pytest.raises(UsageError) as error:
        of_container(name)
    assert refused(error).isprintable()


def test_a_daemon_that_fails_is_not_a_missing_container(docker: Any) -> None:
    docker(Api(APIError("500", explanation="the daemon is unwell")))
    with pytest.raises(UnfitEnvironment, match="the daemon is unwell"):
        of_container("shop")


@pytest.mark.parametrize("shared", [False, True])
def test_one_port_is_told_apart_from_the_others_in_a_namespace_of_its_own(shared: bool) -> None:
    whole = module.Target("shop", 9, (8080, 9000), shared)
    assert not whole.apart
    chosen = on_one_port(whole, 9000)
    assert (chosen.ports, chosen.apart) == ((9000,), not shared)
    with pytest.raises(UsageError, match="shop does not listen on TCP port 80") as caught:
        on_one_port(whole, 80)
    assert caught.value.remedy == "its ports are: 8080, 9000"
