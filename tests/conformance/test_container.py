"""The same truth with containers: a whole run of the gate, neighbours, an api and its database."""

from __future__ import annotations

import json
import random
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from socklat_gate.job.rig import Rig
from socklat_gate.probe.probe import SocketProbe
from socklat_gate.scenario import Scenario
from socklat_gate.service.client import connect
from socklat_gate.service.image import resolve_image
from socklat_gate.service.session import ArmSpec
from socklat_gate.trace.target import of_container
from tests.conformance.containers import Container, bridge
from tests.conformance.rounds import Side, one_round
from tests.conformance.stand import (
    BUCKET,
    EVER_NS,
    PORT,
    ask,
    assert_balanced,
    eventually,
    open_connections,
)
from tests.services.build import build_image

pytestmark = [pytest.mark.kernel, pytest.mark.docker, pytest.mark.row]

TAG = "socklat-test/delay:latest"
API_TAG = "socklat-test/stages:latest"
DATABASE_TAG = "socklat-test/redis:latest"
DATABASE_PORT = 6379
ROOT = Path(__file__).resolve().parents[2]
ROUNDS = 100
REQUESTS = 211  # prime, so that no counting twice or by halves can hit it
BEFORE_READ_US, BEFORE_RESPONSE_US = 1500, 2500


@pytest.fixture
def client() -> Iterator[Any]:
    client = connect()
    build_image(client, "delay.c", TAG, ["/delay"])
    yield client
    client.close()


@pytest.fixture
def network(client: Any) -> Iterator[str]:
    with bridge(client) as name:
        yield name


@pytest.fixture
def database(client: Any, network: str) -> Iterator[Container]:
    # Timeouts are looked after once a tick.
    command = [str(ROOT / "ci/images/redis"), DATABASE_TAG, "--hz", "100"]
    made = subprocess.run(command, capture_output=True, text=True, check=False, timeout=200)
    if made.returncode:
        pytest.skip(f"the Redis image cannot be made here: {made.stderr.strip()[-200:]}")
    with Container(client, network, DATABASE_TAG, DATABASE_PORT) as container:
        yield container


def test_a_container_is_measured_and_counted_as_the_laboratory_is(client: Any) -> None:
    delays = ["--before-read", str(BEFORE_READ_US), "--before-response", str(BEFORE_RESPONSE_US)]
    scenario = Scenario.model_validate(
        {
            "name": "delay",
            "service": {"image": TAG, "port": 7000, "command": ["/delay", *delays]},
            "load": {
                "rate": float(REQUESTS),
                "arrivals": "constant",
                "duration_s": 1.0,
                "warmup_s": 0.0,
                "connections": 16,
                "payload": "x" * 16,
                "response": 16,
            },
            "gate": {
                "metrics": [{"quantile": 0.5, "tolerance": 0.02, "regression_threshold": 0.05}]
            },
        }
    )
    image = resolve_image(client, TAG, lambda line: None)
    with Rig(client, scenario, Path(), lambda phase: None) as rig:
        run = rig.single(seed=1, spec=ArmSpec("candidate", image)).runs[0]
    sent = run.load.planned  # more than asked for where the CPUs were taken away: it then goes on
    assert sent >= REQUESTS
    assert run.counters["seen"] == run.load.responded == sent
    assert run.counters["recorded"] + run.counters["filtered"] == sent
    assert run.counters["connections"] == 16 + run.load.grown
    assert run.counters["no_response"] == run.counters["pending"] == 0
    # How close the stages come is proven where the service can be asked: test_stages.py.
    for stage, least_us in (("recv_wait", BEFORE_READ_US), ("app", BEFORE_RESPONSE_US)):
        p50_ns = run.histograms[stage].quantile_ns(0.5)
        assert least_us * 1000 <= p50_ns * 1.008 < 2 * least_us * 1000, stage


