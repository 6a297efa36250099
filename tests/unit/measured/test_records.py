from __future__ import annotations

import re

import numpy as np

from socklat_gate.measured.bpf_layout import bpf_dir, layout, structs
from socklat_gate.measured.records import CAUSES, EXCHANGE, EXCHANGE_STAGES, SPIKE, STALL, SUMS


def test_the_stages_of_an_exchange_and_the_causes_of_a_stall() -> None:
    assert EXCHANGE_STAGES == (
        "response",
        "service",
        "recv_wait",
        "app",
        "respond",
        "send_wait",
        "deliver",
        "rx_stack",
        "bridge",
        "tx_stack",
        "upload",
    )
    assert tuple(SUMS) == EXCHANGE_STAGES[1::-1]
    assert layout()["SUM_STAGES"] == len(SUMS) == len(EXCHANGE_STAGES) - layout()["BAND_SUMS"]
    assert CAUSES == ("late_tick", "steal", "interference")


def test_records_have_the_fields_that_are_read_and_no_more_bytes_than_they_need() -> None:
    stages = ("rx_first_ns", "ns", "measured", "target", "cpu")
    assert EXCHANGE.names == (*stages, "ordinal", "peer_port", "netns")
    assert STALL.names == ("from_ns", "to_ns", "cpu", "cause")
    assert (EXCHANGE.itemsize, STALL.itemsize) == (64, 24)
    assert SPIKE["ns"].shape == (len(EXCHANGE_STAGES),)
    assert SPIKE["ns"].base == np.uint64
    assert SPIKE["peer"].shape == (16,)


def test_no_other_file_defines_a_struct_of_user_space() -> None:
    for path in bpf_dir().glob("*.[ch]"):
        defined = set(re.findall(r"^struct (\w+) \{", path.read_text("utf-8"), re.MULTILINE))
        assert path.name == "shared.h" or not defined & set(structs()), path.name
