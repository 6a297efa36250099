from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from socklat_gate.init.detection import guess
from socklat_gate.init.finding import Finding
from socklat_gate.init.scenario_text import rate_for, scenario_text
from socklat_gate.init.source import Source, scenario_name
from socklat_gate.init.traffic.proposal import Proposal, ProposedRequest
from socklat_gate.load.protocols.http_detection import HTTP
from socklat_gate.load.protocols.protocol import DetectedProtocol
from socklat_gate.scenario import Scenario
from socklat_gate.scenario.gating import WANTED_EXCEEDING
from socklat_gate.scenario.loader import load_scenario
from socklat_gate.service.image import ImageRef

IMAGE = ImageRef("shop:dev", "sha256:0", "")
AUTO = 'or "auto": what the baseline carries well'


def source(name: str = "shop", value: str = "shop:dev", key: str = "image") -> Source:
    return Source(name, {key: value}, IMAGE, (8080,))


def written(tmp_path: Path, found: Source, port: int, detected: DetectedProtocol) -> Scenario:
    path = tmp_path / "socklat.toml"
    path.write_text(scenario_text(found, Finding(detected, port)), encoding="utf-8")
    return load_scenario(path)


def test_an_http_service_gets_its_path_readiness_and_a_rate_it_can_bear(tmp_path: Path) -> None:
    detected = DetectedProtocol(HTTP, "/health", 200, latency_s=0.002, verified=True)
    scenario = written(tmp_path, source(), 8080, detected)
    assert (scenario.name, scenario.service.image, scenario.service.port) == (
        "shop",
        "shop:dev",
        8080,
    )
    assert (scenario.load.driver, scenario.load.path) == ("http", "/health")
    assert scenario.service.ready.http == "/health"
    assert scenario.load.rate == 100  # 30% of the time at 2 ms each are 150
    assert [m.name for m in scenario.gate.metrics] == [
        "response_p50",
        "response_p90",
        "cpu_per_request",
    ]


def test_a_service_of_https_is_written_as_one(tmp_path: Path) -> None:
    detected = DetectedProtocol(HTTP, "/health", 200, latency_s=0.002, verified=True, tls=True)
    scenario = written(tmp_path, source(), 8443, detected)
    assert scenario.load.tls is not None
    assert scenario.load.tls.insecure
    assert (scenario.service.ready.http, scenario.service.ready.https) == (None, "/health")
    text = (tmp_path / "socklat.toml").read_text("utf-8")
    assert "tls.insecure = true  # any certificate is accepted; to check it: tls.ca_file" in text


def test_the_usual_port_of_https_suggests_it(tmp_path: Path) -> None:
    assert written(tmp_path, source(), 443, guess(443, "it was not started")).load.tls is not None
    assert written(tmp_path, source(), 80, guess(80, "it was not started")).load.tls is None


def test_a_fast_one_is_judged_by_p99_too(tmp_path: Path) -> None:
    detected = DetectedProtocol(HTTP, "/", 200, latency_s=0.0002, verified=True)
    scenario = written(tmp_path, source(), 8080, detected)
    assert scenario.load.rate == 1000
    assert AUTO in (tmp_path / "socklat.toml").read_text("utf-8")
    assert "response_p99" in [m.name for m in scenario.gate.metrics]


@pytest.mark.parametrize(
    "other",
    [
        {"latency_s": 0.0},  # nothing was timed
        {"latency_s": 0.002},  # too slow for p99 at its guess
        {"verified": False},
        {"status": 302},
        {"status": 404},
    ],
)
def test_auto_is_offered_only_where_it_is_likely_to_find_a_rate_that_is_enough(
    tmp_path: Path, other: dict[str, Any]
) -> None:
    detected = DetectedProtocol(HTTP, "/", 200, latency_s=0.0002, verified=True)
    path = tmp_path / "socklat.toml"
    written(tmp_path, source(), 80, detected)
    assert AUTO in path.read_text("utf-8")
    written(tmp_path, source(), 80, replace(detected, **other))
    assert AUTO not in path.read_text("utf-8")


def test_a_tool_of_its_own_is_offered_no_auto(tmp_path: Path) -> None:
    postgres = replace(guess(5432, ""), latency_s=0.0002, verified=True, problem="")
    assert written(tmp_path, source(), 5432, postgres).load.rate == 1000
    assert AUTO not in (tmp_path / "socklat.toml").read_text("utf-8")


