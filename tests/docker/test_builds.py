"""Builds by whatever builders this machine has: what ``docker build`` can do, the gate can."""

from __future__ import annotations

import io
import secrets
import shutil
import signal
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import docker.errors
import pytest

from socklat_gate.errors import UsageError
from socklat_gate.scenario.build import Build
from socklat_gate.service.build import build
from socklat_gate.service.build_cli import CliBuilder, cli_builder
from socklat_gate.service.build_daemon import ClassicBuilder, DaemonBuildKit, has_buildkit
from socklat_gate.service.build_order import Builder, BuildOrder
from socklat_gate.service.built_images import REPOSITORY, BuiltImages
from tests.services.build import build_image
from tests.services.own_images import OwnImages

pytestmark = [pytest.mark.docker, pytest.mark.beside]

STEP_TAG = "socklat-test/step:latest"
KINDS = ("command", "daemon", "classic")


@pytest.fixture(scope="session")
def step(docker_client: Any) -> str:
    """An image whose one program stands for a shell."""
    return build_image(docker_client, "step.c", STEP_TAG, ["/step", "print", "/result"])


def commands() -> list[Path]:
    """All ``docker`` commands on the PATH: not every one has BuildKit."""
    found = [shutil.which("docker"), shutil.which("docker", path="/usr/bin")]
    return [Path(one) for one in dict.fromkeys(found) if one]


@pytest.fixture(params=KINDS)
def builder(
    request: pytest.FixtureRequest, docker_client: Any, monkeypatch: pytest.MonkeyPatch
) -> Builder:
    if request.param == "classic":
        return ClassicBuilder(docker_client, "it is asked for")
    if request.param == "daemon":
        if not has_buildkit(docker_client):
            pytest.skip("this daemon has no BuildKit")
        return DaemonBuildKit(docker_client, "there is no command")
    for command in commands():
        monkeypatch.setenv("PATH", f"{command.parent}:/usr/bin:/bin")
        found, _ = cli_builder()
        if found is not None:
            return found
    pytest.skip("no docker command here has BuildKit")


@pytest.fixture
def printed(docker_client: Any) -> Iterator[Callable[[BuildOrder, Builder], str]]:
    """What the image of an order has as /result; removed afterwards."""
    tags: list[str] = []

    def run(order: BuildOrder, builder: Builder) -> str:
        tags.append(f"socklat-test/built:{secrets.token_hex(6)}")
        build(builder, order, tags[-1], lambda line: None)
        container = docker_client.api.create_container(tags[-1])["Id"]
        try:
            pieces, _ = docker_client.api.get_archive(container, "/result")
            with tarfile.open(fileobj=io.BytesIO(b"".join(pieces))) as archive:
                file = archive.extractfile("result")
                assert file is not None
                return file.read().decode()
        finally:
            docker_client.api.remove_container(container)

    yield run
    for tag in tags:
        with suppress(docker.errors.ImageNotFound):
            docker_client.api.remove_image(tag)


def written(directory: Path, text: str, name: str = "Dockerfile") -> Path:
    (directory / name).parent.mkdir(parents=True, exist_ok=True)
    (directory / name).write_text(text)
    return directory


ELSEWHERE = """\
ARG BASE=nothing
FROM {base} AS build
ARG TEXT=default
COPY docker/{text} /result
FROM build AS production
FROM build AS last
COPY docker/other /result
"""


def test_dockerfile_elsewhere_target_and_arguments(
    step: str, builder: Builder, printed: Callable[[BuildOrder, Builder], str], tmp_path: Path
) -> None:
    text = ELSEWHERE.format(base="${BASE}", text="${TEXT}")
    written(tmp_path, text, "docker/api.Dockerfile")
    for name in ("default", "chosen", "other"):
        written(tmp_path, name, f"docker/{name}")
    how = Build(
        context=".",
        dockerfile="docker/api.Dockerfile",
        target="production",
        args={"BASE": step, "TEXT": "chosen"},
        platform="linux/amd64",
    )
    assert printed(BuildOrder(tmp_path, how), builder) == "chosen"


