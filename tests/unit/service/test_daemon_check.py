"""Daemons and runtimes whose containers this kernel does not see are refused by their name."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from socklat_gate.errors import Reason, UnfitEnvironment
from socklat_gate.service.client import connect
from socklat_gate.service.daemon_address import DaemonAddress
from socklat_gate.service.daemon_check import check_daemon
from socklat_gate.service.docker_documents import DaemonInfo
from socklat_gate.service.runtimes import DAEMON, check_runtime, sandbox_of
from tests.unit.service.fake_daemon import fake_daemon

HERE: Any = {"KernelVersion": os.uname().release, "Name": os.uname().nodename}
SOCKET = "unix:///var/run/docker.sock"


def refused(url: str = SOCKET, **facts: Any) -> str:
    info: Any = {**HERE, **facts}
    with pytest.raises(UnfitEnvironment) as caught:
        check_daemon(info, DaemonAddress(url))
    assert caught.value.reason is Reason.NO_DOCKER
    assert caught.value.remedy
    assert url in caught.value.message
    return caught.value.message


@pytest.mark.parametrize("url", [SOCKET, "tcp://127.0.0.1:2375", "tcp://localhost:2375"])
@pytest.mark.parametrize(
    "facts",
    [{}, {"Name": "another"}, {"SecurityOptions": ["name=userns", "name=seccomp"]}],
)
def test_a_daemon_of_this_machine_is_taken(url: str, facts: Any) -> None:
    check_daemon({**HERE, **facts}, DaemonAddress(url))


def test_one_that_says_little_is_taken() -> None:
    check_daemon({}, DaemonAddress(SOCKET))


def test_a_rootless_one() -> None:
    assert "runs rootless" in refused(SecurityOptions=["name=seccomp", "name=rootless"])
    assert "runs rootless" in refused(SecurityOptions=["name=seccomp"], Rootless=True)
    check_daemon({**HERE, "Rootless": False}, DaemonAddress(SOCKET))


def test_docker_desktop() -> None:
    said = refused(OperatingSystem="Docker Desktop", KernelVersion="6.6.12-linuxkit")
    assert "Docker Desktop's, which runs containers in a virtual machine" in said


def test_one_with_another_kernel() -> None:
    said = refused("ssh://ci@build-7", KernelVersion="5.4.0-1-cloud", Name="build-7")
    assert "another machine, 'build-7' with kernel 5.4.0-1-cloud" in said


@pytest.mark.parametrize("scheme", ["tcp", "ssh", "http", "https"])
def test_one_with_the_same_kernel_on_another_machine(scheme: str) -> None:
    said = refused(f"{scheme}://ci@192.0.2.7:2375", Name="build-7")
    assert "another machine, 'build-7' at 192.0.2.7" in said
    # The host's own daemon, asked from a container by the bridge's address.
    check_daemon(HERE, DaemonAddress(f"{scheme}://192.0.2.7:2375"))


def test_one_that_is_asked_by_ssh_is_not_even_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "ssh://ci@build-7:22")
    with pytest.raises(UnfitEnvironment, match="is asked by ssh on build-7") as caught:
        connect()
    assert caught.value.reason is Reason.NO_DOCKER


def test_it_is_refused_before_anything_is_asked_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with fake_daemon(tmp_path) as daemon:
        daemon.info = {"KernelVersion": "5.4.0-1-cloud", "Name": "build-7"}
        monkeypatch.setenv("DOCKER_HOST", f"unix://{daemon.path}")
        with pytest.raises(UnfitEnvironment, match="another machine, 'build-7'"):
            connect()
        assert {one.split()[0] for one in daemon.asked} == {"GET"}


@pytest.mark.parametrize(
    ("name", "entry", "kind"),
    [
        ("runsc", {"path": "/usr/local/bin/runsc"}, "gVisor"),
        ("sandboxed", {"path": "/opt/runsc-kvm"}, "gVisor"),
        ("secure", {"runtimeType": "io.containerd.runsc.v1"}, "gVisor"),
        ("kata", {"runtimeType": "io.containerd.kata.v2"}, "Kata Containers"),
        ("vm", {"path": "/usr/bin/kata-runtime"}, "Kata Containers"),
        ("kata-qemu", None, "Kata Containers"),
        ("aws.firecracker", {}, "Firecracker"),
        ("krun", {"path": "/usr/bin/krun"}, "libkrun"),
        ("runc", {"path": "runc"}, None),
        ("crun", {"path": "/usr/bin/crun"}, None),
        ("nvidia", {"path": "/usr/bin/nvidia-container-runtime"}, None),
        ("sysbox-runc", {"path": "/usr/bin/sysbox-runc"}, None),
        ("runc", {"path": "/srv/notkata/runc"}, None),
        ("io.containerd.runc.v2", {}, None),
    ],
)
def test_runtimes_are_known_by_what_they_run(name: str, entry: Any, kind: str | None) -> None:
    found = sandbox_of(name, {name: entry})
    assert (found and found[0]) == kind


def test_a_runtime_is_refused_by_its_name() -> None:
    info: DaemonInfo = {"DefaultRuntime": "safe", "Runtimes": {"safe": {"path": "/x/runsc"}}}
    with pytest.raises(UnfitEnvironment) as caught:
        check_runtime(info, None, DAEMON)
    assert caught.value.reason is Reason.NO_DOCKER
    assert "the runtime 'safe' of the Docker daemon is gVisor" in caught.value.message
    check_runtime(info, "runc", DAEMON)
    with pytest.raises(UnfitEnvironment, match=r"the runtime 'kata' of compose\.yaml is Kata"):
        check_runtime({"DefaultRuntime": "runc"}, "kata", "compose.yaml")
