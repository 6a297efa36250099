"""Which daemon is used: that of the environment, of a context, or the usual one."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from socklat_gate.errors import Reason, UnfitEnvironment
from socklat_gate.service.daemon_address import command_environment, daemon_address


@pytest.fixture(autouse=True)
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("DOCKER_HOST", "DOCKER_CONTEXT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    return tmp_path


def add_context(config: Path, name: str, **endpoint: Any) -> Path:
    folder = hashlib.sha256(name.encode()).hexdigest()
    meta = config / "contexts" / "meta" / folder
    meta.mkdir(parents=True)
    document = {"Name": name, "Metadata": {}, "Endpoints": {"docker": endpoint}}
    (meta / "meta.json").write_text(json.dumps(document))
    return config / "contexts" / "tls" / folder / "docker"


def choose(config: Path, name: str) -> None:
    (config / "config.json").write_text(json.dumps({"currentContext": name, "auths": {}}))


def test_the_usual_socket_without_a_choice(config: Path) -> None:
    assert str(daemon_address()) == "unix:///var/run/docker.sock"
    choose(config, "default")
    assert str(daemon_address()) == "unix:///var/run/docker.sock"


@pytest.mark.parametrize("text", ["", "[]", "{", '{"currentContext": null}'])
def test_a_configuration_without_a_choice(config: Path, text: str) -> None:
    (config / "config.json").write_text(text)
    assert daemon_address().url == "unix:///var/run/docker.sock"


def test_the_chosen_context_is_named(config: Path) -> None:
    add_context(config, "lab", Host="unix:///run/lab.sock")
    choose(config, "lab")
    assert str(daemon_address()) == "unix:///run/lab.sock (context 'lab')"


def test_a_variable_comes_first(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    add_context(config, "lab", Host="unix:///run/lab.sock")
    add_context(config, "other", Host="unix:///run/other.sock")
    choose(config, "lab")
    monkeypatch.setenv("DOCKER_CONTEXT", "other")
    assert daemon_address().url == "unix:///run/other.sock"
    monkeypatch.setenv("DOCKER_HOST", "unix:///run/host.sock")
    assert (daemon_address().url, daemon_address().context) == ("unix:///run/host.sock", "")


@pytest.mark.parametrize("text", [None, "{", "{}", '{"Endpoints": {"docker": []}}'])
def test_a_context_that_is_not_there_is_refused(config: Path, text: str | None) -> None:
    choose(config, "lost")
    if text is not None:
        add_context(config, "lost")
        next(config.glob("contexts/meta/*/meta.json")).write_text(text)
    with pytest.raises(
        UnfitEnvironment, match="the docker context 'lost' cannot be read"
    ) as caught:
        daemon_address()
    assert caught.value.reason is Reason.NO_DOCKER


def test_commands_of_docker_go_to_the_same_daemon(config: Path) -> None:
    """Else compose would start on another daemon than the one that is asked for containers."""
    given = {"PATH": "/bin", "DOCKER_CONTEXT": "lab"}
    assert command_environment(given) == given
    tls = add_context(config, "lab", Host="tcp://127.0.0.1:2376", SkipTLSVerify=False)
    choose(config, "lab")
    assert command_environment(given) == {"PATH": "/bin", "DOCKER_HOST": "tcp://127.0.0.1:2376"}
    tls.mkdir(parents=True)
    for name in ("ca.pem", "cert.pem", "key.pem"):
        (tls / name).touch()
    assert command_environment(given) == {
        "PATH": "/bin",
        "DOCKER_HOST": "tcp://127.0.0.1:2376",
        "DOCKER_CERT_PATH": str(tls),
        "DOCKER_TLS_VERIFY": "1",
    }
    options = daemon_address().client_options()
    assert options["base_url"] == "tcp://127.0.0.1:2376"
    assert options["tls"].verify is True  # type: ignore[attr-defined]