def test_what_is_ignored_and_a_dockerfile_outside_of_the_context(
    step: str, builder: Builder, printed: Callable[[BuildOrder, Builder], str], tmp_path: Path
) -> None:
    context = written(tmp_path / "context", "kept", "data/kept")
    written(context, "secret", "data/secret")
    written(context, "data/secret\n", ".dockerignore")
    written(tmp_path, f"FROM {step}\nCOPY data /data\nCOPY data/kept /result\n", "Dockerfile")
    order = BuildOrder(context, Build(context=".", dockerfile="../Dockerfile"))
    assert printed(order, builder) == "kept"
    written(tmp_path, f"FROM {step}\nCOPY data/secret /result\n", "Dockerfile")
    with pytest.raises(UsageError, match="secret"):
        printed(order, builder)


def cached(step: str, place: str, text: str) -> str:
    mount = f"--mount=type=cache,target=/{place}"
    return (
        f"FROM --platform=$BUILDPLATFORM {step}\n"
        f'RUN {mount} ["/step", "append", "/{place}/seen", "{text}"]\n'
        f'RUN {mount} ["/step", "copy", "/{place}/seen", "/result"]\n'
    )


def test_a_cache_that_is_mounted_is_each_arms_own(
    step: str, builder: Builder, printed: Callable[[BuildOrder, Builder], str], tmp_path: Path
) -> None:
    if isinstance(builder, ClassicBuilder):
        pytest.skip("it mounts nothing")
    place, how = f"cache-{secrets.token_hex(6)}", Build(context=".")
    arms = [written(tmp_path / name, cached(step, place, name)) for name in ("new", "old", "mixed")]
    assert printed(BuildOrder(arms[0], how), builder) == "new"
    assert printed(BuildOrder(arms[1], how, cache="baseline"), builder) == "old"
    # Without that, what one arm's build has left is a part of the other's image.
    assert printed(BuildOrder(arms[2], how), builder) == "newmixed"


def test_a_secret_reaches_the_step_and_nothing_else(
    step: str,
    builder: Builder,
    printed: Callable[[BuildOrder, Builder], str],
    tmp_path: Path,
    docker_client: Any,
    own_images: OwnImages,
) -> None:
    (tmp_path / "token").write_text("canary-value\n")
    text = 'RUN --mount=type=secret,id=token ["/step", "copy", "/run/secrets/token", "/result"]\n'
    written(tmp_path / "app", own_images.begins(step) + text)
    how = Build.model_validate(
        {"context": ".", "secrets": {"token": {"file": "token"}}},
        context={"directory": tmp_path},
    )
    order = BuildOrder(tmp_path / "app", how)
    if not isinstance(builder, CliBuilder):
        with pytest.raises(UsageError, match="secrets cannot be given"):
            printed(order, builder)
        return
    assert printed(order, builder) == "canary-value"
    (image,) = docker_client.api.images(filters={"label": own_images.label})
    history = str(docker_client.api.history(image["Id"]))
    assert "/run/secrets/token" in history
    assert "canary" not in history


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ("COPY --link a /result", "COPY --link in line 2"),
        ("COPY <<EOF /result\nhello\nEOF", "a heredoc in line 2"),
        ('RUN --mount=type=cache,target=/c ["/step", "append", "/result", "a"]', "RUN --mount"),
    ],
)
def test_built_or_what_is_missing_is_named(
    step: str,
    builder: Builder,
    printed: Callable[[BuildOrder, Builder], str],
    tmp_path: Path,
    line: str,
    what: str,
) -> None:
    written(tmp_path, "hello\n", "a")
    written(tmp_path, f"FROM {step}\n{line}\n")
    try:
        built, remedy = printed(BuildOrder(tmp_path, Build(context=".")), builder), ""
    except UsageError as error:
        built, remedy = "", str(error.remedy)
    is_new = "# syntax=" in remedy and not what.startswith("RUN")  # since BuildKit's first version
    is_classic = "needs BuildKit" in remedy and isinstance(builder, ClassicBuilder)
    assert built or (what in remedy and (is_new or is_classic))


