"""Whether services still take connections: those that are open go on without their listener."""

from __future__ import annotations

import select
import socket
import time
from collections.abc import Mapping, Sequence

from socklat_gate.service.arm import RunningArm
from socklat_gate.service.tcp_listeners import waiting_connections

__all__ = ["REFUSES", "unreachable"]

REFUSES = "it takes no new connections"

ATTEMPTS = 3
"""One that begins to listen anew, or has as many clients as it takes, is asked again."""

AGAIN_AFTER_S = 0.4
CONNECT_WITHIN_S = 2.0
CLOSED_WITHIN_S = 0.1
ACCEPTED_WITHIN_S = 5.0
EVERY_S = 0.02


def unreachable(arms: Sequence[RunningArm], port: int) -> Mapping[str, Sequence[str]]:
    """By `RunningArm.label`: in which way one takes no new connection; without those that do.

    Each gets a connection that sends nothing and is closed again.  It has to come about, to leave
    the listen queue of ``port`` in the container, and not to be closed at once.
    """
    found: dict[str, str] = {}
    asked = arms
    for attempt in range(ATTEMPTS):
        if attempt:
            time.sleep(AGAIN_AFTER_S)
        found = _tried(asked, port)
        asked = [arm for arm in arms if arm.label in found]
        if not asked:
            break
    return {label: [f"{REFUSES}: {why}"] for label, why in found.items()}


def _tried(arms: Sequence[RunningArm], port: int) -> dict[str, str]:
    found: dict[str, str] = {}
    opened: list[tuple[RunningArm, socket.socket]] = []
    try:
        for arm in arms:
            try:
                address = (arm.host, arm.port)
                opened.append((arm, socket.create_connection(address, timeout=CONNECT_WITHIN_S)))
            except OSError as error:
                found[arm.label] = error.strerror or str(error)
        until_s = time.monotonic() + CLOSED_WITHIN_S
        for arm, connection in opened:
            if why := _closed(connection, until_s) or _not_accepted(arm.pid, port):
                found[arm.label] = why
    finally:
        for _, connection in opened:
            connection.close()
    return found


def _closed(connection: socket.socket, until_s: float) -> str:
    ready, _, _ = select.select([connection], [], [], max(0.0, until_s - time.monotonic()))
    try:
        # Some services speak first.
        return "it closes each at once" if ready and not connection.recv(1) else ""
    except OSError as error:
        return f"it ends each at once ({error.strerror or error})"


def _not_accepted(pid: int, port: int) -> str:
    until_s = time.monotonic() + ACCEPTED_WITHIN_S
    try:
        while waiting := waiting_connections(pid, port):
            if time.monotonic() > until_s:
                return f"it accepts none ({waiting} wait in its listen queue)"
            time.sleep(EVERY_S)
    except OSError:  # ended, which others notice
        pass
    return ""
