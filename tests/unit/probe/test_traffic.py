from __future__ import annotations

from socklat_gate.measured.bpf_layout import layout
from socklat_gate.probe.traffic import UNKNOWN_TRAFFIC, Traffic


def test_nothing_is_taken_for_granted_of_unknown_traffic() -> None:
    assert UNKNOWN_TRAFFIC.window_flags() == 0


def test_what_is_known_is_one_bit_each() -> None:
    bits = [
        Traffic(**{name: True}).window_flags()
        for name in ("one_outstanding", "http", "named", "marked")
    ]
    assert bits == [
        layout()[f"WINDOW_{name}"] for name in ("ONE_OUTSTANDING", "HTTP", "NAMED", "MARKED")
    ]
    every = Traffic(one_outstanding=True, http=True, named=True, marked=True)
    assert every.window_flags() == sum(bits) == int("1" * len(bits), 2)


def test_the_two_marks_differ_in_one_bit_and_leave_those_of_ecn_alone() -> None:
    closing, in_flight = layout()["CONTROL_DSFIELD"], layout()["CONTROL_IN_FLIGHT_DSFIELD"]
    assert (closing ^ in_flight).bit_count() == 1
    assert not (closing | in_flight) & 0b11
    # For local or experimental use: RFC 2474, section 6, pool 2.
    assert {closing >> 2 & 0b11, in_flight >> 2 & 0b11} == {0b11}
