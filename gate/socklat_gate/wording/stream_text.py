"""What is said of several requests in flight on a connection, and of several load workers."""

from __future__ import annotations

from collections.abc import Mapping

from socklat_gate.measured.facts import Scalar
from socklat_gate.measured.load_counts import StreamCounts
from socklat_gate.wording.fact_numbers import count_of

__all__ = ["in_flight_text", "stages_not_measured_note", "streams_text", "workers_text"]


def streams_text(asked: int) -> str:
    """Why no stage of an exchange is measured."""
    return (
        f"up to {asked} requests share a connection (load.streams), which the kernel cannot tell "
        "apart: latencies are of stage client, by the load driver's clock"
    )


def stages_not_measured_note(subject: str, numbers: Mapping[str, Scalar]) -> str:
    """The same, with the stages."""
    return f"not measured: {subject}; {streams_text(count_of(numbers, 'streams'))}"


def in_flight_text(counts: StreamCounts) -> str:
    """How many requests a connection had at once, and by whose limit."""
    text = f"at most {counts.most} of {counts.allowed} requests in flight on a connection"
    if counts.allowed < counts.asked:
        text += f": the service allows no more, load.streams = {counts.asked} would"
    return text


def workers_text(workers: int) -> str:
    """How many processes sent the load of both arms; "" of one."""
    return f"{workers} load workers shared the load (load.workers)" if workers > 1 else ""
