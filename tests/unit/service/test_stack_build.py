from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from socklat_gate.errors import Exit, Interrupted, Reason, UsageError
from socklat_gate.service import stack_build
from socklat_gate.service.build_cli import CliBuilder
from socklat_gate.service.compose import StackReading
from socklat_gate.service.stack_build import (
    NoDockerfile,
    build_service,
    maker_of,
    same_made,
    stack_image,
    stack_key,
)
from tests.unit.service.test_built_images import Images

STACK = {
    "services": {
        "api": {
            "build": {"context": "app", "tags": ["shop:released"], "args": ["A=1"]},
            "image": "shop:released",
            "depends_on": {"db": {}},
        },
        "db": {"build": "db", "image": "db:1"},
        "cache": {"image": "redis:7"},
    }
}


class Command:
    """Stands for `Compose`: what each was given, and how it ends."""

    built: list[dict[str, Any]] = []  # noqa: RUF012 - replaced by the fixture
    ended: list[str] = []  # noqa: RUF012
    variables: dict[str, str] = {}  # noqa: RUF012
    fails: str | Exception = ""
    images: Images

    def __init__(
        self, project: str, file: Path, directory: Path, environment: Any, *, user: Any
    ) -> None:
        self._document = json.loads(file.read_text())
        assert environment["BUILDX_NO_DEFAULT_ATTESTATIONS"] == "1"
        Command.variables = environment

    def run(self, *arguments: str) -> str:
        assert arguments == ("build",)
        Command.built.append(self._document["services"])
        if isinstance(Command.fails, Exception):
            raise Command.fails
        for definition in self._document["services"].values():
            Command.images.make(f"sha256:{len(Command.built)}")(definition["image"])
        return Command.fails

    def end(self) -> None:
        Command.ended.append("ended")


@pytest.fixture
def compose(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., Path]:
    """Makes the compose file's directory, with a Dockerfile where each service is built from."""
    Command.built, Command.ended, Command.fails, Command.images = [], [], "", Images()
    monkeypatch.setattr(stack_build, "Compose", Command)
    monkeypatch.setattr(
        stack_build, "cli_builder", lambda: (CliBuilder("/usr/lib/docker", "--secret"), "")
    )
    reading = StackReading(STACK)
    monkeypatch.setattr(stack_build, "read_enabled", lambda files, tested, trees: reading)
    for name in ("app", "db"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "Dockerfile").write_text("FROM x\n")
    return lambda: tmp_path / "compose.yml"


def test_no_name_of_the_file_is_given_to_what_it_builds(compose: Callable[..., Path]) -> None:
    build_service(compose(), STACK, "api", "own:tag", cache="of-the-baseline")
    (services,) = Command.built
    assert services == {
        "api": {
            "build": {
                "context": "app",
                "args": {"BUILDKIT_CACHE_MOUNT_NS": "of-the-baseline", "A": "1"},
            },
            "image": "own:tag",
        }
    }
    assert STACK["services"]["api"]["build"]["tags"]  # type: ignore[index]


def test_what_a_service_needs_to_run_is_not_there_when_it_is_built(
    compose: Callable[..., Path],
) -> None:
    """compose refuses a file whose links or namespaces lead to a service that is not in it."""
    running = {
        "links": ["db"],
        "network_mode": "service:db",
        "volumes_from": ["db"],
        "platform": "linux/amd64",
    }
    api = {**STACK["services"]["api"], **running}
    named: dict[str, Any] = {"services": {"api": api}, "name": "shop", "secrets": {"s": {}}}
    build_service(compose(), named, "api", "own:tag")
    assert set(Command.built[0]["api"]) == {"build", "image", "platform"}


def test_the_others_are_built_before_anything_is_measured(compose: Callable[..., Path]) -> None:
    built: Any = type("Built", (), {"made": lambda self, key, make, keep: make(f"{key}:own")})()
    images: Any = Command.images
    stack_image(images, [compose()], "api", lambda phase: None, built)
    assert [list(services) for services in Command.built] == [["db"], ["api"]]
    # An arm finds them by the same key, and need not build them anew.
    assert f"socklat-gate/build:{stack_key(compose(), 'db')}" in images.tags


