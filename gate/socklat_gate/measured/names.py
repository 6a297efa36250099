"""Names that scenarios, results and reports have in common."""

from __future__ import annotations

from typing import Literal

__all__ = ["SPIKES", "Stage"]

SPIKES = "spikes"
"""The name by which a waiver means the rare spikes."""

Stage = Literal[
    "service",
    "recv_wait",
    "app",
    "respond",
    "send_wait",
    "deliver",
    "rx_stack",
    "bridge",
    "tx_stack",
    "accept_wait",
    "depend",
    "depend_connect",
    "established",
    "runq",
    "rx_process",
]
