from __future__ import annotations

import re

import numpy as np

from socklat_gate.measured.bpf_layout import bpf_dir, structs
from socklat_gate.measured.records import CAUSES, EXCHANGE, EXCHANGE_STAGES, SPIKE, STALL


def test_the_stages_of_an_exchange_and_the_causes_of_a_stall() -> None:
    assert EXCHANGE_STAGES == (
        "service",
        "recv_wait",
        "app",
        "respond",
        "send_wait",
        "deliver",
        "rx_stack",
        "bridge",
        "tx_stack",
    )
    assert CAUSES == ("late_tick", "steal", "interference")


def test_records_have_the_fields_that_are_read_and_no_more_bytes_than_they_need() -> None:
    assert EXCHANGE.names == ("rx_first_ns", "ns", "measured", "target", "cpu")
    assert STALL.names == ("from_ns", "to_ns", "cpu", "cause")
    assert (EXCHANGE.itemsize, STALL.itemsize) == (48, 24)
    assert SPIKE["ns"].shape == (len(EXCHANGE_STAGES),)
    assert SPIKE["ns"].base == np.uint64
    assert SPIKE["peer"].shape == (16,)


def test_no_other_file_defines_a_struct_of_user_space() -> None:
    for path in bpf_dir().glob("*.[ch]"):
        defined = set(re.findall(r"^struct (\w+) \{", path.read_text("utf-8"), re.MULTILINE))
        assert path.name == "shared.h" or not defined & set(structs()), path.name
