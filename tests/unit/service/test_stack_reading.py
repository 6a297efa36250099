"""A scenario's stack as it is read, with a command in place of compose that prints a document."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from socklat_gate.errors import UsageError
from socklat_gate.scenario import Service
from socklat_gate.service import compose
from socklat_gate.service.compose import StackReading, _Command
from socklat_gate.service.stack_reading import checked_stack

Read = Callable[..., StackReading]


@pytest.fixture
def read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Read:
    directory = tmp_path / "My.Shop"
    directory.mkdir()
    (directory / "compose.yaml").touch()
    tool = tmp_path / "compose"
    monkeypatch.setattr(compose, "_command", lambda: _Command((str(tool),), 1))
    monkeypatch.delenv("COMPOSE_PROJECT_NAME", raising=False)

    def given(document: dict[str, Any], settings: str = "", **keys: Any) -> StackReading:
        tool.write_text(f"#!/bin/sh\ncat <<'END'\n{json.dumps(document)}\nEND\n")
        tool.chmod(0o755)
        (directory / ".env").write_text(settings)
        described = {"compose": "compose.yaml", "service": "api", "port": 80, **keys}
        return checked_stack(Service.model_validate(described), directory, alone=False)

    return given


API = {"services": {"api": {"image": "a", "ipc": "host"}}, "networks": {"lan": {"name": "lan"}}}


def test_the_name_is_what_compose_would_take(read: Read) -> None:
    """The older one does not show it, and names its containers after it all the same."""
    own = {"services": {"api": {"image": "a"}}}
    assert read(own).document["name"] == "myshop"
    assert read(own, "COMPOSE_PROJECT_NAME=Old_Shop").document["name"] == "old_shop"
    assert read({**own, "name": "named"}).document["name"] == "named"


def test_a_key_that_nothing_has_cannot_be_shared(read: Read) -> None:
    good = ["services.api.ipc", "networks.lan", "networks.default"]
    assert read(API, shared=good)
    with pytest.raises(UsageError, match=r"service.shared: the stack has no networks.lam$"):
        read(API, shared=["services.api.ipc", "networks.lam"])


def test_a_secret_may_come_from_the_settings(read: Read) -> None:
    secret = {"secrets": {"key": {"environment": "API_KEY"}}}
    stack = {"services": {"api": {"image": "a", "secrets": [{"source": "key"}]}}, **secret}
    assert read(stack, "API_KEY=")
    with pytest.raises(UsageError, match=r"secrets.key.environment: nothing sets API_KEY"):
        read(stack, "OTHER=1")
