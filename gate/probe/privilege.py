"""Whether this process may load BPF programs."""

from __future__ import annotations

from pathlib import Path

from gate.errors import Reason, UnfitEnvironment

__all__ = ["check_privilege", "missing_capabilities"]

# Numbers of include/uapi/linux/capability.h.
_CAP_SYS_ADMIN, _CAP_PERFMON, _CAP_BPF = 21, 38, 39


def missing_capabilities() -> list[str]:
    """Names of the capabilities that loading the probe lacks; empty when it may."""
    status = Path("/proc/self/status").read_text("ascii")
    line = next(line for line in status.splitlines() if line.startswith("CapEff:"))
    held = int(line.split()[1], 16)
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
