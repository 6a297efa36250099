"""Under sudo a build is the caller's, where the caller may talk to the daemon."""

from __future__ import annotations

import os
import pwd
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from socklat_gate.scratch import ScratchDirectory
from socklat_gate.service import build_cli
from socklat_gate.service.build_user import BuildUser, build_user
from socklat_gate.service.compose import Compose

NOBODY = pwd.getpwnam("nobody")
pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")


@pytest.fixture
def daemon(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The socket of a daemon, under a sudo of the user "nobody"."""
    monkeypatch.setenv("SUDO_UID", str(NOBODY.pw_uid))
    monkeypatch.setenv("SUDO_GID", str(NOBODY.pw_gid))
    monkeypatch.setenv("HOME", pwd.getpwuid(0).pw_dir)
    path = tmp_path / "docker.sock"
    monkeypatch.setenv("DOCKER_HOST", f"unix://{path}")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(path))
        yield path


@pytest.mark.parametrize(
    ("owner", "group", "mode", "reaches"),
    [
        (0, 0, 0o660, False),
        (0, NOBODY.pw_gid, 0o660, True),
        (0, NOBODY.pw_gid, 0o600, False),
        (NOBODY.pw_uid, 0, 0o600, True),
        (0, 0, 0o666, True),
    ],
)
def test_who_may_write_to_the_socket_builds(
    daemon: Path, owner: int, group: int, mode: int, reaches: bool
) -> None:
    os.chown(daemon, owner, group)
    daemon.chmod(mode)
    found = build_user()
    assert (found.options.get("user") == NOBODY.pw_uid) is reaches
    assert (found.variables.get("HOME") == NOBODY.pw_dir) is reaches


@pytest.mark.parametrize("url", ["tcp://10.0.0.1:2376", "ssh://builder"])
def test_a_daemon_elsewhere_has_a_login_of_its_own(
    daemon: Path, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    monkeypatch.setenv("DOCKER_HOST", url)
    assert build_user().options["user"] == NOBODY.pw_uid


def test_without_sudo_a_build_is_ones_own(daemon: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    daemon.chmod(0o666)
    monkeypatch.delenv("SUDO_UID")
    assert build_user() == BuildUser()


def test_compose_builds_as_that_user(daemon: Path) -> None:
    daemon.chmod(0o666)
    command = Compose.__new__(Compose)
    command._user = build_user()
    command._environment = dict(command._user.variables)
    command._argv = ["/bin/sh", "-c", 'echo "$(id -u) $HOME" >&2; exit 1']
    assert command.run("build") == f"{NOBODY.pw_uid} {NOBODY.pw_dir}"


def test_docker_build_is_that_users(daemon: Path) -> None:
    daemon.chmod(0o666)
    with build_cli._running(
        ["/bin/sh", "-c", 'echo "$(id -u) $HOME"'], build_cli._environment({})
    ) as process:
        assert process.stdout is not None
        assert process.stdout.read().decode() == f"{NOBODY.pw_uid} {NOBODY.pw_dir}\n"


@pytest.mark.parametrize("for_builds", [True, False])
def test_what_is_built_from_is_open_to_that_users_group_alone(
    daemon: Path, for_builds: bool
) -> None:
    del daemon
    with ScratchDirectory(for_builds=for_builds) as home:
        (home / "Dockerfile").write_text("FROM x")
        found = home.stat()
        assert found.st_uid == 0
        assert found.st_mode & 0o777 == (0o750 if for_builds else 0o700)
        read = subprocess.run(
            ["cat", str(home / "Dockerfile")],
            user=NOBODY.pw_uid,
            group=NOBODY.pw_gid,
            extra_groups=[],
            capture_output=True,
            check=False,
        )
        assert (read.stdout == b"FROM x") is for_builds
