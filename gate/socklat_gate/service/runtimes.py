"""Runtimes that give a container a kernel, or a network stack, of its own."""

from __future__ import annotations

import re
from collections.abc import Mapping

from socklat_gate.errors import Reason, UnfitEnvironment
from socklat_gate.service.docker_documents import DaemonInfo, RuntimeEntry

__all__ = ["DAEMON", "check_runtime", "sandbox_of"]

DAEMON = "the Docker daemon"
"""Whose runtime it is where nothing else chose one."""

_VM = "a virtual machine"
_SANDBOXES: Mapping[str, tuple[str, str]] = {
    "runsc": ("gVisor", "a kernel of its own in user space"),
    "gvisor": ("gVisor", "a kernel of its own in user space"),
    "kata": ("Kata Containers", _VM),
    "firecracker": ("Firecracker", _VM),
    "krun": ("libkrun", _VM),
    "libkrun": ("libkrun", _VM),
    "runq": ("runq", _VM),
    "urunc": ("urunc", "a unikernel"),
    "runhcs": ("Hyper-V", _VM),
}
"""How a word of a runtime's name, path or type begins -> what it is, and where its sockets are."""


def check_runtime(info: DaemonInfo, chosen: str | None, where: str) -> None:
    """Refuse a runtime whose containers' sockets are not this kernel's.

    ``chosen`` None is the daemon's default; ``where`` completes "the runtime 'runsc' of ...".
    Raises `UnfitEnvironment` (NO_DOCKER).  One that hides behind another name is found once its
    service is ready (`own_sockets`).
    """
    name = chosen or info.get("DefaultRuntime") or ""
    kind = sandbox_of(name, info.get("Runtimes") or {})
    if kind is None:
        return
    raise UnfitEnvironment(
        Reason.NO_DOCKER,
        f"the runtime {name!r} of {where} is {kind[0]}: the sockets of its containers are in "
        f"{kind[1]}, not in this machine's kernel, and cannot be measured",
        remedy="use runc or crun: take `runtime` out of the compose file, or set "
        '"default-runtime": "runc" in the daemon\'s daemon.json',
    )


def sandbox_of(name: str, runtimes: Mapping[str, RuntimeEntry | None]) -> tuple[str, str] | None:
    """What the runtime is and where its sockets are; None for one that is not known as such."""
    entry = runtimes.get(name) or {}
    text = f"{name} {entry.get('path') or ''} {entry.get('runtimeType') or ''}"
    words = re.split(r"[^a-z0-9]+", text.lower())
    return next(
        (kind for begin, kind in _SANDBOXES.items() if any(w.startswith(begin) for w in words)),
        None,
    )
