"""Connections with one request in flight, as the driver and as the kernel see them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from socklat_gate.measured.records import EXCHANGE, SENT, Records

__all__ = ["Conversations", "converse"]

S = 1_000_000_000


@dataclass(frozen=True, slots=True, eq=False)
class Conversations:
    """What the driver sent, and the exchange of each of these requests, in the same order."""

    sent: Records
    exchanges: Records

    def shuffled(self, rng: np.random.Generator) -> Conversations:
        """The same in orders of their own."""
        return Conversations(rng.permutation(self.sent), rng.permutation(self.exchanges))


def converse(
    lengths: list[tuple[int, int]], kinds: npt.NDArray[np.int64], rng: np.random.Generator
) -> Conversations:
    """Connections by port and number of requests; those of one port follow one another."""
    total = sum(length for _, length in lengths)
    sent, exchanges = np.zeros(total, SENT), np.zeros(total, EXCHANGE)
    free_ns: dict[int, int] = {}
    at = 0
    for port, length in lengths:
        now_ns = free_ns.get(port, int(rng.integers(S, 2 * S)))
        for ordinal in range(1, length + 1):
            now_ns += int(rng.integers(1, 50_000_000))
            sent[at] = (now_ns, ordinal, port, kinds[at], 0)
            now_ns += int(rng.integers(1, 10_000_000))
            exchanges["rx_first_ns"][at] = now_ns
            exchanges["ordinal"][at] = ordinal
            exchanges["peer_port"][at] = port
            at += 1
        free_ns[port] = now_ns
    return Conversations(sent, exchanges)
