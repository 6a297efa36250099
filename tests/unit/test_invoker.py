from __future__ import annotations

import os
import pwd
import subprocess

import pytest

from socklat_gate.invoker import Invoker, invoker

NOBODY = pwd.getpwnam("nobody")
SUDO = {"SUDO_UID": str(NOBODY.pw_uid), "SUDO_GID": str(NOBODY.pw_gid)}
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")


@needs_root
def test_who_called_sudo() -> None:
    found = invoker(SUDO)
    assert found == Invoker(NOBODY.pw_uid, NOBODY.pw_gid, "nobody", NOBODY.pw_dir)


@needs_root
@pytest.mark.parametrize(
    "environment",
    [{}, {"SUDO_UID": "0", "SUDO_GID": "0"}, {"SUDO_UID": "5"}, {**SUDO, "SUDO_UID": "x"}],
)
def test_nobody_did(environment: dict[str, str]) -> None:
    assert invoker(environment) is None


def test_without_root_there_is_nothing_to_give_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert invoker(SUDO) is None


@needs_root
def test_an_account_without_entry() -> None:
    found = invoker({"SUDO_UID": "4100000", "SUDO_GID": "4100001"})
    assert found == Invoker(4100000, 4100001, "", "")
    assert found.display_name == "the user with id 4100000"
    assert found.process_options()["extra_groups"] == [4100001]


@needs_root
@pytest.mark.parametrize("home", ["/root", ""])
def test_a_child_is_that_user_at_home(home: str) -> None:
    user = invoker(SUDO)
    assert user is not None
    given = {"PATH": os.environ["PATH"], "HOME": home}
    done = subprocess.run(
        ["sh", "-c", 'echo "$(id -u) $(id -G) $HOME $USER"'],
        env={**given, **user.variables(given)},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        **user.process_options(),
    )
    groups = " ".join(map(str, os.getgrouplist("nobody", NOBODY.pw_gid)))
    assert done.stdout == f"{NOBODY.pw_uid} {groups} {NOBODY.pw_dir} nobody\n"


@needs_root
def test_a_home_that_sudo_kept_stays() -> None:
    user = invoker(SUDO)
    assert user is not None
    assert "HOME" not in user.variables({"HOME": "/home/runner"})
