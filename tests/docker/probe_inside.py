"""Runs in a container: says as JSON what is seen and refused there, then loads the probe.

Two lines: `seen`, then what ``tests.kernel.unprivileged_probe`` says.
"""

from __future__ import annotations

import ctypes
import json
import os
import re
import socket
from collections.abc import Callable
from pathlib import Path

from tests.kernel import unprivileged_probe

# Where distributions, the kernel's own build and BCC put or look for headers.
HEADERS = ("/lib/modules", "/usr/lib/modules", "/usr/src", "/usr/include", "/usr/local/include")
BTF = Path("/sys/kernel/btf/vmlinux")
CLONE_NEWUTS = 0x04000000
PER_LINUX = 0

_LIBC = ctypes.CDLL(None, use_errno=True)


def seen() -> dict[str, object]:
    """Status of this process, headers in sight, whether BTF is read-only, refused calls."""
    status = Path("/proc/self/status").read_text("ascii")
    return {
        "status": dict(re.findall(r"^(Cap\w+|NoNewPrivs|Seccomp):\s*(\w+)$", status, re.M)),
        "headers": [path for path in HEADERS if Path(path).exists()],
        "btf_read_only": bool(os.statvfs(BTF).f_flag & os.ST_RDONLY) and BTF.stat().st_size > 0,
        "errno": {name: _errno_of(call) for name, call in _CALLS.items()},
    }


def _errno_of(call: Callable[[], int]) -> int:
    """0 where the kernel does it."""
    try:
        return ctypes.get_errno() if call() < 0 else 0
    except OSError as error:
        return error.errno or 0


def _open_socket(family: int) -> int:
    with socket.socket(family, socket.SOCK_SEQPACKET):
        return 0


# Without this profile CAP_SYS_ADMIN may do the first three, and everyone the last two.
_CALLS: dict[str, Callable[[], int]] = {
    "mount": lambda: _LIBC.mount(b"none", b"/tmp", b"tmpfs", 0, None),
    "unshare": lambda: _LIBC.unshare(CLONE_NEWUTS),
    "setns": lambda: _LIBC.setns(os.open("/proc/self/ns/uts", os.O_RDONLY), CLONE_NEWUTS),
    "personality": lambda: _LIBC.personality(PER_LINUX),
    "socket of AF_ALG": lambda: _open_socket(socket.AF_ALG),
}

if __name__ == "__main__":
    print(json.dumps(seen()), flush=True)  # noqa: T201 - its output is what it is for
    unprivileged_probe.main()
