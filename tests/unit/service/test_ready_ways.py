"""The ways in which a container can be asked whether it is ready."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from types import SimpleNamespace
from typing import Any

import docker.errors
import pytest
from pydantic import ValidationError

from socklat_gate.errors import Reason, UsageError
from socklat_gate.scenario import Ready
from socklat_gate.service import ready_exec
from socklat_gate.service.container_process import ContainerProcess
from socklat_gate.service.ready import least_pause_s, make_attempt
from socklat_gate.service.ready_exec import ReadyHealthcheck, check_command
from tests.certificates import issue
from tests.unit.https_site import https_site

NO_CLIENT: Any = None


def item(address: str = "127.0.0.1", name: str = "a") -> ContainerProcess:
    return ContainerProcess(f"id-{name}", name, 1, 1, 1, address)


@contextmanager
def site(address: str = "127.0.0.1") -> Iterator[tuple[int, list[str]]]:
    """Port of a service that knows one host alone, and the hosts that it was asked for."""
    asked: list[str] = []

    class Pages(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.headers["Host"])
            self.send_response(200 if self.headers["Host"] == "shop.example" else 421)
            self.end_headers()

        def log_message(self, *args: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        address_family = socket.AF_INET6 if ":" in address else socket.AF_INET

    with Server((address, 0), Pages) as server:
        Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        try:
            yield server.server_address[1], asked
        finally:
            server.shutdown()


def test_a_service_that_chooses_by_the_host_header() -> None:
    with site() as (port, asked):
        plain = make_attempt(NO_CLIENT, Ready(http="/"), port)(item())
        assert plain == f"http://127.0.0.1:{port}/ responded 421, not 200"
        assert make_attempt(NO_CLIENT, Ready(http="/", host="shop.example"), port)(item()) == ""
        other = make_attempt(NO_CLIENT, Ready(http="/", host="else.example"), port)(item())
        assert "(Host: else.example) responded 421" in other
    assert asked == [f"127.0.0.1:{port}", "shop.example", "else.example"]


def test_another_port_than_the_one_that_is_measured() -> None:
    with site() as (port, _):
        ready = Ready(http="/", host="shop.example", port=port)
        assert make_attempt(NO_CLIENT, ready, 1)(item()) == ""
        assert make_attempt(NO_CLIENT, Ready(port=port), 1)(item()) == ""
        assert "127.0.0.1:1" in make_attempt(NO_CLIENT, Ready(), 1)(item())


def test_an_ipv6_address() -> None:
    with site("::1") as (port, _):
        assert make_attempt(NO_CLIENT, Ready(), port)(item("::1")) == ""
        said = make_attempt(NO_CLIENT, Ready(http="/"), port)(item("::1"))
        assert said == f"http://[::1]:{port}/ responded 421, not 200"


def test_tls_by_the_name_that_is_asked_for(tmp_path: Path) -> None:
    """The server name is the host's, without its port."""
    issued = issue(tmp_path, "s", names=["elsewhere"])
    with https_site(issued, lambda path: 200) as port:
        for host in (None, "shop.example", "shop.example:8443"):
            ready = Ready(https="/", host=host)
            assert make_attempt(NO_CLIENT, ready, port)(item()) == ""


class Exec:
    """Commands in containers, by their arguments: an exit code, or none while it runs.

    ``config`` is that of the image, from which the container was made without its check.
    """

    def __init__(self, codes: dict[tuple[str, ...], int | None], **config: Any) -> None:
        self.codes = codes
        self.config = config
        self.own: Any = {"Healthcheck": {"Test": ["NONE"]}}
        self.ran: list[tuple[str, ...]] = []
        self.polls = 0
        self.pid = 0

    def inspect_container(self, container: str) -> Any:
        return {"Config": self.own, "Image": f"image of {container}"}

    def inspect_image(self, image: str) -> Any:
        return {"Config": self.config}

    def exec_create(self, container: str, cmd: list[str]) -> Any:
        self.ran.append(tuple(cmd))
        return {"Id": str(len(self.ran) - 1)}

    def exec_start(self, exec_id: str, *, detach: bool) -> None:
        assert detach
        if self.ran[int(exec_id)] not in self.codes:
            raise docker.errors.APIError("400", explanation="executable file not found in $PATH")

    def exec_inspect(self, exec_id: str) -> Any:
        self.polls += 1
        code = self.codes[self.ran[int(exec_id)]]
        running = code is None or self.polls < 3
        return {"Running": running, "ExitCode": code, "Pid": self.pid}


def attempt(api: Exec, ready: Ready, *, in_stack: bool = False) -> str:
    client: Any = SimpleNamespace(api=api)
    return make_attempt(client, ready, 80, in_stack=in_stack)(item())


@pytest.mark.parametrize("command", ["pg_isready -q", ["pg_isready", "-q"]])
def test_a_command_in_the_container(command: str | list[str]) -> None:
    argv = ("pg_isready", "-q")
    assert attempt(Exec({argv: 0}), Ready(command=command)) == ""
    said = attempt(Exec({argv: 2}), Ready(command=command))
    assert said == "'pg_isready -q' ended with exit code 2"
    said = attempt(Exec({}), Ready(command=command))
    assert said == "'pg_isready -q' cannot be run in it (executable file not found in $PATH)"