def test_a_failure_shows_what_the_step_printed(
    step: str, builder: Builder, printed: Callable[[BuildOrder, Builder], str], tmp_path: Path
) -> None:
    written(tmp_path, f'FROM {step}\nRUN ["/step", "nonsense"]\n')
    with pytest.raises(UsageError, match=r"step.+nonsense.+ code: 2") as caught:
        printed(BuildOrder(tmp_path, Build(context=".")), builder)
    assert "append FILE TEXT" in caught.value.log
    assert f"building {tmp_path} failed" in caught.value.message


def test_jobs_with_a_changed_source_leave_nothing_that_piles_up(
    step: str, docker_client: Any, tmp_path: Path, own_images: OwnImages
) -> None:
    begins, ids = own_images.begins(step), set()
    order = BuildOrder(tmp_path, Build(context="."))
    base = BuildOrder(tmp_path / "base", Build(context="."), stands_for="base")
    for at in range(3):
        written(tmp_path, f"{begins}COPY text /result\nENV AT={at}\n")
        written(tmp_path, f"{at}", "text")
        written(base.directory, f"{begins}ENV BASE={at}\n")
        with BuiltImages(docker_client, tuple) as built:
            made = built.build(order, lambda line: None)
            ids.add(made.id)
            built.build(base, lambda line: None, keep=False)
    tags = {
        tag
        for image in docker_client.api.images(name=REPOSITORY)
        for tag in image["RepoTags"] or ()
        if order.key in tag or base.key in tag
    }
    of_this_test = {"label": own_images.label}
    left = {image["Id"] for image in docker_client.api.images(filters=of_this_test)}
    assert len(ids) == 3
    assert tags == {made.reference}
    assert left == {made.id}


def test_equal_sources_are_one_image(
    step: str, builder: Builder, docker_client: Any, tmp_path: Path
) -> None:
    """What `same_image` needs: neither the time nor the directory is in it."""
    tags = [f"socklat-test/built:{secrets.token_hex(6)}" for _ in "ab"]
    word = secrets.token_hex(6)
    for tag in tags:
        directory = written(tmp_path / tag[-4:], f"FROM {step}\nENV W={word}\nCOPY a /result\n")
        build(builder, BuildOrder(written(directory, "a", "a"), Build(context=".")), tag, print)
    ids = {docker_client.images.get(tag).id for tag in tags}
    for tag in tags:
        docker_client.api.remove_image(tag)
    assert len(ids) == 1


INTERRUPTED = """
import sys
from pathlib import Path
from socklat_gate.errors import Interrupted
from socklat_gate.interrupt import interruptible
from socklat_gate.scenario.build import Build
from socklat_gate.service.build_order import BuildOrder
from socklat_gate.service.built_images import BuiltImages
from socklat_gate.service.client import connect

try:
    with interruptible(), BuiltImages(connect()) as built:
        order = BuildOrder(Path(sys.argv[1]), Build(context="."))
        built.build(order, lambda line: print(line, flush=True))
except Interrupted as error:
    sys.exit(error.exit_code)
"""


@pytest.mark.parametrize("kind", ["0", "1"])
def test_a_cancel_ends_the_build(
    step: str,
    docker_client: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    own_images: OwnImages,
    kind: str,
) -> None:
    monkeypatch.setenv("DOCKER_BUILDKIT", kind)
    wait_s = f"12{kind}"
    written(tmp_path, f'{own_images.begins(step)}RUN ["/step", "wait", "{wait_s}"]\n')
    command = [sys.executable, "-c", INTERRUPTED, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert any("wait" in line for line in process.stdout)
        time.sleep(0.3)
        begun_s = time.monotonic()
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 130
        assert time.monotonic() - begun_s < 7
    assert not steps_running(wait_s)
    assert docker_client.api.images(filters={"label": own_images.label}) == []


def steps_running(wait_s: str, within_s: float = 5.0) -> list[str]:
    """Processes that wait in a step, once they had the time to end."""
    until_s = time.monotonic() + within_s
    while found := [
        path.parent.name
        for path in Path("/proc").glob("[0-9]*/cmdline")
        if f"/step\0wait\0{wait_s}".encode() in _bytes(path)
    ]:
        if time.monotonic() > until_s:
            return found
        time.sleep(0.2)
    return []


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""
