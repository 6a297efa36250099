"""The records that the probe's rings carry, as numpy dtypes made of ``bpf/shared.h``.

Times are of CLOCK_MONOTONIC in ns.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from socklat_gate.measured.bpf_layout import layout, names, structs

__all__ = [
    "CALL",
    "CAUSES",
    "EXCHANGE",
    "EXCHANGE_STAGES",
    "MOSTLY_ZERO",
    "SENT",
    "SPIKE",
    "STALL",
    "SUMS",
    "Records",
]

Records = npt.NDArray[Any]
"""An array of one of the dtypes below."""

EXCHANGE_STAGES = names("STAGE_")[: layout()["BAND_STAGES"]]
"""Stages that belong to one exchange, in the order of the records' field ``ns``."""

SUMS = {"service": ("recv_wait", "app"), "response": ("recv_wait", "app", "respond")}
"""Stages that are sums of others, exchange by exchange, and of which."""

MOSTLY_ZERO = ("respond", "send_wait")
"""Stages that every exchange has; where one took 0 ns, the kernel does not say so."""

CAUSES = names("CAUSE_")
"""Why a CPU was not there; `STALL` has the index."""

EXCHANGE = structs()["exchange"]
"""``rx_first_ns``, ``ns`` of each of `EXCHANGE_STAGES`, ``measured`` a bit for each, ``target``;
``cpu`` is the one that began the response, modulo 256; ``netns`` the low 16 bits of the namespace's
inode, by which the containers of a shared slot are told apart.  Where requests have names,
``peer_port`` is the driver's port in host byte order and ``ordinal`` which exchange of its
connection it is, from 1; else both are 0."""

STALL = structs()["stall"]
"""``from_ns``, ``to_ns``, ``cpu``, and ``cause``, an index of `CAUSES`."""

SPIKE = structs()["spike"]
"""As `EXCHANGE`, with the peer: ``family``, ``peer_port`` in network byte order, ``peer``."""

SENT = np.dtype(
    [
        ("sent_ns", np.int64),
        ("ordinal", np.uint32),
        ("port", np.uint16),
        ("kind", np.uint16),
        ("arm", np.uint8),
    ]
)
"""A request as the driver sent it: when, as which of those on its connection (from 1), the local
``port`` of that, the index of its name in ``load.requests`` and the index of the endpoint."""

CALL = np.dtype(
    [
        ("due_ns", np.int64),
        ("sent_ns", np.int64),
        ("done_ns", np.int64),
        ("kind", np.uint16),
        ("arm", np.uint8),
    ]
)
"""A request by the driver's clock, where connections have several streams: when it was due, was
sent (0: never), and had its whole response (0: none came); ``kind`` and ``arm`` as in `SENT`."""
