"""What is known beforehand of the traffic of a target."""

from __future__ import annotations

from dataclasses import dataclass

from socklat_gate.measured.bpf_layout import layout

__all__ = ["UNKNOWN_TRAFFIC", "Traffic"]


@dataclass(frozen=True, slots=True)
class Traffic:
    """``one_outstanding``: a client sends a request on a connection after the last one's response.

    Then a request in pieces is never taken for two.  ``http``: responses may be plain HTTP/1; then
    interim ones (1xx) are told from the response proper, and statuses are counted.
    """

    one_outstanding: bool = False
    http: bool = False

    def window_flags(self) -> int:
        """Bits WINDOW_... of ``bpf/layout.h``."""
        bits = layout()
        one = bits["WINDOW_ONE_OUTSTANDING"] if self.one_outstanding else 0
        return one | (bits["WINDOW_HTTP"] if self.http else 0)


UNKNOWN_TRAFFIC = Traffic()
