"""Requests by the load driver's clock, in the shape of exchanges: for corrections and arm labels.

Where a connection has several streams, the kernel cannot tell whose bytes a segment holds.  The
driver can: a request counts from when it was due to the last byte of its response.  Nothing is
known of the parts of that, so that the whole is all that such an exchange has.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from socklat_gate.measured.histogram import Histogram
from socklat_gate.measured.names import CLIENT
from socklat_gate.measured.records import EXCHANGE_STAGES, SUMS, Records
from socklat_gate.measured.run import Bands, StallCorrected
from socklat_gate.stalls.correction import StallCorrection, raw_stages

__all__ = ["arrivals", "client_correction", "client_exchanges", "client_stages"]

WHOLE = "response"
"""What stands for the whole exchange in `stalls.correction`."""

CLIENT_EXCHANGE = np.dtype(
    [
        ("rx_first_ns", np.int64),
        ("ns", np.int64, (len(EXCHANGE_STAGES),)),
        ("measured", np.uint16),
        ("cpu", np.uint8),
    ]
)
"""The members of `measured.records.EXCHANGE` that `stalls.correction` reads; CPUs are not known."""


def client_exchanges(calls: Records) -> Records:
    """Exchanges of `CALL` rows with a response: each arrives when it is due."""
    found = np.zeros(calls.size, dtype=CLIENT_EXCHANGE)
    found["rx_first_ns"] = calls["due_ns"]
    took_ns = calls["done_ns"] - calls["due_ns"]
    # The whole, and one part that is all of it, so that the sums hold.
    for stage in (WHOLE, "service", SUMS["service"][-1]):
        found["ns"][:, EXCHANGE_STAGES.index(stage)] = took_ns
        found["measured"] |= np.uint16(1 << EXCHANGE_STAGES.index(stage))
    return found


def arrivals(calls: Records) -> Records:
    """When the requests of `CALL` rows reached the service, those without a response included."""
    found = np.zeros(calls.size, dtype=CLIENT_EXCHANGE)
    found["rx_first_ns"] = calls["sent_ns"]
    return found


def client_stages(calls: Records) -> tuple[Histogram, Bands]:
    """The distribution of stage ``client`` of `CALL` rows with a response, and its bands."""
    histograms, bands = raw_stages(client_exchanges(calls), (WHOLE,))
    return histograms[WHOLE], replace(bands, stages=(CLIENT,))


def client_correction(correction: StallCorrection) -> StallCorrection:
    """That of `client_exchanges`, of which stage ``client`` alone is corrected."""
    return replace(
        correction,
        corrected=_renamed(correction.corrected),
        named=tuple(map(_renamed, correction.named)),
    )


def _renamed(arms: Sequence[StallCorrected]) -> tuple[StallCorrected, ...]:
    return tuple(
        StallCorrected(
            {CLIENT: one.histograms[WHOLE]},
            replace(one.bands, stages=(CLIENT,)),
            {CLIENT: one.used[WHOLE]},
            one.logged,
        )
        for one in arms
    )
