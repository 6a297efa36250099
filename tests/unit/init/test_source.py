from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from socklat_gate.errors import UsageError
from socklat_gate.init.build_source import order_of
from socklat_gate.init.detection import guess
from socklat_gate.init.finding import Finding
from socklat_gate.init.scenario_text import scenario_text
from socklat_gate.init.source import (
    Source,
    _exposed_ports,
    _health_path,
    _of_definition,
    chosen_port,
    named_source,
)
from socklat_gate.scenario.loader import load_scenario
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
        ({"test": "curl -sf http://0.0.0.0:8000/healthz || exit 1"}, "/healthz"),
        ({"test": "curl -f http://localhost:${PORT:-8080}/ready"}, "/ready"),
        ({"test": "wget -qO- localhost:$PORT/up && exit"}, "/up"),
        ({"test": ["CMD-SHELL", "curl localhost:$${PORT}/live"]}, "/live"),
        ({"test": ["CMD", "node", "-e", "require('http').get('http://[::1]:80/ok')"]}, "/ok"),
        ({"test": "curl -f http://$HOSTNAME/a || exit 1"}, "/a"),
        ({"test": ["CMD", "redis-cli", "ping"]}, ""),
        ({"test": "pg_isready -h localhost -d /shop"}, ""),
        ({"test": "curl http://db.localhost/health"}, ""),
        ({"Test": ["CMD", "curl", "http://other.example/health"]}, ""),
        (None, ""),
    ],
)
def test_the_path_of_a_health_check(check: dict[str, Any] | None, path: str) -> None:
    assert _health_path(check) == path


@pytest.mark.parametrize(
    ("given", "beside", "name", "how"),
    [
        (".", ".", "clone", "."),
        ("svc", ".", "svc", "svc"),
        ("svc/Dockerfile", ".", "svc", "svc"),
        ("docker/api.Dockerfile", ".", "api", (".", "docker/api.Dockerfile")),
        ("Dockerfile.worker", "perf", "worker", ("..", "Dockerfile.worker")),
        ("docker/Containerfile", ".", "docker", (".", "docker/Containerfile")),
    ],
)
def test_a_dockerfile_of_any_name_and_place(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    given: str,
    beside: str,
    name: str,
    how: str | tuple[str, str],
) -> None:
    place = tmp_path / "clone"
    for file in ("Dockerfile", "svc/Dockerfile", "docker/api.Dockerfile", "Dockerfile.worker"):
        (place / file).parent.mkdir(parents=True, exist_ok=True)
        (place / file).write_text("FROM x")
    (place / "docker" / "Containerfile").write_text("FROM x")
    monkeypatch.chdir(place)
    found = named_source(given, place / beside)
    assert found is not None
    assert found.name == name
    if isinstance(how, str):
        assert found.keys == {"build": how}
        return
    context, file = how
    wanted = context if beside == "." else str(place)
    assert found.keys == {"build": {"context": wanted, "dockerfile": file}}
    order, _ = order_of(Path(given), place / beside)
    assert order.dockerfile.read_text() == "FROM x"
    text = scenario_text(found, Finding(guess(8080), 8080))
    (tmp_path / "socklat.toml").write_text(text)
    built = load_scenario(tmp_path / "socklat.toml").service.built
    assert built is not None
    assert (built.context, built.dockerfile) == (wanted, file)


def test_what_is_no_dockerfile_is_the_name_of_an_image(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "notes.txt").write_text("x")
    for given in ("Dockerfile.gone", "notes.txt", "shop:dev"):
        found = named_source(given, tmp_path)
        assert found is not None
        assert found.keys == {"image": given}


def test_the_port_is_asked_for_where_nothing_declares_one() -> None:
    silent = Source("shop", {"image": "shop:dev"}, IMAGE)
    assert chosen_port(silent, 9) == 9
    with pytest.raises(UsageError, match="declares no TCP port") as caught:
        chosen_port(silent, None)
    assert "--port" in str(caught.value.remedy)
    assert chosen_port(Source("shop", {"image": "x"}, IMAGE, (80, 81)), None) == 80
