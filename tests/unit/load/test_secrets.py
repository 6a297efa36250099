"""Secrets of a load: sent to the service, shown to nobody."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from socklat_gate import masking
from socklat_gate.errors import InvalidMeasurement, Reason, UsageError
from socklat_gate.load.command import CommandLoad
from socklat_gate.load.process import Endpoint, LoadProcess
from socklat_gate.load.secret_files import SecretFiles
from socklat_gate.load.tail import tail_of
from socklat_gate.scenario import Command, Load
from socklat_gate.scenario.secret import SecretRef
from tests.unit.load.load_of import HTTP_OK, load_of
from tests.unit.load.load_server import Server

CANARY = "canary5bd1e8c7a2f4096"
TOKEN = SecretRef(env="API_TOKEN")


@pytest.fixture(autouse=True)
def value(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("API_TOKEN", CANARY)


@pytest.mark.parametrize(("before", "workers"), [(0, 1), (150, 1), (170, 2)])
def test_the_first_error_of_the_driver_repeats_no_secret(before, workers):
    seen = []

    def respond(peer, _):
        seen.append(1)
        # The driver keeps 200 characters: the cut goes through the value.
        peer.write(b"-ERR " + b"x" * before + b" AUTH " + CANARY.encode() + b"\r\n")

    load = load_of(payload=["AUTH ", TOKEN, r"\r\n"], max_errors=1.0, workers=workers)
    with Server(respond) as server, LoadProcess(load, [Endpoint("127.0.0.1", server.port)], 7) as d:
        d.connect()
        assert len(d.pids()) == workers
        shown = shown_by(d.pids(), "cmdline")
        d.start(time.monotonic_ns() + 20_000_000)
        (counts,) = d.wait()
    assert CANARY.encode() not in shown
    assert counts.errors == counts.responded == len(seen)
    assert "AUTH" in counts.first_error
    for length in range(6, len(CANARY)):
        assert CANARY[:length] not in counts.first_error


def shown_by(pids, *files):
    """What others can see of these processes."""
    return b"".join(Path(f"/proc/{pid}/{file}").read_bytes() for pid in pids for file in files)


def test_a_token_that_a_setup_saved_reaches_all_workers_and_nothing_else():
    """From the worker that logged in to the others, by way of the gate."""
    token = f"token-{CANARY}"
    logins = []

    def log_in(peer):
        logins.append(peer.unread)
        peer.unread = b""
        body = b'{"token": "%b"}' % token.encode()
        peer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))

    load = load_of(
        driver="http",
        headers={"Authorization": "Bearer {token}"},
        setup=[{"name": "login", "path": "/login", "save": {"token": "/token"}}],
        request=[{"name": "cart", "path": "/cart"}],
        workers=3,
    )
    with Server(
        lambda peer, _: peer.write(HTTP_OK), f"Authorization: Bearer {token}\r\n\r\n".encode()
    ) as server:
        server.on_unknown = log_in
        with LoadProcess(load, [Endpoint("127.0.0.1", server.port)], 7) as driver:
            driver.connect()
            shown = shown_by(driver.pids(), "cmdline", "environ")
            driver.start(time.monotonic_ns() + 20_000_000)
            (counts,) = driver.wait()
            rows = driver.sent()
    assert [login.split()[1] for login in logins] == [b"/login"]
    assert counts.errors == 0
    assert counts.responded == server.requests == counts.planned == rows.size
    assert token.encode() not in shown + rows.tobytes()
    assert masking.mask(token) == masking.MASK


def test_the_service_gets_the_value_in_header_and_payload():
    got = []

    def respond(peer, _):
        peer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")

    load = load_of(
        driver="http",
        payload=None,
        headers={"Authorization": SecretRef(env="API_TOKEN", prefix="Bearer ")},
        duration_s=0.05,
        connections=1,
    )
    with Server(respond, f"Authorization: Bearer {CANARY}\r\n\r\n".encode()) as server:
        server.on_unknown = lambda peer: got.append(peer.unread)
        with LoadProcess(load, [Endpoint("127.0.0.1", server.port)], 7) as driver:
            driver.connect()
            driver.start(time.monotonic_ns() + 20_000_000)
            (counts,) = driver.wait()
    # Every request ended as the server was told to look for.
    assert counts.responded == server.requests == counts.sent > 0
    assert got == []


def test_an_unset_secret_ends_no_worker_half_way(monkeypatch):
    monkeypatch.delenv("API_TOKEN")
    load = load_of(payload=["AUTH ", TOKEN])
    with (
        pytest.raises(UsageError, match="the variable API_TOKEN is not set") as caught,
        LoadProcess(load, [Endpoint("127.0.0.1", 1)], 7) as driver,
    ):
        driver.connect()
    assert caught.value.reason is Reason.BAD_SECRET


def command_of(code: str, *more: str | SecretRef, **environment: str | SecretRef) -> Load:
    command = Command(argv=[sys.executable, "-c", code, *more], environment=environment)
    return Load(driver="command", command=command, duration_s=1.5, warmup_s=0.0, timeout_s=5.0)


def run(load: Load) -> CommandLoad:
    with CommandLoad(load, [Endpoint("10.0.0.1", 6379)], 42) as driver:
        driver.connect()
        driver.start(time.monotonic_ns())
        driver.wait()
    return driver


REPORT = """
import json, os, sys
read = lambda: open(sys.argv[2]).read()
child = __import__("subprocess").run(["cat", sys.argv[2]], capture_output=True, close_fds=False)
json.dump({
    "cmdline": open("/proc/self/cmdline").read(),
    "twice": [read(), read()],
    "child": child.stdout.decode(),
    "environment": {k: v for k, v in os.environ.items() if k in ("PGPASSWORD", "WHERE")},
}, open(sys.argv[1], "w"))
"""


def test_a_command_reads_it_from_a_file_or_its_environment(tmp_path):
    out = tmp_path / "out"
    prefixed = SecretRef(env="API_TOKEN", prefix="Token ")
    run(command_of(REPORT, str(out), prefixed, PGPASSWORD=TOKEN, WHERE="{host}:{port}"))
    found = json.loads(out.read_text())
    assert CANARY not in found["cmdline"]
    assert "/dev/fd/" in found["cmdline"]
    assert found["twice"] == [f"Token {CANARY}"] * 2
    assert found["child"] == f"Token {CANARY}"
    assert found["environment"] == {"PGPASSWORD": CANARY, "WHERE": "10.0.0.1:6379"}


def test_a_commands_failure_shows_neither_arguments_nor_output_in_the_clear():
    code = "import os, sys; print('denied for', os.environ['API_TOKEN']); sys.exit(3)  # {seed}"
    with pytest.raises(InvalidMeasurement) as caught:
        run(command_of(code, TOKEN))
    error = caught.value
    assert CANARY not in f"{error.message}{error.remedy}{error.log}"
    assert "***" in error.message
    assert error.log == "denied for ***"


def test_no_descriptor_stays_open(tmp_path):
    before = sorted(os.listdir("/proc/self/fd"))
    with SecretFiles(["plain", TOKEN]) as files:
        assert files.path_of(1) == f"/dev/fd/{files.descriptors[0]}"
        # Nobody inherits it by accident.
        done = subprocess.run(["cat", files.path_of(1)], capture_output=True, check=False)
        assert done.returncode != 0
    assert sorted(os.listdir("/proc/self/fd")) == before
    with pytest.raises(UsageError), SecretFiles([TOKEN, SecretRef(env="NO_SUCH_VARIABLE")]):
        pass
    assert sorted(os.listdir("/proc/self/fd")) == before


def test_the_end_of_an_output_is_masked_before_it_is_cut(tmp_path):
    masking.register(CANARY)
    masking.suspect({"DB_PASSWORD": "postgres-dev"})
    path = tmp_path / "out"
    path.write_bytes(b"x" * 5000 + CANARY.encode() + b"y" * 4090 + b"\npostgres-dev")
    with path.open("rb") as file:
        text = tail_of(file)
    assert text.endswith("yy\n***")
    for length in range(6, len(CANARY)):
        assert CANARY[-length:] not in text