NAMED: dict[str, Any] = {
    "services": {
        "api": {"build": "app", "image": "shop:dev"},
        "worker": {"image": "docker.io/library/shop:dev"},
        "tool": {"build": "db", "image": "tool"},
        "cron": {"image": "tool:latest"},
        "cache": {"image": "redis:7"},
        "own": {"build": "db"},
    }
}
"""``worker`` and ``cron`` run what others build, by its name."""


def test_who_makes_the_image_that_a_service_runs() -> None:
    made = {name: maker_of(NAMED, name) for name in NAMED["services"]}
    assert made == {
        "api": "api",
        "worker": "api",
        "tool": "tool",
        "cron": "tool",
        "cache": "",
        "own": "own",
    }
    assert same_made(NAMED, "api") == ("worker",)
    assert same_made(NAMED, "worker") == ("api",)
    assert same_made(NAMED, "cache") == ()


def test_a_service_under_test_that_another_one_builds(
    compose: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a daemon has under that name is an earlier build, in both arms."""
    monkeypatch.setattr(
        stack_build, "read_enabled", lambda files, tested, trees: StackReading(NAMED)
    )
    built: Any = type("Built", (), {"made": lambda self, key, make, keep: make(f"{key}:own")})()
    images: Any = Command.images
    stack_image(images, [compose()], "worker", lambda phase: None, built)
    assert [list(services) for services in Command.built] == [["tool"], ["own"], ["api"]]


def test_a_context_without_dockerfile_is_named(compose: Callable[..., Path]) -> None:
    (compose().parent / "app" / "Dockerfile").unlink()
    with pytest.raises(NoDockerfile) as caught:
        stack_image(None, [compose()], "api", lambda phase: None, None)  # type: ignore[arg-type]
    assert caught.value.reason is Reason.NO_SUCH_FILE
    assert caught.value.file == compose().parent / "app" / "Dockerfile"
    assert Command.built == []


def test_a_failure_and_a_signal(compose: Callable[..., Path]) -> None:
    Command.fails = "no space left"
    with pytest.raises(UsageError, match="no space left") as caught:
        build_service(compose(), STACK, "api", "own:tag")
    assert caught.value.reason is Reason.NO_SUCH_IMAGE
    assert Command.ended == []
    Command.fails = Interrupted(Exit.SIGINT)
    with pytest.raises(Interrupted):
        build_service(compose(), STACK, "api", "own:tag")
    assert Command.ended == ["ended"]  # nobody waits for it any more


def test_the_older_compose_calls_the_docker_that_has_buildkit(
    compose: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/usr/local/bin:/usr/bin")
    build_service(compose(), STACK, "api", "own:tag")
    assert Command.variables["DOCKER_BUILDKIT"] == "1"
    assert Command.variables["PATH"] == "/usr/lib:/usr/local/bin:/usr/bin"


def test_without_buildkit_what_needs_it_is_named(
    compose: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    lacks = "/usr/bin/docker has no BuildKit"
    monkeypatch.setattr(stack_build, "cli_builder", lambda: (None, lacks))
    Command.fails = "the --mount option requires BuildKit"
    text = "FROM x\nRUN --mount=type=cache,target=/c true\nCOPY --link a /a\n"
    (compose().parent / "app" / "Dockerfile").write_text(text)
    with pytest.raises(UsageError) as caught:
        build_service(compose(), STACK, "api", "own:tag")
    assert "DOCKER_BUILDKIT" not in Command.variables
    assert caught.value.remedy == (
        "RUN --mount in line 2, COPY --link in line 3 of its Dockerfile needs BuildKit, which is "
        f"not used here: {lacks}"
    )
    with pytest.raises(UsageError) as caught:
        build_service(compose(), STACK, "db", "own:tag")
    assert "docker compose --file" in str(caught.value.remedy)
