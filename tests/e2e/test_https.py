"""A Node.js service over HTTPS: docs/scenarios/node-https, what `init` writes, refusals."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from socklat_gate.errors import Exit, Reason
from socklat_gate.scenario.loader import load_scenario
from tests.e2e.harness import Gate
from tests.e2e.measured import measured
from tests.services.build import package_image

pytestmark = [pytest.mark.kernel, pytest.mark.docker, pytest.mark.row]

EXAMPLE = Path(__file__).resolve().parents[2] / "docs" / "scenarios" / "node-https"
NAMES = ["article", "articles", "order"]
CONNECTIONS = 16
# As the machines of tests are: busy with other tests.
LENIENT = "[gate]\nmax_steal = 1.0\nmax_excluded_pairs = 20\nwatch.minutes = 0\n"
MEDIAN = "[[gate.metrics]]\nquantile = 0.5\ntolerance = 0.1\nregression_threshold = 0.3\n"


@pytest.fixture
def node_image(docker_client: Any) -> str:
    return package_image(docker_client, "node", EXAMPLE / "service.js")


def example(gate: Gate, image: str, **changes: str) -> Path:
    """The documented scenario for another image, short, with other lines in place of its own."""
    text = (EXAMPLE / "socklat.toml").read_text("utf-8")
    changes = {'"shop-node:dev"': f'"{image}"', "duration_s = 10": "duration_s = 2", **changes}
    for old, new in changes.items():
        assert old in text
        text = text.replace(old, new)
    path = gate.directory / "socklat.toml"
    path.write_text(f"{text}\n{LENIENT}{MEDIAN}")
    return path


def test_the_example_is_measured_by_name_and_handshakes_are_shown_apart(
    gate: Gate, node_image: str
) -> None:
    run = measured(gate, example(gate, node_image), NAMES, more_than=1000)
    assert run.join is not None
    # A pause of the machine opens further ones, and not each of them is used.
    opened = CONNECTIONS + run.load.grown
    assert CONNECTIONS <= run.join.connections <= opened
    assert run.load.handshakes is not None
    assert run.load.handshakes.total == opened
    assert "TLS handshakes" in (gate.out / "report.md").read_text("utf-8")


@pytest.mark.slow
def test_so_it_is_with_a_connection_for_each_request(gate: Gate, node_image: str) -> None:
    fresh = {"connections = 16": "keep_alive = false", "rate = 800": "rate = 200"}
    path = example(gate, node_image, **fresh, **{"duration_s = 10": "duration_s = 6"})
    run = measured(gate, path, NAMES, more_than=1000)
    assert run.join is not None
    assert run.join.connections == run.join.logged
    assert run.load.handshakes is not None
    assert run.load.handshakes.total >= run.join.logged
    assert run.load.answers is not None
    assert run.load.answers.lost == 0


def test_init_writes_a_scenario_of_https_that_runs(gate: Gate, node_image: str) -> None:
    path = gate.directory / "socklat.toml"
    done = gate.run("init", node_image, "--port", 8443, "--out", path, out=False)
    assert done.code == 0, done.stderr
    assert "speaks HTTPS on port 8443" in done.stdout + done.stderr
    written = load_scenario(path)
    assert written.load.tls is not None
    assert written.load.tls.insecure
    assert written.service.ready.https == "/"
    text = path.read_text("utf-8").split("[[gate.metrics]]")[0]
    lines = [
        "duration_s = 2" if line.startswith("duration_s") else line for line in text.split("\n")
    ]
    body = "\n".join(lines)
    assert body.count("\n[gate]\n") == 1
    lenient = body.replace("\n[gate]\n", f"\n{LENIENT}")
    path.write_text(f"{lenient}\n{MEDIAN}")
    done = gate.run("run", path, "--runs", 1, "--quiet")
    assert done.code == 0, done.stderr


@pytest.mark.beside
@pytest.mark.parametrize(
    ("change", "code", "reason", "said", "remedy"),
    [
        (
            "tls.insecure = false",
            Exit.INVALID,
            Reason.LOAD_REFUSED,
            "signed by none of the system's certificates",
            "load.tls.ca_file",
        ),
        (
            'tls.ca_file = "missing.pem"',
            Exit.USAGE,
            Reason.BAD_SCENARIO,
            "load.tls.ca_file",
            "load.tls.insecure",
        ),
    ],
    ids=["unknown issuer", "missing file"],
)
def test_a_certificate_that_is_not_trusted(
    gate: Gate,
    node_image: str,
    change: str,
    code: Exit,
    reason: Reason,
    said: str,
    remedy: str,
) -> None:
    path = example(gate, node_image, **{"tls.insecure = true": change})
    done = gate.run("run", path, "--runs", 1, "--quiet")
    assert done.code == code
    assert said in done.stderr
    assert remedy in done.stderr
    assert f"[{reason.value}]" in done.stderr
    assert gate.left_behind() == []


@pytest.mark.slow
def test_the_example_without_tls_says_so(gate: Gate, node_image: str) -> None:
    """The port speaks TLS alone: clear HTTP is no response."""
    changes = {"tls.insecure = true": "#", "ready.https": "# "}
    done = gate.run("run", example(gate, node_image, **changes), "--runs", 1, "--quiet")
    assert done.code == Exit.INVALID
    assert "set load.tls if it wants TLS" in done.stderr


SLOW_HANDSHAKE = """
const https = require('https'), create = https.createServer;
const wait = (name, done) => setTimeout(() => done(null), 20);
https.createServer = (options, respond) => create({ ...options, SNICallback: wait }, respond);
require('/service.js');
"""


# Its twins that always run: a driver whose clients' time has the handshake in it
# (tests/unit/load/test_fresh_pool.py), and the rule (tests/unit/verdict/test_clients.py).
@pytest.mark.slow
def test_slower_handshakes_are_no_pass_where_each_request_has_one(
    gate: Gate, node_image: str
) -> None:
    """No stage has them: the clients wait for them."""
    path = gate.directory / "socklat.toml"
    command = json.dumps(["/usr/bin/node", "-e", SLOW_HANDSHAKE])
    path.write_text(
        f'name = "node"\n[service]\nimage = "{node_image}"\nport = 8443\ncommand = {command}\n'
        'ready.https = "/health"\n[baseline]\ncommand = ["/usr/bin/node", "/service.js"]\n'
        '[load]\ndriver = "http"\npath = "/articles/1"\nrate = 60\nduration_s = 4\n'
        "keep_alive = false\ntls.insecure = true\n"
        f"{LENIENT}max_pairs = 8\nspikes.enabled = false\n{MEDIAN}"
    )
    done = gate.gate(path, baseline=node_image)
    verdict = done.judged(Exit.INCONCLUSIVE, Reason.CLIENTS_SLOWER)
    assert [metric["name"] for metric in verdict["metrics"]] == ["response_p50"]
