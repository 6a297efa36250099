"""A network namespace's own TCP counters: the kernel keeps them anyway.

Source: ``/proc/PID/net/snmp`` and ``netstat`` (names of net/ipv4/proc.c).
"""

from __future__ import annotations

from pathlib import Path

__all__ = ["increments", "network_counters"]

_NAMES = {
    "RetransSegs": "retransmits",
    "OutRsts": "resets_sent",
    "TCPTimeouts": "rtos",
    "ListenOverflows": "listen_overflows",
    "ListenDrops": "listen_drops",
    "TCPBacklogDrop": "backlog_drops",
    "TCPRcvQDrop": "receive_queue_drops",
    "TCPToZeroWindowAdv": "zero_windows_advertised",
    "TCPWantZeroWindowAdv": "zero_windows_wanted",
    "TCPAbortOnTimeout": "aborts_on_timeout",
}


def network_counters(pid: int) -> dict[str, int]:
    """Counters of the namespace of process ``pid``; empty when the process is gone."""
    found: dict[str, int] = {}
    for name in ("snmp", "netstat"):
        try:
            lines = Path(f"/proc/{pid}/net/{name}").read_text("ascii").splitlines()
        except OSError:
            return {}
        # Lines come in pairs: names, then values, each after the protocol's name.
        for header, values in zip(lines[::2], lines[1::2], strict=True):
            pairs = zip(header.split()[1:], values.split()[1:], strict=True)
            found.update({_NAMES[key]: int(value) for key, value in pairs if key in _NAMES})
    return found


def increments(before: dict[str, int], now: dict[str, int]) -> dict[str, int]:
    """What was counted between two readings."""
    return {name: value - before.get(name, 0) for name, value in now.items()}
