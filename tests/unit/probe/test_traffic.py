from __future__ import annotations

from socklat_gate.measured.bpf_layout import layout
from socklat_gate.probe.traffic import UNKNOWN_TRAFFIC, Traffic


def test_nothing_is_taken_for_granted_of_unknown_traffic() -> None:
    assert UNKNOWN_TRAFFIC.window_flags() == 0


def test_what_is_known_is_one_bit_each() -> None:
    one, http = layout()["WINDOW_ONE_OUTSTANDING"], layout()["WINDOW_HTTP"]
    assert one & http == 0
    assert Traffic(one_outstanding=True).window_flags() == one
    assert Traffic(http=True).window_flags() == http
    assert Traffic(one_outstanding=True, http=True).window_flags() == one | http
