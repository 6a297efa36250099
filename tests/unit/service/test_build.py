from __future__ import annotations

import io
import os
import shutil
import signal
import subprocess
import sys
import tarfile
import tempfile
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from socklat_gate.errors import Reason, UnfitEnvironment, UsageError
from socklat_gate.scenario.build import Build
from socklat_gate.service import build_cli
from socklat_gate.service.build import build, builder_of
from socklat_gate.service.build_cli import CliBuilder
from socklat_gate.service.build_daemon import ClassicBuilder, DaemonBuildKit
from socklat_gate.service.build_order import BuildOrder

WITH_BUILDKIT = "echo '      --secret stringArray'; echo '      --load'"
WITHOUT = "echo '      --tag list'"
NO_BUILDX = "echo 'ERROR: BuildKit is enabled but the buildx component is missing' >&2; exit 1"


@pytest.fixture
def docker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Makes the only ``docker`` on the PATH: what its help says, and what a build does."""
    programs = tmp_path / "programs"
    programs.mkdir()
    for tool in ("env", "sleep"):
        (programs / tool).symlink_to(str(shutil.which(tool)))
    monkeypatch.setenv("PATH", str(programs))
    monkeypatch.delenv("DOCKER_BUILDKIT", raising=False)
    build_cli._options.cache_clear()

    def make(help_: str, does: str = "true") -> Path:
        program = programs / "docker"
        program.write_text(f'#!/bin/sh\nif [ "$2" = --help ]; then {help_}; exit; fi\n{does}\n')
        program.chmod(0o755)
        return tmp_path

    yield make
    build_cli._options.cache_clear()


def daemon(api: str = "1.41", name: str = "Engine") -> Any:
    version = {"ApiVersion": api, "Os": "linux", "Components": [{"Name": name}]}
    return SimpleNamespace(version=lambda: version)


def order(directory: Path, text: str = "FROM x\n", **how: Any) -> BuildOrder:
    directory.mkdir(exist_ok=True)
    made = BuildOrder(directory, Build(context=".", **how))
    made.dockerfile.parent.mkdir(exist_ok=True)
    made.dockerfile.write_text(text)
    return made


@pytest.mark.parametrize(
    ("help_", "client", "kind", "lacks"),
    [
        (WITH_BUILDKIT, daemon("1.30"), CliBuilder, ""),
        (WITHOUT, daemon(), DaemonBuildKit, "no BuildKit: install its buildx"),
        (NO_BUILDX, daemon(), DaemonBuildKit, "no BuildKit: install its buildx"),
        (WITHOUT, daemon("1.38"), ClassicBuilder, "this daemon has no BuildKit, and "),
        (WITHOUT, daemon(name="Podman Engine"), ClassicBuilder, "this daemon has no BuildKit"),
    ],
)
def test_buildkit_where_the_command_or_the_daemon_has_it(
    docker: Any, help_: str, client: Any, kind: type, lacks: str
) -> None:
    docker(help_)
    found = builder_of(client)
    assert isinstance(found, kind)
    assert lacks in found.lacks


def test_a_command_that_hides_another_one_need_not_have_as_much(
    docker: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = docker(WITH_BUILDKIT, 'echo "$PATH"')
    before = home / "before"
    before.mkdir()
    (before / "docker").write_text("#!/bin/sh\nexit 1\n")
    (before / "docker").chmod(0o755)
    monkeypatch.setenv("PATH", f":{before}:{before}:{home / 'programs'}")
    found = builder_of(daemon())
    assert isinstance(found, CliBuilder)
    assert found.variables["PATH"].startswith(f"{home / 'programs'}:")
    lines: list[str] = []
    build(found, order(home / "app"), "a:b", lines.append)
    assert len(lines) == 1


def test_no_command_at_all_and_one_that_is_told_not_to(
    docker: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    docker(WITH_BUILDKIT)
    monkeypatch.setenv("DOCKER_BUILDKIT", "0")
    assert isinstance(builder_of(daemon()), ClassicBuilder)
    # Nor do compose files by it.
    assert build_cli.cli_builder() == (None, "DOCKER_BUILDKIT=0 is set")
    monkeypatch.delenv("DOCKER_BUILDKIT")
    monkeypatch.setenv("PATH", str(tmp_path))
    found = builder_of(daemon())
    assert isinstance(found, DaemonBuildKit)
    assert found.lacks == "no `docker` command is installed here"


def test_what_the_command_is_given(docker: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    home = docker(WITH_BUILDKIT, 'env > "$OUT/env"; printf "%s\\n" "$@" > "$OUT/argv"; echo done')
    monkeypatch.setenv("OUT", str(home))
    monkeypatch.setenv("DOCKER_CONTEXT", "elsewhere")  # which DOCKER_HOST overrules
    monkeypatch.setenv("DOCKER_HOST", "unix:///run/here.sock")
    monkeypatch.setenv("NPM", "canary-value")
    how = {
        "dockerfile": "docker/api.Dockerfile",
        "target": "production",
        "args": {"VERSION": "1.4 $x"},
        "secrets": {"npmrc": {"env": "NPM"}},
        "platform": "linux/amd64",
    }
    lines: list[str] = []
    made = order(home / "app", **how)
    build(builder_of(daemon()), made, "a:b", lines.append)
    argv = (home / "argv").read_text().splitlines()
    assert argv[0] == "build"
    assert argv[-1] == str(home / "app")
    for option, value in {
        "--file": str(home / "app/docker/api.Dockerfile"),
        "--tag": "a:b",
        "--target": "production",
        "--platform": "linux/amd64",
        "--build-arg": "VERSION=1.4 $x",
        "--secret": "id=npmrc,env=SOCKLAT_SECRET_0",
    }.items():
        assert argv[argv.index(option) + 1] == value
    assert "--load" in argv
    variables = (home / "env").read_text()
    assert "SOCKLAT_SECRET_0=canary-value\n" in variables
    assert "DOCKER_BUILDKIT=1\n" in variables
    assert "DOCKER_CONTEXT" not in variables
    assert "DOCKER_HOST=unix:///run/here.sock\n" in variables
    assert "canary" not in "".join(argv)
    assert lines == ["done"]


def test_the_baseline_has_a_cache_of_its_own(docker: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    home = docker(WITH_BUILDKIT, 'printf "%s\\n" "$@" > "$OUT"')
    monkeypatch.setenv("OUT", str(home / "argv"))
    made = order(home / "app")
    base = BuildOrder(made.directory, made.how, cache="of-the-baseline")
    build(builder_of(daemon()), base, "a:b", lambda line: None)
    assert "BUILDKIT_CACHE_MOUNT_NS=of-the-baseline" in (home / "argv").read_text()


NEEDS_BUILDKIT = "FROM x\nRUN --mount=type=cache,target=/c true\nCOPY --link a /a\n"


@pytest.mark.parametrize(
    ("text", "says", "remedy"),
    [
        ("FROM x\n", "no space", "make `docker build` succeed there"),
        (NEEDS_BUILDKIT, "no space", "make `docker build` succeed there"),
        (NEEDS_BUILDKIT, "Unknown flag: link", "COPY --link in line 3 of the Dockerfile is newer"),
        ("FROM x\nRUN <<EOF\na\nEOF\n", "dockerfile parse error line 3", "a heredoc in line 2"),
    ],
)
def test_a_failure_in_the_builders_words_and_what_to_do(
    docker: Any, text: str, says: str, remedy: str
) -> None:
    home = docker(WITH_BUILDKIT, f"echo 'step 1'; echo '{says}' >&2; exit 3")
    with pytest.raises(UsageError) as caught:
        build(builder_of(daemon()), order(home / "app", text), "a:b", lambda line: None)
    assert caught.value.reason is Reason.NO_SUCH_IMAGE
    assert caught.value.message == f"building {home / 'app'} failed: {says}"
    # What a build wrote is for the job's own log.
    assert caught.value.log == f"step 1\n{says}"
    assert remedy in str(caught.value.remedy)


def test_a_commits_dockerfile_is_not_to_be_changed(docker: Any) -> None:
    home = docker(WITH_BUILDKIT, "echo 'Unknown flag: link' >&2; exit 1")
    made = order(home / "app", "FROM x\nCOPY --link a /a\n")
    base = BuildOrder(made.directory, made.how, stands_for="app@base", shown="app of commit 012")
    with pytest.raises(UsageError) as caught:
        build(builder_of(daemon()), base, "a:b", lambda line: None)
    assert str(caught.value.remedy) == (
        "COPY --link in line 2 of the Dockerfile is newer than this builder: update Docker (23 or "
        "later), or name a reference with --baseline-image"
    )


SECRET = "RUN --mount=type=secret,id=npmrc,target=/root/.npmrc npm ci"
SSH = "RUN --mount=type=ssh git clone x"


@pytest.mark.parametrize(
    ("line", "given", "remedy"),
    [
        (SECRET, (), "line 2 of the Dockerfile mounts the secret 'npmrc', which this build"),
        (SECRET, (), 'service.build.secrets.npmrc = { env = "VARIABLE" }'),
        (SECRET, ("npmrc",), "make `docker build` succeed there"),
        (SSH, ("npmrc",), "RUN --mount=type=ssh in line 2 of the Dockerfile has no SSH agent"),
    ],
)
def test_what_a_step_mounts_and_was_not_given_is_named(
    docker: Any, monkeypatch: pytest.MonkeyPatch, line: str, given: tuple[str, ...], remedy: str
) -> None:
    monkeypatch.setenv("VARIABLE", "canary-value")
    home = docker(WITH_BUILDKIT, "echo 'npm ERR! 401' >&2; exit 1")
    secrets = {name: {"env": "VARIABLE"} for name in given}
    made = order(home / "app", f"FROM x\n{line}\n", secrets=secrets)
    with pytest.raises(UsageError) as caught:
        build(builder_of(daemon()), made, "a:b", lambda line: None)
    assert remedy in str(caught.value.remedy)


class Refusing:
    """A daemon with the classic builder alone, which fails."""

    def __init__(self) -> None:
        self.given: dict[str, Any] = {}
        self.api = self

    def version(self) -> Any:
        return {"ApiVersion": "1.24", "Os": "linux"}

    base_url, api_version, ok = "http://docker", "1.24", True

    @property
    def images(self) -> Any:
        return SimpleNamespace(get=lambda name: SimpleNamespace(id=name, attrs={}))

    def post(self, url: str, *, params: Any, **given: Any) -> Any:
        assert url == "http://docker/v1.24/build"
        self.given = params
        return self

    def iter_lines(self) -> Any:
        yield b'{"stream": "Step 1/2"}'
        yield b'{"error": "the --mount option requires BuildKit"}'

    def __enter__(self) -> Any:
        return self

    def __exit__(self, *_: object) -> None:
        pass


def test_a_daemon_that_says_what_is_no_json_of_a_build_is_named(docker: Any) -> None:
    home, client = docker(WITHOUT), Refusing()
    client.iter_lines = lambda: iter([b'{"stream": "Step 1/2"}', b'{"stream": "cut sh'])
    with pytest.raises(UnfitEnvironment, match=r"building .* what it says of the build is .*cut"):
        build(builder_of(client), order(home / "app"), "a:b", lambda line: None)


def test_a_context_has_no_name_that_a_killed_job_could_leave(
    docker: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place, sent = tmp_path / "place", list[bytes]()
    place.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(place))
    home, client = docker(WITHOUT), Refusing()
    posted = client.post

    def post(url: str, *, data: Any, **given: Any) -> Any:
        assert list(place.iterdir()) == []
        sent.append(data.read())
        return posted(url, **given)

    client.post = post  # type: ignore[method-assign]
    with pytest.raises(UsageError):
        build(builder_of(client), order(home / "app"), "a:b", lambda line: None)
    with tarfile.open(fileobj=io.BytesIO(sent[0])) as archive:
        assert "Dockerfile" in archive.getnames()


def test_what_needs_buildkit_is_named_where_there_is_none(docker: Any) -> None:
    home, client = docker(WITHOUT), Refusing()
    made = order(home / "app", NEEDS_BUILDKIT, target="x", args={"A": "1"})
    with pytest.raises(UsageError) as caught:
        build(builder_of(client), made, "a:b", lambda line: None)
    assert "requires BuildKit" in caught.value.message
    assert str(caught.value.remedy).startswith(
        "RUN --mount in line 2, COPY --link in line 3 of the Dockerfile needs BuildKit, which is "
        "not used here: this daemon has no BuildKit, and "
    )
    assert (client.given["target"], client.given["buildargs"]) == ("x", '{"A": "1"}')


@pytest.mark.parametrize("client", [daemon(), Refusing()])
def test_secrets_are_never_left_out_silently(docker: Any, client: Any) -> None:
    home = docker(WITHOUT)
    made = order(home / "app", secrets={"a": {"env": "A"}})
    with pytest.raises(UsageError, match="secrets cannot be given") as caught:
        build(builder_of(client), made, "a:b", lambda line: None)
    assert "buildx" in caught.value.message


def test_a_dockerfile_that_is_not_there(docker: Any) -> None:
    home = docker(WITH_BUILDKIT)
    made = BuildOrder(home / "app", Build(context="app", dockerfile="docker/x"))
    with pytest.raises(UsageError, match=r"app has no docker/x") as caught:
        build(builder_of(daemon()), made, "a:b", lambda line: None)
    assert caught.value.reason is Reason.NO_SUCH_FILE
    assert "service.build.dockerfile" in str(caught.value.remedy)


INTERRUPTED = """
import sys
from pathlib import Path
from socklat_gate.errors import Interrupted
from socklat_gate.interrupt import interruptible
from socklat_gate.scenario.build import Build
from socklat_gate.service.build import build
from socklat_gate.service.build_cli import cli_builder
from socklat_gate.service.build_order import BuildOrder

try:
    with interruptible():
        order = BuildOrder(Path(sys.argv[1]), Build(context="."))
        build(cli_builder()[0], order, "a:b", lambda line: print(line, flush=True))
except Interrupted as error:
    sys.exit(error.exit_code)
"""


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_the_build_and_is_no_failure_of_it(
    docker: Any, number: signal.Signals, code: int
) -> None:
    # As a CLI does: it ends by itself with a code of its own.
    home = docker(WITH_BUILDKIT, "trap 'exit 1' TERM INT\necho $$\nsleep 600 &\nwait")
    order(home / "app")
    command = [sys.executable, "-c", INTERRUPTED, str(home / "app")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        builder = int(process.stdout.readline())
        begun_s = time.monotonic()
        process.send_signal(number)
        assert process.wait(20) == code
        assert time.monotonic() - begun_s < 5
    with pytest.raises(ProcessLookupError):
        os.kill(builder, 0)
