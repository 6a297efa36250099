from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from socklat_gate import masking
from socklat_gate.errors import Reason, UsageError
from socklat_gate.measured.pair import ARMS
from socklat_gate.scenario import Service
from socklat_gate.service.arm import ArmSpec
from socklat_gate.service.container_options import (
    bind_mounts,
    container_options,
    published_port,
    tmpfs_mounts,
)
from socklat_gate.service.image import ImageRef

IMAGE = ImageRef("app:1", "sha256:abc", "")


def service(**keywords: Any) -> Service:
    return Service.model_validate({"port": 80, **keywords})


def test_relative_host_paths_start_at_the_scenario(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "conf").write_text("")
    assert bind_mounts(["data:/data", "./conf:/etc/conf:ro"], tmp_path) == [
        f"{tmp_path}/data:/data:rw",
        f"{tmp_path}/conf:/etc/conf:ro",
    ]


def test_absolute_host_paths_stay(tmp_path: Path) -> None:
    assert bind_mounts([f"{tmp_path}:/data:ro,Z"], Path("/")) == [f"{tmp_path}:/data:ro,Z"]


@pytest.mark.parametrize(
    ("entry", "why"),
    [
        ("data", "not host:container"),
        (":/data", "not host:container"),
        ("data:/data:ro:x", "not host:container"),
        ("data:inside", "not absolute"),
        ("data:/data:readonly", "not ro, rw"),
        ("missing:/data", "does not exist"),
    ],
)
def test_volumes_that_make_no_sense(tmp_path: Path, entry: str, why: str) -> None:
    (tmp_path / "data").mkdir()
    with pytest.raises(UsageError, match=why) as caught:
        bind_mounts([entry], tmp_path)
    assert caught.value.reason is Reason.BAD_SCENARIO
    assert repr(entry) in caught.value.message


def test_tmpfs_with_and_without_options() -> None:
    assert tmpfs_mounts(["/tmp", "/run:size=1m"]) == {"/tmp": "", "/run": "size=1m"}


def test_tmpfs_must_be_absolute() -> None:
    with pytest.raises(UsageError, match="not absolute"):
        tmpfs_mounts(["tmp"])


def test_the_candidate_is_published_one_higher() -> None:
    baseline, candidate = (ArmSpec(arm, IMAGE) for arm in ARMS)
    assert published_port(service(publish=8080), baseline) == 8080
    assert published_port(service(publish=8080), candidate) == 8081
    assert published_port(service(), candidate) is None


def test_no_two_containers_of_a_block_are_published_on_one_port() -> None:
    block = [ArmSpec(arm, IMAGE, replica=at, replicas=4) for arm in ARMS for at in range(4)]
    ports = [published_port(service(publish=8080), spec) for spec in block]
    assert sorted(ports) == list(range(8080, 8088))


@pytest.mark.parametrize(
    ("in_scenario", "in_spec", "argv"),
    [
        (None, None, None),
        ("serve --name 'a b'", None, ["serve", "--name", "a b"]),
        (["serve"], None, ["serve"]),
        (["serve"], "other 1", ["other", "1"]),
        (["serve"], [], []),
    ],
)
def test_the_arm_decides_the_command(in_scenario: Any, in_spec: Any, argv: Any) -> None:
    spec = ArmSpec("baseline", IMAGE, in_spec)
    options = container_options(service(command=in_scenario), Path("/"), spec)
    assert options["command"] == argv


def test_an_open_quote_is_named() -> None:
    with pytest.raises(UsageError, match="No closing quotation") as caught:
        container_options(service(command="serve 'a"), Path("/"), ArmSpec("baseline", IMAGE))
    assert caught.value.reason is Reason.BAD_SCENARIO


def test_the_arm_overrides_single_variables() -> None:
    spec = ArmSpec("candidate", IMAGE, env={"B": "arm"})
    options = container_options(service(env={"A": "1", "B": "2"}), Path("/"), spec)
    assert options["environment"] == {"A": "1", "B": "arm"}


def test_nothing_is_published_or_limited_unless_asked() -> None:
    options = container_options(service(), Path("/"), ArmSpec("candidate", IMAGE))
    unset = {"ports", "nano_cpus", "cpuset_cpus", "mem_limit", "tmpfs"}
    assert {name for name in unset if options[name] is not None} == set()
    assert options["image"] == "sha256:abc"


def test_docker_runs_no_health_check_of_the_images_beside_the_load() -> None:
    options = container_options(service(), Path("/"), ArmSpec("candidate", IMAGE))
    assert options["healthcheck"] == {"test": ["NONE"]}


def test_published_ports_stay_on_the_loopback() -> None:
    options = container_options(service(publish=9000), Path("/"), ArmSpec("candidate", IMAGE))
    assert options["ports"] == {"80/tcp": ("127.0.0.1", 9001)}


def test_secrets_of_the_environment_are_in_the_clear_there_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OUTSIDE", "canary5bd1e8c7a2f4096")
    described = service(
        env={"API_TOKEN": {"env": "OUTSIDE"}, "DB_PASSWORD": "from-the-repository", "MODE": "x"}
    )
    options = container_options(described, tmp_path, ArmSpec("candidate", IMAGE, env={"C": "4"}))
    assert options["environment"] == {
        "API_TOKEN": "canary5bd1e8c7a2f4096",
        "DB_PASSWORD": "from-the-repository",
        "MODE": "x",
        "C": "4",
    }
    rest = {name: value for name, value in options.items() if name != "environment"}
    assert "canary" not in repr((rest, described))
    # One is a secret by the scenario's word, the other by its variable's name.
    assert masking.mask("canary5bd1e8c7a2f4096 from-the-repository") == "*** from-the-repository"
    assert masking.mask_foreign("from-the-repository x") == "*** x"


def test_a_secret_that_is_gone_is_named_with_its_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OUTSIDE", raising=False)
    described = service(env={"API_TOKEN": {"env": "OUTSIDE"}})
    with pytest.raises(
        UsageError, match=r"service\.env\.API_TOKEN: the variable OUTSIDE"
    ) as caught:
        container_options(described, tmp_path, ArmSpec("candidate", IMAGE))
    assert caught.value.reason is Reason.BAD_SECRET
