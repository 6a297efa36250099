"""Marks what is sent so that the probe takes it for no request: by the DS field of its IP header.

Bytes that are no part of a request (a TLS handshake, the preface of HTTP/2) travel in segments of
their own, and the probe reads the field of every segment anyway.
"""

from __future__ import annotations

import errno
import fcntl
import os
import socket
import sys

__all__ = [
    "CONTROL_AFTER_DSFIELD",
    "CONTROL_DSFIELD",
    "CONTROL_IN_FLIGHT_DSFIELD",
    "LONG_DSFIELD",
    "LONG_TOO_DSFIELD",
    "NO_DSFIELD",
    "ONE_SEGMENT",
    "set_dsfield",
    "unsent_bytes",
]

NO_DSFIELD = 0
CONTROL_DSFIELD = 0x0C
"""DSCP 3, of the pool for experimental and local use; "Definition of the DS Field", RFC 2474."""
CONTROL_IN_FLIGHT_DSFIELD = 0x1C
"""DSCP 7, of the same pool: while a request is in flight, whose response goes on after that."""
CONTROL_AFTER_DSFIELD = 0x2C
"""DSCP 11: in reply to what the service sent after its response, and which was no part of that."""

LONG_DSFIELD, LONG_TOO_DSFIELD = 0x4C, 0x5C
"""DSCP 19 and 23, in turn: a request of more than `ONE_SEGMENT` bytes.  What the service sends
before all of it is there then makes no second request of the rest."""
ONE_SEGMENT = 1200
"""So many bytes leave in one segment wherever IPv6 may be spoken (its least MTU is 1280)."""

_SIOCOUTQNSD = 0x894B  # include/uapi/linux/sockios.h

_OPTIONS = {
    socket.AF_INET: (socket.IPPROTO_IP, socket.IP_TOS),
    socket.AF_INET6: (socket.IPPROTO_IPV6, socket.IPV6_TCLASS),
}


def set_dsfield(sock: socket.socket, value: int) -> None:
    """What ``sock`` sends from now on has ``value`` there.  Raises `OSError`."""
    option = _OPTIONS.get(sock.family)
    if option is not None:  # else it is a pair of sockets inside a test
        sock.setsockopt(*option, value)


def unsent_bytes(sock: socket.socket) -> int:
    """Bytes that ``sock`` has taken and that have not left yet.  Raises `OSError`.

    They leave with the DS field that the socket has then, whatever it was when they were written.
    """
    if sock.family not in _OPTIONS:
        return 0
    if sock.fileno() < 0:  # for which ioctl would raise ValueError
        raise OSError(errno.EBADF, os.strerror(errno.EBADF))
    return int.from_bytes(fcntl.ioctl(sock, _SIOCOUTQNSD, bytes(4)), sys.byteorder)
