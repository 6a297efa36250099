from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from socklat_gate import masking
from socklat_gate.errors import UsageError
from socklat_gate.scenario import Service
from socklat_gate.service.arm import ArmSpec
from socklat_gate.service.compose import Compose, _Command, read_stack
from socklat_gate.service.image import ImageRef
from socklat_gate.service.stack_document import (
    arm_document,
    mask_environments,
    secret_environment,
)
from socklat_gate.service.stack_isolation import isolated_stack

LABELS = {"dev.socklat-gate.run": "abc"}
STACK: dict[str, Any] = {
    "name": "shop",
    "services": {
        "api": {
            "build": {"context": "/src/api"},
            "image": "shop/api",
            "ports": [{"target": 8080, "published": "8080"}],
            "container_name": "shop-api",
            "restart": "always",
            "pull_policy": "always",
            "depends_on": {"db": {"condition": "service_healthy"}},
            "environment": {"A": "1", "B": "2"},
            "labels": {"team": "shop"},
        },
        "db": {
            "image": "postgres:16",
            "ports": ["5432:5432"],
            "pull_policy": "always",
            "volumes": ["data:/var/lib"],
        },
        "worker": {"build": {"context": "/src/worker"}, "labels": ["x=y"]},
        "cache": {"image": "redis:7", "platform": "linux/amd64", "pull_policy": "always"},
    },
    "networks": {"outside": {"external": True, "name": "shared"}, "back": {"name": "shop_back"}},
    "volumes": {"data": None},
}


def document(service: dict[str, Any] | None = None, **spec: Any) -> dict[str, Any]:
    arm = ArmSpec("candidate", ImageRef("shop/api:dev", "sha256:1", ""), **spec)
    described = Service.model_validate(
        {"compose": "compose.yml", "service": "api", "port": 8080, **(service or {})}
    )
    stack = isolated_stack(STACK, {"networks.outside"}, alone=False)
    images = {"worker": "built:1", "db": "sha256:2"}
    return arm_document(stack, "api", arm, described, images=images, labels=LABELS)


def test_two_arms_can_stand_side_by_side() -> None:
    made = document()
    assert "name" not in made
    for definition in made["services"].values():
        assert not {"ports", "container_name", "build"} & set(definition)
        assert definition["logging"]["driver"] == "json-file"
    assert made["services"]["api"]["restart"] == "always"
    # So that neither arm has what a registry gives the other one later.
    assert not any("pull_policy" in definition for definition in made["services"].values())
    assert made["services"]["api"]["networks"] == {"default": {"aliases": ["shop-api"]}}
    assert made["services"]["db"]["networks"]["default"]["aliases"] == ["shop-db-1", "shop_db_1"]
    assert made["networks"]["back"] == {"labels": LABELS}
    assert made["networks"]["outside"] == {"external": True, "name": "shared"}
    assert made["volumes"]["data"] == {"labels": LABELS}


def test_dollars_laid_over_the_file_are_literal() -> None:
    """What compose reads once more is doubled; what its own output has is so already."""
    given = {"command": "x $A ${B}", "env": {"P": "a$b$$"}}
    made = document(given, env={"Q": "${C}"})["services"]["api"]
    assert made["command"] == "x $$A $${B}"
    assert made["environment"] == {"A": "1", "B": "2", "P": "a$$b$$$$", "Q": "$${C}"}
    assert document(command=["$A", "b"])["services"]["api"]["command"] == ["$$A", "b"]


def test_everything_can_be_found_again_by_its_labels() -> None:
    made = document()
    wanted = {**LABELS, "dev.socklat-gate.arm": "candidate"}
    assert made["services"]["api"]["labels"] == {"team": "shop", **wanted}
    assert made["services"]["worker"]["labels"] == {"x": "y", **wanted}
    assert made["networks"]["default"] == {"labels": LABELS}


def test_only_the_service_under_test_gets_the_arms_image_command_and_environment() -> None:
    made = document({"env": {"B": "3"}}, command=["/api", "--fast"], env={"C": "4"})["services"]
    assert made["api"]["image"] == "sha256:1"
    assert "pull_policy" not in made["api"]
    assert made["api"]["environment"] == {"A": "1", "B": "3", "C": "4"}
    assert made["api"]["command"] == ["/api", "--fast"]
    assert made["api"]["depends_on"] == {"db": {"condition": "service_healthy"}}
    # The same bytes in both arms, whatever the name stands for meanwhile.
    assert made["db"]["image"] == "sha256:2"
    assert "pull_policy" not in made["db"]
    assert made["worker"]["image"] == "built:1"
    assert "command" not in made["db"]


def test_the_arms_cpus_are_those_of_the_whole_stack() -> None:
    made = document({"cpuset": ["0", "1"]}, cpuset="1")["services"]
    assert {definition["cpuset"] for definition in made.values()} == {"1"}


def test_the_document_read_stays_as_it_was() -> None:
    before = repr(STACK)
    document({"env": {"B": "3"}}, command="x")
    assert repr(STACK) == before


@pytest.mark.parametrize(
    "service",
    [
        {"compose": "c.yml"},
        {"service": "api"},
        {"compose": "c.yml", "service": "api", "build": "."},
        {"compose": "c.yml", "service": "api", "volumes": ["./a:/a"]},
        {"compose": "c.yml", "service": "api", "publish": 8080},
        {"compose": [], "service": "api"},
        {"image": "a", "shared": ["networks.compose"]},
    ],
)
def test_what_does_not_go_together_is_refused(service: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="compose"):
        Service.model_validate({"port": 80, **service})