def test_a_command_that_does_not_end_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ready_exec, "TIMEOUT_S", 0.05)
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as running:
        api = Exec({("wait",): None})
        api.pid = running.pid
        assert attempt(api, Ready(command="wait")) == "'wait' had not ended after 0.05 s"
        assert running.wait(10) == -9


@pytest.mark.parametrize(
    ("config", "argv"),
    [
        ({"Healthcheck": {"Test": ["CMD", "/hc", "-x"]}}, ("/hc", "-x")),
        ({"Healthcheck": {"Test": ["CMD-SHELL", "a | b"]}}, ("/bin/sh", "-c", "a | b")),
        (
            {"Healthcheck": {"Test": ["CMD-SHELL", "a"]}, "Shell": ["/bin/bash", "-ec"]},
            ("/bin/bash", "-ec", "a"),
        ),
    ],
)
def test_the_images_own_check(config: Any, argv: tuple[str, ...]) -> None:
    assert attempt(Exec({argv: 0}, **config), Ready(healthcheck=True)) == ""
    assert "ended with exit code 1" in attempt(Exec({argv: 1}, **config), Ready(healthcheck=True))


@pytest.mark.parametrize(
    "config",
    [
        {},
        {"Healthcheck": None},
        {"Healthcheck": {}},
        {"Healthcheck": {"Test": []}},
        {"Healthcheck": {"Test": ["NONE"]}},
        {"Healthcheck": {"Test": ["CMD"]}},
    ],
)
def test_an_image_without_a_check_is_named(config: Any) -> None:
    with pytest.raises(UsageError, match="container a has no health check") as caught:
        attempt(Exec({}, **config), Ready(healthcheck=True))
    assert caught.value.reason is Reason.BAD_SCENARIO


def test_an_image_may_say_nothing() -> None:
    api = Exec({})
    api.inspect_image = lambda image: {"Config": None}  # type: ignore[method-assign]
    with pytest.raises(UsageError, match="has no health check"):
        attempt(api, Ready(healthcheck=True))


def test_in_a_stack_the_check_is_the_containers_own() -> None:
    """As the compose file has it, which may switch off what the image declares."""
    api = Exec({("file",): 0}, Healthcheck={"Test": ["CMD", "image"]})
    api.own = {"Healthcheck": {"Test": ["CMD", "file"]}}
    assert attempt(api, Ready(healthcheck=True), in_stack=True) == ""
    assert api.ran == [("file",)]
    api.own = {"Healthcheck": {"Test": ["NONE"]}}
    with pytest.raises(UsageError, match="container a has no health check"):
        attempt(api, Ready(healthcheck=True), in_stack=True)


def test_a_check_has_its_own_timeout() -> None:
    config: Any = {"Healthcheck": {"Test": ["CMD", "x"], "Timeout": 2_500_000_000}}
    assert check_command(config, "a") == (["x"], 2.5)
    config["Healthcheck"]["Timeout"] = 0
    assert check_command(config, "a") == (["x"], 30.0)


def test_a_candidate_cannot_start_faster_by_a_check_that_asks_for_less() -> None:
    checks = {
        "image of id-a": ["CMD", "hc", "--deep"],
        "image of id-b": ["CMD", "hc", "--deep"],
        "image of id-c": ["CMD", "true"],
    }
    api = Exec({("hc", "--deep"): 0, ("true",): 0})
    client: Any = SimpleNamespace(api=api)
    api.inspect_image = lambda image: {  # type: ignore[method-assign]
        "Config": {"Healthcheck": {"Test": checks[image]}}
    }
    check = ReadyHealthcheck(client)
    assert [check(item(name=name)) for name in "ab"] == ["", ""]
    assert not check.differ
    assert check(item(name="c")) == ""
    assert check.differ


def test_pauses_are_longer_where_an_attempt_costs_more() -> None:
    assert (
        least_pause_s(Ready()) < least_pause_s(Ready(log="x")) < least_pause_s(Ready(command="x"))
    )
    assert least_pause_s(Ready(healthcheck=True)) == least_pause_s(Ready(command="x"))


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"http": "/", "command": "x"}, "give one of"),
        ({"log": "x", "healthcheck": True}, "give one of"),
        ({"host": "a"}, "host belongs to http or https"),
        ({"command": "x", "port": 80}, "port belongs to"),
        ({"command": "a 'b"}, "cannot be split into words"),
        ({"http": "/", "host": "a b"}, "host"),
    ],
)
def test_ways_that_contradict_each_other(keys: Any, said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        Ready(**keys)


def test_an_attempt_does_not_last() -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        begun_s = time.monotonic()
        assert "no response" in make_attempt(NO_CLIENT, Ready(http="/"), mute.getsockname()[1])(
            item()
        )
        assert time.monotonic() - begun_s < 10
