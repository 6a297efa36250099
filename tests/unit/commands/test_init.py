"""What `init` says about the path that it chose, and about requests from a file."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from socklat_gate.commands.root import cli
from socklat_gate.errors import Exit, Reason, UsageError
from socklat_gate.init import look
from socklat_gate.init.detection import Finding
from socklat_gate.init.source import Source
from socklat_gate.init.traffic.proposal import Proposal, ProposedRequest
from socklat_gate.load.protocols.http_detection import HTTP
from socklat_gate.load.protocols.protocol import DetectedProtocol
from socklat_gate.load.protocols.resp import REDIS
from socklat_gate.scenario.loader import load_scenario
from socklat_gate.service.image import ImageRef

IMAGE = ImageRef("shop:dev", "sha256:0", "")


@pytest.mark.parametrize(
    ("found", "comment", "summary", "advice"),
    [
        (
            DetectedProtocol(HTTP, "/", 302, 0.001, verified=True),
            'path = "/"  # responded 302 just now, a redirect that is not followed: name a path',
            "GET / 302",
            "first: set load.path to one that responds itself; / responded 302, a redirect",
        ),
        (
            DetectedProtocol(HTTP, "/app/", 200, 0.001, verified=True, redirected_from="/"),
            'path = "/app/"  # responded 200 just now; / redirects to it',
            "GET /app/ 200, 1 ms, where / redirects to",
            "",
        ),
        (
            DetectedProtocol(HTTP, "/", 404, 0.001, verified=True),
            'path = "/"  # responded 404 just now: name a path that responds well',
            "GET / 404",
            "first: which path responds well? / responded 404, which is no error by load.expect: s",
        ),
        (
            DetectedProtocol(HTTP, "/", 503, 0.001, verified=True),
            'path = "/"  # responded 503 just now, which counts as an error',
            "GET / 503",
            "first: which path responds well? / responded 503, which counts as an error: set",
        ),
    ],
)
def test_a_path_that_does_not_respond_well_is_named_and_another_one_asked_for(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    found: DetectedProtocol,
    comment: str,
    summary: str,
    advice: str,
) -> None:
    source = Source("shop", {"image": "shop:dev"}, IMAGE, (8080,))
    monkeypatch.setattr(look, "connect", lambda: None)
    monkeypatch.setattr(look, "find_source", lambda *_: source)
    monkeypatch.setattr(look, "detect", lambda *_: Finding(found, 8080))
    out = tmp_path / "socklat.toml"
    done = CliRunner().invoke(cli, ["init", "shop:dev", "--out", str(out), "--quiet"])
    assert done.exit_code == 0, done.output
    assert summary in done.output
    assert (advice in done.output) if advice else ("first:" not in done.output)
    assert comment in out.read_text("utf-8")
    load = load_scenario(out).load
    assert load.path == found.path
    assert load.stand_in


LINE = '10.1.2.3 - - [29/Nov/2026:10:00:00 +0000] "GET /orders/7 HTTP/1.1" 200 5\n'


@pytest.fixture
def no_docker(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> None:
        raise AssertionError("no Docker is needed")

    monkeypatch.setattr(look, "connect", refuse)


def invoke(*arguments: object) -> str:
    done = CliRunner().invoke(cli, ["init", *map(str, arguments), "--quiet"])
    assert done.exit_code == 0, (done.output, done.exception)
    return done.output


def test_a_name_and_a_file_need_no_docker(tmp_path: Path, no_docker: None) -> None:
    log, out = tmp_path / "access.log", tmp_path / "socklat.toml"
    log.write_text(LINE)
    said = invoke("shop:dev", "--from-access-log", log, "--no-start", "--port", 80, "--out", out)
    assert "1 request of an access log" in said
    assert "read the requests" in said
    scenario = load_scenario(out)
    assert (scenario.service.image, scenario.service.port) == ("shop:dev", 80)
    [request] = scenario.load.request
    assert (request.name, request.path) == ("orders_id", "/orders/{random_int:1:10}")


def test_an_image_that_nobody_names_is_left_to_the_reader(
    tmp_path: Path, no_docker: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("access.log").write_text(LINE)
    assert "set service.image and service.port" in invoke("--from-access-log", "access.log")
    assert load_scenario(Path("socklat.toml")).service.image == "service:candidate"
    Path("Dockerfile").write_text("FROM scratch\n")
    invoke("--from-access-log", "access.log", "--no-start", "--force")
    assert load_scenario(Path("socklat.toml")).service.build == "."


def test_a_bad_file_is_refused_and_nothing_is_written(tmp_path: Path, no_docker: None) -> None:
    log, out = tmp_path / "access.log", tmp_path / "socklat.toml"
    log.write_text("hello\n")
    done = CliRunner().invoke(
        cli, ["init", "shop:dev", "--from-access-log", str(log), "--out", str(out)]
    )
    assert isinstance(done.exception, UsageError)
    assert (done.exception.reason, done.exception.exit_code) == (
        Reason.BAD_TRAFFIC_FILE,
        Exit.USAGE,
    )
    assert not out.exists()


def test_requests_of_http_to_another_protocol_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = Source("shop", {"image": "shop:dev"}, IMAGE, (6379,))
    detected = DetectedProtocol(REDIS, verified=True)
    monkeypatch.setattr(look, "connect", lambda: None)
    monkeypatch.setattr(look, "find_source", lambda *_: source)
    monkeypatch.setattr(look, "detect", lambda *_: Finding(detected, 6379))
    log = tmp_path / "access.log"
    log.write_text(LINE)
    done = CliRunner().invoke(
        cli, ["init", "shop:dev", "--from-access-log", str(log), "--out", str(tmp_path / "s.toml")]
    )
    assert isinstance(done.exception, UsageError)
    assert "speaks RESP on port 6379" in done.exception.message


def test_what_failed_when_it_was_tried_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = Source("shop", {"image": "shop:dev"}, IMAGE, (8080,))
    requests = (ProposedRequest("a", 1.0), ProposedRequest("b", 1.0, path="/b", active=False))
    detected = DetectedProtocol(HTTP, "/", 200, 0.001, verified=True)
    finding = Finding(
        detected, 8080, Proposal("the page / and its links", requests), asked=2, failed=1
    )
    monkeypatch.setattr(look, "connect", lambda: None)
    monkeypatch.setattr(look, "find_source", lambda *_: source)
    monkeypatch.setattr(look, "detect", lambda *_: finding)
    out = tmp_path / "socklat.toml"
    said = invoke("shop:dev", "--out", out)
    assert "1 request of the page / and its links" in said
    assert "1 of 2 that were tried failed: they are comments for now" in said
    load = load_scenario(out).load
    assert [request.name for request in load.request] == ["a"]
    assert not load.stand_in
