"""What is known beforehand of the traffic of a target."""

from __future__ import annotations

from dataclasses import dataclass

from socklat_gate.measured.bpf_layout import layout

__all__ = ["UNKNOWN_TRAFFIC", "Traffic"]


@dataclass(frozen=True, slots=True)
class Traffic:
    """``one_outstanding``: a client sends a request on a connection after the last one's response.

    Then a request in pieces is never taken for two.  ``http``: responses may be plain HTTP/1; then
    interim ones (1xx) are told from the response proper, and statuses are counted.  ``named``:
    records of exchanges say which one of which connection they are.  ``marked``: every connection
    begins with control bytes, and segments of those have a DS field of their own
    (CONTROL_DSFIELD): they are no part of an exchange.
    """

    one_outstanding: bool = False
    http: bool = False
    named: bool = False
    marked: bool = False

    def window_flags(self) -> int:
        """Bits WINDOW_... of ``bpf/layout.h``."""
        known = {
            "WINDOW_ONE_OUTSTANDING": self.one_outstanding,
            "WINDOW_HTTP": self.http,
            "WINDOW_NAMED": self.named,
            "WINDOW_MARKED": self.marked,
        }
        return sum(layout()[name] for name, holds in known.items() if holds)


UNKNOWN_TRAFFIC = Traffic()
