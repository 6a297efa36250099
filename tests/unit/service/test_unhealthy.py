"""Containers that live and say by their health checks that they do not work."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import docker.errors
import pytest

from socklat_gate.service import unhealthy as module
from socklat_gate.service.unhealthy import unhealthy

STACKS = {
    "baseline": [("api", "b1"), ("queue", "b2")],
    "candidate": [("api", "c1"), ("queue", "c2")],
}
SICK = "queue is unhealthy by its health check"


def daemon(**states: list[str | None]) -> Any:
    """Health of containers by id, the last one for good; None without a check."""

    def inspect(container: str) -> dict[str, Any]:
        looks = states.get(container, [None])
        status = looks.pop(0) if len(looks) > 1 else looks[0]
        if status == "gone":
            raise docker.errors.NotFound("no such container")
        return {"State": {"Health": status and {"Status": status}}}

    return SimpleNamespace(api=SimpleNamespace(inspect_container=inspect))


@pytest.fixture(autouse=True)
def _short_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "RECOVERS_WITHIN_S", 0.05)
    monkeypatch.setattr(module, "PAUSE_S", 0.001)


def test_only_what_is_unhealthy_is_found() -> None:
    client = daemon(b1=["healthy"], b2=["starting"], c1=["gone"], c2=["unhealthy"])
    assert unhealthy(client, STACKS) == {"candidate": [SICK]}
    assert not unhealthy(daemon(), STACKS)


def test_one_that_is_healthy_again_after_the_load_is_well() -> None:
    assert not unhealthy(daemon(c2=["unhealthy", "unhealthy", "healthy"]), STACKS)


def test_what_is_so_in_all_stacks_is_not_waited_for() -> None:
    client = daemon(b2=["unhealthy", "healthy"], c2=["unhealthy", "healthy"])
    assert unhealthy(client, STACKS) == {"baseline": [SICK], "candidate": [SICK]}
