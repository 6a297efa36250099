"""What `init` says beside the scenario, and what it writes for services out of the ordinary."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from socklat_gate.init.finding import Finding
from socklat_gate.init.said import said
from socklat_gate.init.scenario_text import scenario_text, timeout_for
from socklat_gate.init.source import Source
from socklat_gate.init.traffic.proposal import Proposal, ProposedRequest
from socklat_gate.load.protocols.http_detection import HTTP
from socklat_gate.load.protocols.protocol import DetectedProtocol
from socklat_gate.scenario import Scenario
from socklat_gate.scenario.loader import load_scenario
from socklat_gate.service.image import ImageRef

SOURCE = Source("shop", {"image": "shop:dev"}, ImageRef("shop:dev", "sha256:0", ""), (8080, 9090))
GOOD = DetectedProtocol(HTTP, "/", 200, latency_s=0.001, verified=True)
LOST = replace(GOOD, status=404)


def text_of(finding: Finding, source: Source = SOURCE) -> str:
    return "\n".join(said(source, finding.port, finding, Path("socklat.toml")))


def written(tmp_path: Path, finding: Finding, source: Source = SOURCE) -> Scenario:
    path = tmp_path / "socklat.toml"
    path.write_text(scenario_text(source, finding))
    return load_scenario(path)


def test_other_ports_are_named() -> None:
    text = text_of(Finding(GOOD, 8080, other_ports=(9090,)))
    assert "it also listens on 9090: --port N" in text


def test_a_stream_without_an_end_asks_for_another_path(tmp_path: Path) -> None:
    finding = Finding(replace(GOOD, endless=True, latency_s=0.0), 8080)
    text = text_of(finding)
    assert "first: which path responds well? / responded 200 with a body that is not over" in text
    assert written(tmp_path, finding).service.ready.http is None


def test_a_slow_starter_gets_the_time_that_it_needs(tmp_path: Path) -> None:
    finding = Finding(GOOD, 8080, startup_s=42.0)
    assert written(tmp_path, finding).service.ready.timeout_s == 130
    assert "it took 42 s to start" in text_of(finding)
    quick = Finding(GOOD, 8080, startup_s=2.0)
    assert written(tmp_path, quick).service.ready.timeout_s == 30
    assert "timeout_s" not in scenario_text(SOURCE, quick)
    assert "to start" not in text_of(quick)


def test_a_body_that_waits_for_a_delayed_acknowledgement_is_told() -> None:
    held = replace(GOOD, latency_s=0.044, body_wait_s=0.041)
    assert "41 ms of that the body waits behind the head" in text_of(Finding(held, 8080))
    for wait_s in (0.0, 0.02, 0.2):
        other = replace(held, body_wait_s=wait_s)
        assert "behind the head" not in text_of(Finding(other, 8080))


@pytest.mark.parametrize(
    ("startup_s", "timeout_s"), [(0.0, 0), (10.0, 0), (10.1, 40), (60.0, 180), (500.0, 600)]
)
def test_the_timeout_is_three_times_what_it_took(startup_s: float, timeout_s: int) -> None:
    assert timeout_for(startup_s) == timeout_s


def test_one_that_listens_by_ipv6_alone(tmp_path: Path) -> None:
    finding = Finding(GOOD, 8080, ipv6=True)
    assert written(tmp_path, finding).service.ipv6
    assert "by IPv6 alone" in text_of(finding)


def test_the_images_own_check_where_no_path_tells_that_it_is_ready(tmp_path: Path) -> None:
    checked = replace(SOURCE, has_healthcheck=True)
    assert written(tmp_path, Finding(LOST, 8080), checked).service.ready.healthcheck
    ready = written(tmp_path, Finding(GOOD, 8080), checked).service.ready
    assert (ready.http, ready.healthcheck) == ("/", False)
    assert not written(tmp_path, Finding(LOST, 8080)).service.ready.healthcheck


@pytest.mark.parametrize(
    ("found", "asked"),
    [
        (LOST, "which path responds well? / responded 404"),
        (replace(GOOD, status=302), "/ responded 302, a redirect that is not followed"),
        (
            replace(GOOD, path="/healthz", in_place_of="/ responded 404"),
            "which path is the service for? / responded 404, so /healthz stands in",
        ),
    ],
)
def test_a_path_is_asked_for(tmp_path: Path, found: DetectedProtocol, asked: str) -> None:
    text = text_of(Finding(found, 8080))
    assert asked in text
    assert "--path" in text
    assert written(tmp_path, Finding(found, 8080)).load.stand_in


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 421, 408, 429, 500, 503])
def test_what_is_refused_for_good_can_be_compared_and_stands_in(
    tmp_path: Path, status: int
) -> None:
    """Else each request of the scenario as written is an error, and no gate of it is valid."""
    passing = status in {408, 429} or status >= 500
    for given in (True, False):
        finding = Finding(replace(GOOD, status=status), 8080, path_given=given)
        load: Any = written(tmp_path, finding).load
        assert (load.expect and load.expect.status) == (None if passing else [status])
        assert load.stand_in is (not given or not passing)
    listed = Proposal("a list", (ProposedRequest("a", 1.0, path="/a"),))
    load = written(tmp_path, replace(finding, proposal=listed)).load
    assert (load.expect, load.stand_in) == (None, False)


def test_a_path_that_was_given_is_no_stand_in(tmp_path: Path) -> None:
    finding = Finding(replace(GOOD, path="/orders"), 8080, path_given=True)
    load: Any = written(tmp_path, finding).load
    assert (load.path, load.stand_in) == ("/orders", False)


def test_the_command_that_is_printed_compares_an_image_with_itself_and_says_so() -> None:
    """Else whoever copies it learns that the same image is in both arms."""
    lines = [line.strip() for line in text_of(Finding(GOOD, 8080)).splitlines()]
    gate = "socklat-gate gate socklat.toml --baseline-image"
    assert lines[-3:] == [
        f"{gate} shop:dev --allow-same-image",
        "which tries it out, with the same image twice; from then on:",
        f"{gate} RELEASED",
    ]
