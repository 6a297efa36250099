from __future__ import annotations

from typing import Any

import pytest

from socklat_gate.errors import UsageError
from socklat_gate.init.source import (
    Source,
    _exposed_ports,
    _health_path,
    _of_definition,
    chosen_port,
)
from socklat_gate.service.image import ImageRef

IMAGE = ImageRef("shop:dev", "sha256:0", "")


@pytest.mark.parametrize(
    ("definition", "ports"),
    [
        ({"ports": ["8080:80", "127.0.0.1:9000:90/tcp", "53:53/udp"]}, (80, 90)),
        ({"ports": [{"target": 80, "published": "8080"}], "expose": ["80", "81"]}, (80, 81)),
        ({"ports": ["3000-3005:3000-3005"], "expose": [7000]}, (7000,)),
        ({}, ()),
    ],
)
def test_ports_of_a_compose_file_are_those_inside(
    definition: dict[str, Any], ports: tuple[int, ...]
) -> None:
    assert _of_definition(definition) == ports


def test_ports_of_an_image() -> None:
    assert _exposed_ports({"ExposedPorts": {"8080/tcp": {}, "53/udp": {}, "443/tcp": {}}}) == (
        443,
        8080,
    )
    assert _exposed_ports({"ExposedPorts": None}) == ()


@pytest.mark.parametrize(
    ("check", "path"),
    [
        ({"Test": ["CMD-SHELL", "curl -f http://localhost:8080/health || exit 1"]}, "/health"),
        ({"test": "wget -q 'http://127.0.0.1/live?x=1'"}, "/live?x=1"),
        ({"test": ["CMD", "redis-cli", "ping"]}, ""),
        ({"Test": ["CMD", "curl", "http://other.example/health"]}, ""),
        (None, ""),
    ],
)
def test_the_path_of_a_health_check(check: dict[str, Any] | None, path: str) -> None:
    assert _health_path(check) == path


def test_the_port_is_asked_for_where_nothing_declares_one() -> None:
    silent = Source("shop", {"image": "shop:dev"}, IMAGE)
    assert chosen_port(silent, 9) == 9
    with pytest.raises(UsageError, match="declares no TCP port") as caught:
        chosen_port(silent, None)
    assert "--port" in str(caught.value.remedy)
    assert chosen_port(Source("shop", {"image": "x"}, IMAGE, (80, 81)), None) == 80
