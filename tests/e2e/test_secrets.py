"""A canary for every place of a secret: searched for in all that a job leaves and shows."""

from __future__ import annotations

import base64
import os
import re
import secrets
import sys
import threading
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from socklat_gate.documents.files import read_result
from socklat_gate.errors import Exit, Reason
from tests.e2e.done import Done
from tests.e2e.harness import Gate
from tests.services.build import build_image

pytestmark = [pytest.mark.kernel, pytest.mark.docker, pytest.mark.beside]

LEAKY_TAG = "socklat-test/e2e-leaky:latest"
SAMPLE_S = 0.02
WINDOW = 12
"""So many characters of a canary in a row are not there by chance."""

BASE64_TEXT = re.compile(rb"[A-Za-z0-9+/_-]{24,}={0,2}")

Scenario = Callable[..., Path]


class Canaries:
    """A value of its own for each place; `found_in` names those that a text gives away."""

    def __init__(self) -> None:
        self.values: dict[str, str] = {}

    def environment(self, *names: str) -> dict[str, str]:
        self.values.update({name: f"{secrets.token_urlsafe(24)}" for name in names})
        return dict(self.values)

    def found_in(self, data: bytes) -> list[str]:
        return [
            name
            for name, value in self.values.items()
            for piece in _pieces(data)
            for at in range(len(value) - WINDOW + 1)
            if value[at : at + WINDOW].encode() in piece
        ]


