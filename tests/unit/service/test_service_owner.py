from __future__ import annotations

import dataclasses
import os
import subprocess
import sys

import pytest

from socklat_gate.service.owner import PREFIX, Fate, OwnerTag, boot_id, fate_of, start_ticks


def test_a_running_owner_is_not_dead() -> None:
    tag = OwnerTag.current()
    assert tag.pid == os.getpid()
    assert fate_of(tag.labels()) is Fate.ALIVE


def test_every_run_has_its_own_id() -> None:
    assert OwnerTag.current().run != OwnerTag.current().run


def test_labels_share_the_prefix() -> None:
    assert all(name.startswith(PREFIX) for name in OwnerTag.current().labels())


def test_an_owner_whose_process_is_gone_is_dead() -> None:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    assert fate_of(dataclasses.replace(OwnerTag.current(), pid=process.pid).labels()) is Fate.DEAD


def test_an_owner_whose_pid_belongs_to_a_later_process_is_dead() -> None:
    tag = OwnerTag.current()
    assert fate_of(dataclasses.replace(tag, start=tag.start - 1).labels()) is Fate.DEAD


def test_an_owner_of_another_boot_may_live_under_another_kernel() -> None:
    labels = dataclasses.replace(OwnerTag.current(), boot="another").labels()
    assert fate_of(labels) is Fate.OTHER_BOOT


def test_an_owner_in_another_pid_namespace_is_unknown() -> None:
    tag = dataclasses.replace(OwnerTag.current(), pid=2**22 + 1, pid_ns=1)
    assert start_ticks(tag.pid) is None
    assert fate_of(tag.labels()) is Fate.OTHER_NAMESPACE


@pytest.mark.parametrize("missing", ["pid", "start", "boot", "pidns"])
def test_incomplete_labels_prove_nothing(missing: str) -> None:
    labels = dataclasses.replace(OwnerTag.current(), boot="earlier").labels()
    del labels[PREFIX + missing]
    assert fate_of(labels) is Fate.UNREADABLE


@pytest.mark.parametrize("value", ["", "x", "-1", "0"])
def test_unreadable_labels_prove_nothing(value: str) -> None:
    labels = {**dataclasses.replace(OwnerTag.current(), boot="earlier").labels()}
    assert fate_of({**labels, PREFIX + "pid": value}) is Fate.UNREADABLE


def test_an_empty_boot_id_proves_nothing() -> None:
    assert fate_of(dataclasses.replace(OwnerTag.current(), boot="").labels()) is Fate.UNREADABLE


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
