"""What `init` says about the path that it chose."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from socklat_gate.commands.root import cli
from socklat_gate.init import detection
from socklat_gate.init import source as sources
from socklat_gate.init.source import Source
from socklat_gate.load.protocols.http_detection import HTTP
from socklat_gate.load.protocols.protocol import DetectedProtocol
from socklat_gate.scenario.loader import load_scenario
from socklat_gate.service import client
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
            'path = "/"  # responded 404 just now, which counts as an error',
            "GET / 404",
            "first: set load.path to one that responds well; 404 counts as an error",
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
    monkeypatch.setattr(client, "connect", lambda: None)
    monkeypatch.setattr(sources, "find_source", lambda *_: source)
    monkeypatch.setattr(detection, "detect", lambda *_: found)
    out = tmp_path / "socklat.toml"
    done = CliRunner().invoke(cli, ["init", "shop:dev", "--out", str(out), "--quiet"])
    assert done.exit_code == 0, done.output
    assert summary in done.output
    assert (advice in done.output) if advice else ("first:" not in done.output)
    assert comment in out.read_text("utf-8")
    assert load_scenario(out).load.path == found.path