@pytest.mark.parametrize("status", [301, 404, 500])
def test_another_status_is_no_readiness(tmp_path: Path, status: int) -> None:
    detected = DetectedProtocol(HTTP, "/", status, latency_s=0.001, verified=True)
    assert written(tmp_path, source(), 80, detected).service.ready.http is None


def test_known_ports_without_detection(tmp_path: Path) -> None:
    redis = written(tmp_path, source(), 6379, guess(6379, "--no-start was given"))
    assert (redis.load.driver, redis.load.response) == ("tcp", "resp")
    memcached = written(tmp_path, source(), 11211, guess(11211, "--no-start was given"))
    assert memcached.load.response == r"until:END\r\n"
    postgres = written(tmp_path, source(), 5432, guess(5432, "--no-start was given"))
    assert postgres.load.driver == "command"
    assert postgres.load.command is not None
    assert "pgbench" in postgres.load.command.argv[-1]
    assert written(tmp_path, source(), 1234, guess(1234, "?")).load.driver == "http"


@pytest.mark.parametrize("value", ['a"b', "a\\b", "ä€😀", "a\x7fb", "a\x01b", "a\nb", "''' #"])
def test_any_directory_can_be_named(tmp_path: Path, value: str) -> None:
    found = source(scenario_name(value), value, "build")
    assert written(tmp_path, found, 80, guess(80, "?")).service.build == value


@pytest.mark.parametrize("latency_s", [0.0, 1e-6, 0.0003, 0.03, 0.8, 5.0])
def test_every_rate_has_enough_requests_for_what_is_judged(
    tmp_path: Path, latency_s: float
) -> None:
    detected = DetectedProtocol(HTTP, "/", 200, latency_s=latency_s, verified=True)
    scenario = written(tmp_path, source(), 80, detected)
    assert 5 <= scenario.load.rate <= 1000
    assert scenario.load.duration_s <= 20 or scenario.load.rate < 10
    assert scenario.gate.metrics[0].quantile == 0.5
    for metric in scenario.gate.metrics:
        if metric.quantile:
            beyond = scenario.load.rate * scenario.load.duration_s * (1 - metric.quantile)
            assert beyond >= WANTED_EXCEEDING - 1e-6


def test_rates_are_round() -> None:
    assert [rate_for(x) for x in (0.0, 0.0002, 0.001, 0.002, 0.03, 1.0)] == [
        200,
        1000,
        200,
        100,
        10,
        5,
    ]


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Shop API", "shop-api"),
        ("_x_", "x"),
        ("...", "service"),
        ("a" * 80, "a" * 63),
        ("ümlaut", "mlaut"),
    ],
)
def test_names(text: str, name: str) -> None:
    assert scenario_name(text) == name


def test_a_health_path_among_the_requests_tells_when_it_is_ready(tmp_path: Path) -> None:
    proposal = Proposal(
        "a test", (ProposedRequest("a", 1.0), ProposedRequest("b", 1.0, path="/ready"))
    )
    for status, ready in ((404, "/ready"), (200, "/")):
        detected = DetectedProtocol(HTTP, "/", status, verified=True)
        path = tmp_path / "socklat.toml"
        path.write_text(scenario_text(source(), Finding(detected, 80, proposal)), encoding="utf-8")
        assert load_scenario(path).service.ready.http == ready
    path.write_text(scenario_text(source(), Finding(guess(80), 80, proposal)), encoding="utf-8")
    assert load_scenario(path).service.ready.http is None


def test_a_redis_gets_reads_and_writes_and_no_stand_in(tmp_path: Path) -> None:
    load = written(tmp_path, source(), 6379, guess(6379)).load
    assert [(one.name, one.weight) for one in load.request] == [("get", 80), ("set", 20)]
    assert (
        load.request[0].payload == r"*2\r\n$3\r\nGET\r\n$12\r\nsocklat:{random_int:1000:1999}\r\n"
    )
    assert not load.stand_in
    memcached = written(tmp_path, source(), 11211, guess(11211)).load
    assert [one.response for one in memcached.request] == [None, r"until:\r\n"]
    assert not written(tmp_path, source(), 5432, guess(5432)).load.stand_in
    assert written(tmp_path, source(), 80, guess(80)).load.stand_in
