from __future__ import annotations

import json
from dataclasses import replace

import pytest

from socklat_gate.measured.bpf_layout import names
from socklat_gate.trace.json_line import as_json
from tests.unit.trace.snapshots import counters, snapshot, spike, target


def test_a_line_of_json_is_strict_and_says_null_where_nothing_happened() -> None:
    document = as_json(
        target(id="abc", pid=7), snapshot(slowest=(spike(9_000_000, app=8_000_000, at_s=1.25),))
    )
    again = json.loads(json.dumps(document, allow_nan=False))
    assert again == document
    assert again["total"]["response"]["count"] == 200
    assert again["recent"]["response"]["count"] == 100
    assert again["total"]["response"]["p99_ns"] == pytest.approx(1e6, rel=0.0079)
    nothing = {f"{q}_ns": None for q in ("p50", "p90", "p99", "p999", "max")}
    assert again["total"]["depend"] == {"count": 0, **nothing}
    assert again["target"] == {
        "label": "shop (shop:1)",
        "id": "abc",
        "image": "",
        "pid": 7,
        "ports": [80],
        "other_ports": [],
    }
    assert again["slowest"][0]["after_s"] == 1.25


def test_the_last_line_is_marked() -> None:
    assert as_json(target(), snapshot())["final"] is False
    assert as_json(target(), snapshot(), final=True)["final"] is True
    assert as_json(target(), snapshot())["target"]["pid"] is None


def test_times_are_of_the_day_in_utc_as_logs_have_them() -> None:
    document = as_json(target(), snapshot(slowest=(spike(9_000_000, at_s=1.2509),)))
    assert document["time"] == "2027-01-15T08:00:07.000Z"
    assert document["slowest"][0]["time"] == "2027-01-15T08:00:06.250Z"


def test_what_is_new_stands_beside_what_there_is_in_all() -> None:
    document = as_json(
        target(),
        snapshot(counters=counters(retransmits=9), recent_counters=counters(retransmits=2)),
    )
    assert document["counters"]["retransmits"] == 9
    assert document["recent_counters"]["retransmits"] == 2


def test_json_names_what_is_not_measured_and_leaves_it_out_of_the_slowest() -> None:
    document = as_json(
        target(), snapshot(slowest=(replace(spike(5, rx_stack=0), overlapped=True),))
    )
    assert set(document["not_measured"]) == set(names("STAGE_")) - set(snapshot().total)
    assert set(document["slowest"][0]["stages_ns"]) == {"response", "recv_wait", "app"}
    assert document["slowest"][0]["overlapped"] is True