def _pieces(data: bytes) -> Iterator[bytes]:
    """The bytes, and what is in Base64 or compressed in them."""
    yield data
    for match in BASE64_TEXT.finditer(data):
        text = match[0].rstrip(b"=")
        for start in range(4):
            part = text[start:]
            part = part[: len(part) // 4 * 4]
            decoded = base64.b64decode(part.translate(bytes.maketrans(b"-_", b"+/")))
            yield decoded
            for skip in (0, 8):
                try:
                    yield zlib.decompress(decoded[skip:])
                except zlib.error:
                    continue


class Watch(threading.Thread):
    """Looks at command lines, labels and temporary files for as long as a gate runs."""

    def __init__(self, client: Any, temporary: Path, canaries: Canaries) -> None:
        super().__init__(daemon=True)
        self._client = client
        self._temporary = temporary
        self._canaries = canaries
        self._over = threading.Event()
        self.samples = 0
        self.found: set[str] = set()
        self.programs: set[bytes] = set()

    def __enter__(self) -> Watch:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self.join()

    def run(self) -> None:
        while not self._over.wait(SAMPLE_S):
            self.samples += 1
            self._look()

    def _look(self) -> None:
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            self._search("command line", path, self.programs)
        for directory, _, names in os.walk(self._temporary):
            for name in names:
                self._search("temporary file", Path(directory, name))
        if self.samples % 20 == 0:
            listed = self._client.api.containers(all=True), self._client.api.networks()
            labels = [item.get("Labels") for items in listed for item in items]
            if self._canaries.found_in(repr(labels).encode()):
                self.found.add("labels")

    def _search(self, what: str, path: Path, seen: set[bytes] | None = None) -> None:
        try:
            data = path.read_bytes()
        except OSError:
            return
        if seen is not None:
            if data in seen:
                return
            seen.add(data)
        if any(value.encode() in data for value in self._canaries.values.values()):
            self.found.add(f"{what} {path}: {data[:200]!r}")


@pytest.fixture
def canaries() -> Canaries:
    return Canaries()


@pytest.fixture
def leaky(docker_client: Any) -> str:
    return build_image(docker_client, "leaky.c", LEAKY_TAG, ["/leaky"])


@pytest.fixture
def judge(
    gate: Gate, docker_client: Any, canaries: Canaries, leaky: str
) -> Callable[..., tuple[Done, Watch]]:
    """Runs a gate with everything logged, and searches for its canaries everywhere."""

    def run(path: Path, *names: str) -> tuple[Done, Watch]:
        given = canaries.environment(*names)
        with Watch(docker_client, gate.directory / "tmp", canaries) as watch:
            command = [sys.executable, "-m", "socklat_gate", "-vv"]
            done = gate.gate(path, baseline=leaky, apart=True, env=given, command=command)
        assert watch.samples > 10
        assert watch.found == set()
        for text in (done.stdout, done.stderr):
            assert canaries.found_in(text.encode()) == []
        files = [file for file in gate.directory.rglob("*") if file.is_file()]
        assert {"result.json", "report.md", "report.html", "junit.xml", "verdict.json"} <= {
            file.name for file in files
        }
        for file in files:
            assert (file.name, canaries.found_in(file.read_bytes())) == (file.name, [])
        return done, watch

    return run


def test_a_service_that_logs_its_environment_and_requests_and_dies(
    scenario: Scenario, judge: Callable[..., tuple[Done, Watch]]
) -> None:
    path = scenario(
        service={
            "image": LEAKY_TAG,
            "command": ["/leaky", "--die-after", "100"],
            "env": {"SHOP_TOKEN": {"env": "CANARY_SERVICE"}},
            "log_lines": 9,
        },
        load={
            "driver": "http",
            "payload": None,
            "response": None,
            "duration_s": 2.0,
            "headers": {"Authorization": {"env": "CANARY_HEADER", "prefix": "Bearer "}},
        },
    )
    done, _ = judge(path, "CANARY_SERVICE", "CANARY_HEADER")
    verdict = done.judged(Exit.INVALID, Reason.SERVICE_DIED)
    said = verdict["reasons"][0]["text"]
    # It was in the log, which was asked for: that is why nothing is proven by an empty one.
    assert "environment SHOP_TOKEN=***" in done.stderr
    assert "Authorization: Bearer ***" in done.stderr
    assert "environment SHOP_TOKEN=***" in said
    assert "Bearer ***" in said


@pytest.mark.slow
def test_a_stack_whose_service_does_so(
    gate: Gate, scenario: Scenario, judge: Callable[..., tuple[Done, Watch]]
) -> None:
    # A value that the file itself interpolates is no secret by the scenario's word, but looks it.
    (gate.directory / "compose.yml").write_text(
        f"services:\n  api:\n    image: {LEAKY_TAG}\n"
        "    environment: { DB_PASSWORD: 'password-of-the-stack', SHOP_TOKEN: 'none' }\n"
    )
    path = scenario(
        service={
            "image": None,
            "compose": "compose.yml",
            "service": "api",
            "command": ["/leaky", "--die-after", "100"],
            "env": {"SHOP_TOKEN": {"env": "CANARY_STACK"}},
        },
        load={"driver": "http", "payload": None, "response": None, "duration_s": 2.0},
    )
    done, _ = judge(path, "CANARY_STACK")
    verdict = done.judged(Exit.INVALID, Reason.SERVICE_DIED)
    assert "environment SHOP_TOKEN=***" in done.stderr
    assert "environment DB_PASSWORD=***" in done.stderr
    # Nobody asked for the log's lines.
    assert "environment" not in verdict["reasons"][0]["text"]


def test_a_service_whose_errors_repeat_the_payload(
    scenario: Scenario, judge: Callable[..., tuple[Done, Watch]]
) -> None:
    path = scenario(
        service={"image": LEAKY_TAG, "command": ["/leaky"]},
        load={
            "payload": ["AUTH ", {"env": "CANARY_PAYLOAD"}, r"\r\n"],
            "response": "resp",
        },
    )
    done, _ = judge(path, "CANARY_PAYLOAD")
    verdict = done.judged(Exit.INVALID, Reason.LOAD_ERRORS)
    assert "not allowed: AUTH ***" in verdict["reasons"][0]["text"]


def test_a_load_command_that_shows_what_it_was_given(
    scenario: Scenario, judge: Callable[..., tuple[Done, Watch]]
) -> None:
    code = (
        "import os, sys, time; time.sleep(0.5); "
        "print(sys.argv, open(sys.argv[1]).read(), os.environ['LOAD_TOKEN']); sys.exit(7)"
    )
    argv = [sys.executable, "-c", code, {"env": "CANARY_ARGV"}]
    command = {"argv": argv, "environment": {"LOAD_TOKEN": {"env": "CANARY_LOAD"}}}
    path = scenario(
        service={"image": LEAKY_TAG, "command": ["/leaky"]},
        load={"driver": "command", "payload": None, "response": None, "command": command},
    )
    done, watch = judge(path, "CANARY_ARGV", "CANARY_LOAD")
    done.judged(Exit.INVALID, Reason.LOAD_DRIVER_FAILED)
    assert "*** ***" in done.stderr
    assert any(b"/dev/fd/" in line and b"sys.exit(7)" in line for line in watch.programs)


def test_an_unset_secret_starts_nothing(gate: Gate, scenario: Scenario) -> None:
    path = scenario(service={"env": {"SHOP_TOKEN": {"env": "CANARY_NOT_SET"}}})
    said = gate.gate(path).refused(Exit.USAGE, Reason.BAD_SECRET)
    assert "service.env.SHOP_TOKEN: the variable CANARY_NOT_SET is not set" in said
    assert "socklat.toml:" in said


def test_a_cache_with_a_password_is_measured(
    gate: Gate, scenario: Scenario, redis_image: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The service's own copy is in its arguments: this is about the load's.
    password = secrets.token_hex(16)
    monkeypatch.setenv("CACHE_PASSWORD", password)
    server = ["/usr/bin/redis-server", "--bind", "0.0.0.0", "--save", "", "--requirepass", password]
    path = scenario(
        service={"image": redis_image, "command": server, "port": 6379},
        load={
            "hello": ["AUTH ", {"env": "CACHE_PASSWORD"}, r"\r\n"],
            "payload": r"*2\r\n$4\r\nECHO\r\n$5\r\nhello\r\n",
            "response": "resp",
            "expect": {"prefix": "$5"},
            "connections": 7,
        },
    )
    done = gate.run("run", path, "--runs", 1, "--quiet")
    assert done.code == Exit.PASS, done.stderr
    counts = read_result(done.out / "result.json").completeness
    assert counts is not None
    # Seven connections said hello, and none of it is an exchange.
    assert counts.recorded > 0
    assert counts.seen == counts.recorded + counts.filtered
    assert (counts.mismatch, counts.overlapped) == (0.0, 0)

    monkeypatch.setenv("CACHE_PASSWORD", password + "x")
    refused = gate.run("run", path, "--runs", 1, "--quiet")
    assert refused.code == Exit.INVALID
    assert "load.hello was refused: WRONGPASS" in refused.stderr
    assert f"[{Reason.LOAD_REFUSED.value}]" in refused.stderr
