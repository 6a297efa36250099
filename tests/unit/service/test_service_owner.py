from __future__ import annotations

import dataclasses
import os
import subprocess
import sys

import pytest

from socklat_gate.service.owner import PREFIX, OwnerTag, boot_id, is_dead, start_ticks


def test_a_running_owner_is_not_dead() -> None:
    tag = OwnerTag.current()
    assert tag.pid == os.getpid()
    assert not is_dead(tag.labels())


def test_every_run_has_its_own_id() -> None:
    assert OwnerTag.current().run != OwnerTag.current().run


def test_labels_share_the_prefix() -> None:
    assert all(name.startswith(PREFIX) for name in OwnerTag.current().labels())


def test_an_owner_whose_process_is_gone_is_dead() -> None:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    assert is_dead(dataclasses.replace(OwnerTag.current(), pid=process.pid).labels())


def test_an_owner_whose_pid_belongs_to_a_later_process_is_dead() -> None:
    tag = OwnerTag.current()
    assert is_dead(dataclasses.replace(tag, start=tag.start - 1).labels())


def test_an_owner_of_an_earlier_boot_is_dead() -> None:
    assert is_dead(dataclasses.replace(OwnerTag.current(), boot="earlier").labels())


def test_an_owner_in_another_pid_namespace_is_unknown() -> None:
    tag = dataclasses.replace(OwnerTag.current(), pid=2**22 + 1, pid_ns=1)
    assert start_ticks(tag.pid) is None
    assert not is_dead(tag.labels())


@pytest.mark.parametrize("missing", ["pid", "start", "boot", "pidns"])
def test_incomplete_labels_prove_nothing(missing: str) -> None:
    labels = dataclasses.replace(OwnerTag.current(), boot="earlier").labels()
    del labels[PREFIX + missing]
    assert not is_dead(labels)


@pytest.mark.parametrize("value", ["", "x", "-1", "0"])
def test_unreadable_labels_prove_nothing(value: str) -> None:
    labels = {**dataclasses.replace(OwnerTag.current(), boot="earlier").labels()}
    assert not is_dead({**labels, PREFIX + "pid": value})


def test_an_empty_boot_id_proves_nothing() -> None:
    assert not is_dead(dataclasses.replace(OwnerTag.current(), boot="").labels())


def test_boot_id_is_stable() -> None:
    assert boot_id() == boot_id() != ""


def test_a_zombie_counts_as_gone() -> None:
    process = subprocess.Popen([sys.executable, "-c", ""], stdout=subprocess.PIPE)
    assert process.stdout is not None
    try:
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        assert os.path.exists(f"/proc/{process.pid}")
        assert start_ticks(process.pid) is None
    finally:
        process.communicate()


def test_a_process_name_with_spaces_and_parentheses(tmp_path: os.PathLike[str]) -> None:
    odd = os.path.join(tmp_path, "a ) R (b")
    os.symlink("/bin/sleep", odd)
    process = subprocess.Popen([odd, "60"])
    try:
        ticks = start_ticks(process.pid)
        assert ticks is not None
        assert ticks >= (start_ticks(os.getpid()) or 0)
    finally:
        process.kill()
        process.wait()