def test_two_containers_are_never_mixed_up(client: Any, network: str, probe: SocketProbe) -> None:
    rng = random.Random(1)
    lengths = (16, 47)
    commands = [["/delay", "--port", str(PORT), "--length", str(length)] for length in lengths]
    with (
        Container(client, network, TAG, PORT, commands[0]) as one,
        Container(client, network, TAG, PORT, commands[1]) as two,
    ):
        sides = [
            Side(of.netns_inode, of.host, PORT, length)
            for of, length in zip((one, two), lengths, strict=True)
        ]
        eventually(lambda: not any(open_connections(probe, s.netns_inode) for s in sides))
        for number in range(ROUNDS):
            for counted in one_round(probe, sides, rng):
                assert counted.exact, (number, counted)
                assert_balanced(dict(counted.counters))


# Waits 5 ms for replicas that do not exist, then responds with as many bytes as it was asked with.
QUERY = b"WAIT 1 5\r\nGET v\r\n"
VALUE = b"1234567"
LEAST_DATABASE_NS = 4_000_000  # Redis counts whole ms


def test_an_api_and_its_database_are_measured_side_by_side(
    client: Any, network: str, probe: SocketProbe, database: Container
) -> None:
    requests = 101
    command = ["/stages", "--port", str(PORT), "--request", str(len(QUERY))]
    command += ["--response", str(len(QUERY)), "--before-response", "1000"]
    command += ["--depend", database.host, "--depend-port", str(DATABASE_PORT)]
    build_image(client, "stages.c", API_TAG, ["/stages"])
    with socket.create_connection((database.host, DATABASE_PORT), timeout=10.0) as setter:
        ask(setter, b"SET v " + VALUE + b"\r\n", len(b"+OK\r\n"))
    with Container(client, network, API_TAG, PORT, command) as api:
        targets = [of_container(api.name), of_container(database.id)]
        for slot, (target, container, image) in enumerate(
            zip(targets, (api, database), (API_TAG, DATABASE_TAG), strict=True)
        ):
            assert (target.id, target.name, target.image) == (container.id, container.name, image)
            probe.watch(slot, target.netns_inode, *target.ports)
            probe.record_between(slot, 0, EVER_NS)
        try:
            with socket.create_connection((api.host, PORT), timeout=10.0) as asking:
                for _ in range(requests):
                    ask(asking, QUERY, len(QUERY))
            for target in targets:
                eventually(lambda inode=target.netns_inode: not open_connections(probe, inode))  # type: ignore[misc]
            of_api, of_database = (probe.read(slot) for slot in range(2))
        finally:
            for slot in range(2):
                probe.forget(slot)
        told = json.loads(api.stop())
    for counters in (dict(of_api.counters), dict(of_database.counters)):
        assert_balanced(counters)
        assert counters["seen"] == counters["recorded"] == requests
        assert counters["overlapped"] == counters["adopted"] == 0
    # What the api asked is what the database responded: one connection and one query a request.
    assert of_api.counters["connections"] == 1
    assert of_api.counters["dependencies"] == of_api.counters["depend_exchanges"] == requests
    assert of_database.counters["connections"] == requests
    assert of_database.counters["dependencies"] == 0
    moments = dict(zip(told["fields"], np.array(told["exchanges"], np.int64).T, strict=True))
    asked_ns = np.sort(moments["depend_read"] - moments["before_ask"])
    for quantile in (0.5, 0.9):
        responded_ns = of_database.histograms["service"].quantile_ns(quantile)
        depend_ns = of_api.histograms["depend"].quantile_ns(quantile)
        app_ns = of_api.histograms["app"].quantile_ns(quantile)
        # Exchange by exchange each contains the one before, so at every quantile, too.
        most_ns = asked_ns[int(np.ceil(quantile * requests)) - 1]
        assert responded_ns * BUCKET >= LEAST_DATABASE_NS
        assert responded_ns <= depend_ns * BUCKET
        assert depend_ns <= most_ns * BUCKET
        assert depend_ns <= app_ns * BUCKET
