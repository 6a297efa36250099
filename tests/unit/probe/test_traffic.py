from __future__ import annotations

from socklat_gate.load import marking
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


def test_the_marks_differ_in_two_bits_and_leave_those_of_ecn_alone() -> None:
    names = ("CONTROL_DSFIELD", "CONTROL_IN_FLIGHT_DSFIELD", "CONTROL_AFTER_DSFIELD")
    closing, *others = (layout()[name] for name in names)
    assert [(closing ^ other).bit_count() for other in others] == [1, 1]
    for mark in (closing, *others):
        assert not mark & 0b11
        assert mark >> 2 & 0b11 == 0b11  # of local or experimental use: RFC 2474, section 6, pool 2
    # The driver has them without the headers.
    assert [closing, *others] == [getattr(marking, name) for name in names]


def test_the_marks_of_long_requests_differ_in_one_bit_and_are_no_control_bytes() -> None:
    names = ("LONG_DSFIELD", "LONG_TOO_DSFIELD")
    long, too = (layout()[name] for name in names)
    assert (long ^ too).bit_count() == 1
    control = {layout()[name] for name in layout() if name.startswith("CONTROL_")}
    # The probe looks at control bytes without the two bits by which these differ among themselves.
    assert not {mark & ~0b110000 for mark in (long, too)} & {mark & ~0b110000 for mark in control}
    for mark in (long, too):
        assert mark & 0b1111 == 0b1100
    assert [long, too] == [getattr(marking, name) for name in names]
