"""Whether this process may load BPF programs, and giving that up once they are loaded."""

from __future__ import annotations

import ctypes
import errno
import os
from collections.abc import Callable
from pathlib import Path

from socklat_gate.errors import Reason, UnfitEnvironment
from socklat_gate.probe.libbpf import libbpf

__all__ = ["check_privilege", "drop_capabilities", "missing_capabilities"]

# Numbers of include/uapi/linux/capability.h.
_CAP_SYS_ADMIN, _CAP_PERFMON, _CAP_BPF = 21, 38, 39
_VERSION_3 = 0x20080522
_PR_SET_NO_NEW_PRIVS = 38  # include/uapi/linux/prctl.h


class _Header(ctypes.Structure):
    """``struct __user_cap_header_struct`` of include/uapi/linux/capability.h; pid 0: the caller."""

    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))


class _Data(ctypes.Structure):
    """``struct __user_cap_data_struct``; version 3 takes two, for the low and the high 32 bits."""

    _fields_ = (
        ("effective", ctypes.c_uint32),
        ("permitted", ctypes.c_uint32),
        ("inheritable", ctypes.c_uint32),
    )


def missing_capabilities() -> list[str]:
    """Names of the capabilities that loading the probe lacks; empty when it may."""
    held = _held()
    if held >> _CAP_SYS_ADMIN & 1:
        return []
    wanted = {"CAP_BPF": _CAP_BPF, "CAP_PERFMON": _CAP_PERFMON}
    return [name for name, number in wanted.items() if not held >> number & 1]


def check_privilege() -> None:
    """Raises `UnfitEnvironment` (NO_PRIVILEGE) when the capabilities are not there."""
    missing = missing_capabilities()
    if missing:
        raise UnfitEnvironment(
            Reason.NO_PRIVILEGE,
            f"loading BPF programs is not permitted: {' and '.join(missing)} missing",
            remedy="run as root (sudo), or give this user's shell the two capabilities "
            "CAP_BPF and CAP_PERFMON",
        )
    if _bpf_is_forbidden():
        raise UnfitEnvironment(
            Reason.NO_PRIVILEGE,
            "the capabilities are there, but bpf(2) itself is forbidden, as seccomp profiles do",
            remedy="in a container, start it with --security-opt seccomp=ci/seccomp-bpf.json "
            '(SECURITY.md, "In a container")',
        )


def drop_capabilities(still_works: Callable[[], object]) -> None:
    """Gives up every capability of the calling thread, for good, and through ``execve`` too.

    Programs stay attached and open maps readable, so `trace` needs none once it has attached and
    knows its target.  The gate keeps its own: it still talks to Docker, enters the network of new
    containers by ``/proc`` and sets CPU affinities for every pair.

    Linux before 5.19 asks for CAP_BPF even to read an open map where
    ``kernel.unprivileged_bpf_disabled`` is set: ``still_works`` is called without capabilities, and
    where it raises `PermissionError`, CAP_BPF alone is kept.

    Capabilities belong to threads and only the caller's can be dropped: call it while there is no
    other.  Raises `OSError` when the kernel refuses.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
        _refused("prctl(PR_SET_NO_NEW_PRIVS)")
    only_bpf = _held() & 1 << _CAP_BPF
    _capset(libc, effective=0, permitted=only_bpf)
    try:
        still_works()
    except PermissionError:
        _capset(libc, effective=only_bpf, permitted=only_bpf)
        still_works()
    else:
        _capset(libc, effective=0, permitted=0)


def _bpf_is_forbidden() -> bool:
    """Whether asking about a descriptor that is none fails for another reason than that."""
    lib, _ = libbpf()
    size = ctypes.c_uint32(0)
    lib.bpf_obj_get_info_by_fd(-1, None, ctypes.byref(size))
    return ctypes.get_errno() in (errno.EPERM, errno.ENOSYS)


def _held() -> int:
    status = Path("/proc/self/status").read_text("ascii")
    line = next(line for line in status.splitlines() if line.startswith("CapEff:"))
    return int(line.split()[1], 16)


def _capset(libc: ctypes.CDLL, *, effective: int, permitted: int) -> None:
    words = [_Data(effective >> at & 0xFFFFFFFF, permitted >> at & 0xFFFFFFFF) for at in (0, 32)]
    data = (_Data * 2)(*words)
    if libc.capset(ctypes.byref(_Header(_VERSION_3, 0)), data) != 0:
        _refused("capset")


def _refused(call: str) -> None:
    number = ctypes.get_errno()
    raise OSError(number, f"{call}: {os.strerror(number)}")
