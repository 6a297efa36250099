"""Files of traffic for tests, and scenarios made of them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from socklat_gate.init.finding import Finding
from socklat_gate.init.scenario_text import scenario_text
from socklat_gate.init.source import Source
from socklat_gate.init.traffic.proposal import Proposal
from socklat_gate.load.protocols.http_detection import HTTP
from socklat_gate.load.protocols.protocol import DetectedProtocol
from socklat_gate.scenario import Scenario
from socklat_gate.scenario.loader import load_scenario
from socklat_gate.service.image import ImageRef

__all__ = ["har_entry", "har_text", "log_line", "no_progress", "written"]

SHOP = Source("shop", {"image": "shop:dev"}, ImageRef("shop:dev", "", ""))


def no_progress(_: int) -> None:
    """Nobody looks."""


def har_entry(
    url: str = "http://shop.example:8080/orders/1",
    method: str = "GET",
    status: object = 200,
    headers: Mapping[str, str] | None = None,
    post: Mapping[str, Any] | None = None,
    at: str = "2026-11-29T10:00:00.000Z",
    **more: Any,
) -> dict[str, Any]:
    """One entry of a HAR file."""
    request = {
        "method": method,
        "url": url,
        "headers": [{"name": name, "value": one} for name, one in (headers or {}).items()],
    }
    if post is not None:
        request["postData"] = post
    response = {"status": status, "content": {"text": "x" * 50}}
    return {"startedDateTime": at, "request": request, "response": response, **more}


def har_text(entries: Sequence[Any], indent: int | None = None) -> str:
    """A HAR file of these entries."""
    log = {"version": "1.2", "creator": {"name": "test"}, "pages": [], "entries": list(entries)}
    return json.dumps({"log": log}, indent=indent)


def log_line(
    target: str = "/orders/1",
    method: str = "GET",
    status: int = 200,
    user: str = "-",
    second: int = 0,
    end: str = '"-" "agent"',
) -> str:
    """A line of the combined format."""
    time = f"29/Nov/2026:10:{second // 60 % 60:02}:{second % 60:02} +0000"
    return f'10.1.2.3 - {user} [{time}] "{method} {target} HTTP/1.1" {status} 512 {end}\n'


def written(directory: Path, proposal: Proposal) -> tuple[str, Scenario]:
    """The scenario of a proposal, as text and as it is read."""
    path = directory / "socklat.toml"
    detected = DetectedProtocol(HTTP, problem="a test")
    path.write_text(scenario_text(SHOP, Finding(detected, 8080, proposal)), encoding="utf-8")
    return path.read_text(encoding="utf-8"), load_scenario(path)