def test_a_secret_is_in_composes_environment_and_not_in_its_file(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OUTSIDE", "canary5bd1e8c7a2f4096")
    env = {"API_TOKEN": {"env": "OUTSIDE", "prefix": "t:"}, "MODE": "x"}
    made = document({"env": env})
    assert "canary" not in repr(made)
    described = Service.model_validate(
        {"compose": "compose.yml", "service": "api", "port": 8080, "env": env}
    )
    ((variable, value),) = secret_environment(described).items()
    assert value == "t:canary5bd1e8c7a2f4096"
    assert made["services"]["api"]["environment"]["API_TOKEN"] == "${" + variable + "}"


def test_compose_is_given_them(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    tool = tmp_path / "compose"
    tool.write_text('#!/bin/sh\n[ "$PATH" ] && echo "$GIVEN in $*" >&2\nexit 1\n')
    tool.chmod(0o755)
    monkeypatch.setattr("socklat_gate.service.compose._command", lambda: _Command((str(tool),), 2))
    masking.register("canary5bd1e8c7a2f4096")
    compose = Compose("p", tmp_path / "f", tmp_path, {"GIVEN": "canary5bd1e8c7a2f4096"})
    # What it says is masked, and its arguments never had it.
    assert compose.run("up").startswith("*** in --project-name p")


def test_what_takes_too_long_is_ended(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    tool = tmp_path / "compose"
    tool.write_text("#!/bin/sh\necho waiting for db >&2\nexec sleep 60\n")
    tool.chmod(0o755)
    monkeypatch.setattr("socklat_gate.service.compose._command", lambda: _Command((str(tool),), 2))
    said = Compose("p", tmp_path / "f", tmp_path).run("up", within_s=0.3)
    assert said == "waiting for db\nit was still waiting after 0.3 s"


@pytest.mark.parametrize("version", [1, 2])
def test_files_are_read_in_their_order_with_all_profiles(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, version: int
) -> None:
    tool = tmp_path / "compose"
    tool.write_text(
        "#!/bin/sh\n"
        'echo "The TAG variable is not set. Defaulting to a blank string." >&2\n'
        'echo \'level=warning msg="The \\"PASS\\" variable is not set. Defaulting\' >&2\n'
        'echo "arguments: $*"; echo "place: $PWD"\n'
    )
    tool.chmod(0o755)
    command = _Command((str(tool),), version)
    monkeypatch.setattr("socklat_gate.service.compose._command", lambda: command)
    files = [tmp_path / "a.yml", tmp_path / "b.yml"]
    for file in files:
        file.touch()
    reading = read_stack(files, "shop")
    profiles = " --profile *" if version == 2 else ""
    assert reading.document == {
        "arguments": f"--file {files[0]} --file {files[1]} --project-directory {tmp_path}"
        f"{profiles} --project-name shop config",
        "place": str(tmp_path),
    }
    assert reading.unset == ("TAG", "PASS")


def test_a_key_that_compose_would_leave_out_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    tool = tmp_path / "compose"
    said = "Some services (api) use the 'configs' key, which will be ignored."
    tool.write_text(f'#!/bin/sh\necho "{said}" >&2\n')
    tool.chmod(0o755)
    monkeypatch.setattr("socklat_gate.service.compose._command", lambda: _Command((str(tool),), 1))
    file = tmp_path / "a.yml"
    file.touch()
    with pytest.raises(UsageError, match="without its configs"):
        read_stack([file])


def test_values_of_the_stack_that_look_secret_are_masked_in_logs() -> None:
    mask_environments(
        {
            "services": {
                "db": {"environment": {"POSTGRES_PASSWORD": "postgres-dev", "MODE": "production"}},
                "api": {"environment": ["DB_TOKEN=token-of-dev", "EMPTY"]},
                "bare": {},
            }
        },
        Path("/nowhere"),
    )
    assert masking.mask_foreign("postgres-dev production token-of-dev") == "*** production ***"


def test_secrets_of_the_stack_are_masked_in_logs_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "pa$$.txt".replace("$$", "$")).write_text("open sesame\n")
    (tmp_path / "huge").write_bytes(b"x" * 100_000)
    monkeypatch.setenv("CERT", "line-one-of-it\nline-two-of-it")
    (tmp_path / ".env").write_text("KEY='of the settings'\nCERT=not-this\n")
    secrets = {
        "file": {"file": f"{tmp_path}/pa$$.txt"},
        "variable": {"environment": "CERT"},
        "setting": {"environment": "KEY"},
        "gone": {"file": f"{tmp_path}/gone"},
        "place": {"file": str(tmp_path)},
        "large": {"file": f"{tmp_path}/huge"},
        "external": {"external": True},
        "bare": None,
    }
    services = {"api": {"environment": {"DATABASE_URL": "mysql://u:canary-9f31@db/x"}}}
    mask_environments({"services": services, "secrets": secrets}, tmp_path)
    log = "open sesame, line-two-of-it, canary-9f31, of the settings, not-this"
    assert masking.mask_foreign(log) == "***, ***, ***, ***, not-this"
    assert masking.mask(log) == log
