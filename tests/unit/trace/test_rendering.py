from __future__ import annotations

import io
import re
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from rich.console import Console

from socklat_gate.measured.bpf_layout import names
from socklat_gate.measured.histogram import Histogram
from socklat_gate.measured.run import Spike
from socklat_gate.trace.rendering import as_tables
from socklat_gate.trace.snapshot import Snapshot
from socklat_gate.trace.target import Target
from tests.unit.trace.snapshots import counters, snapshot, spike, target

LONG_PEER = "[2001:db8:aaaa:bbbb:cccc:dddd:eeee:ffff]:65535"
HEADLINE = names("STAGE_")[:7]


@pytest.fixture(autouse=True)
def local_time(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "XYZ-01:00")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def shown(of: Target, seen: Snapshot, width: int = 100, **options: Any) -> list[str]:
    """Lines on a terminal of that width."""
    stream = io.StringIO()
    console = Console(file=stream, width=width, force_terminal=False)
    console.print(as_tables(of, seen, width=width, **options))
    return [line.rstrip() for line in stream.getvalue().splitlines()]


def test_the_head_says_what_is_watched_since_when_and_how_to_end_it() -> None:
    lines = shown(target(pid=5), snapshot())
    assert lines[0] == "shop (shop:1)  on TCP port 80"
    assert lines[1] == "since 09:00:05 (2.0 s), 200 exchanges, 100/s now  Ctrl-C: summary"


def test_the_summary_says_from_when_to_when() -> None:
    lines = shown(target(), snapshot(), final=True)
    assert lines[:2] == ["shop (shop:1)", "09:00:05 to 09:00:07 (2.0 s), 200 exchanges, 100/s"]
    one = snapshot(counters=counters(seen=1))
    assert shown(target(), one, final=True)[1].endswith("(2.0 s), 1 exchange, 0.5/s")


def test_many_ports_are_not_all_named() -> None:
    lines = shown(target(pid=5, ports=(1, 2, 3, 4, 5)), snapshot())
    assert lines[0] == "shop (shop:1)  on TCP ports 1, 2, 3, 4, ..."


def test_the_live_view_tells_now_from_all_and_names_what_was_not_seen() -> None:
    lines = shown(target(), snapshot())
    row = next(line for line in lines if line.startswith("response"))
    assert (
        row.split()[1:] == ["100", "1.00", "ms"] + ["1.00", "ms"] * 2 + ["200"] + ["1.00", "ms"] * 3
    )
    assert not [line for line in lines if line.startswith("depend ")]
    at = lines.index("not seen: depend")
    assert lines[at + 1].startswith("not measured here: service, ")


def test_what_was_not_asked_for_is_told_from_what_cannot_be_measured() -> None:
    costly = "rx_stack, bridge, tx_stack, runq, rx_process"
    total = {name: snapshot().total["response"] for name in names("STAGE_") if name not in costly}
    seen = snapshot(total=total, recent=total)
    assert f"only with --full: {costly}" in shown(target(), seen)
    assert f"not measured here: {costly}" in shown(target(), seen, full=True)


def test_the_summary_has_no_columns_of_the_last_interval() -> None:
    lines = shown(target(), snapshot(), final=True)
    assert "now" not in "\n".join(lines)
    assert lines[2].split() == ["stage", "n", "p50", "p99", "max"]


def test_before_anything_happened_there_is_no_table_but_what_is_waited_for() -> None:
    empty = dict.fromkeys(snapshot().total, Histogram.empty())
    nothing = snapshot(total=empty, recent=empty, counters=counters())
    lines = shown(target(), nothing)
    assert "p50" not in "\n".join(lines)
    assert "not seen" not in "\n".join(lines)
    assert "no request has arrived on TCP port 80" in lines
    lines = shown(target(ports=()), nothing)
    assert "no request has arrived (and nothing listened at the start)" in lines


def test_a_request_that_nothing_has_followed_yet_is_explained() -> None:
    empty = dict.fromkeys(snapshot().total, Histogram.empty())
    lines = shown(
        target(), snapshot(total=empty, recent=empty, counters=counters(seen=1, pending=1))
    )
    assert "an exchange is counted when the next request or a close ends it" in lines
    assert "open exchanges 1" in " ".join(lines)
    assert "is counted when" not in "\n".join(shown(target(), snapshot()))


def test_what_was_counted_in_the_last_interval_stands_out() -> None:
    seen = snapshot(
        counters=counters(seen=200, retransmits=1_234, adopted=8, pending=8),
        recent_counters=counters(seen=100, retransmits=2, pending=8),
    )
    text = " ".join(shown(target(), seen))
    assert "retransmits 1\u202f234 (+2)" in text
    assert "found open 8  open exchanges 8  " in text
    assert "(+" not in " ".join(shown(target(), seen, final=True))


def test_losses_network_counters_and_drops_are_shown_when_there_are_any() -> None:
    quiet = "\n".join(shown(target(), snapshot(network={"rtos": 0, "retransmits": 0})))
    for name in ("overlapped", "missed", "rtos", "dropped"):
        assert name not in quiet
    loud = " ".join(
        shown(
            target(),
            snapshot(
                counters=counters(seen=200, overlapped=4, dropped_map_full=2),
                network={"rtos": 7, "listen_overflows": 0},
                drops={"tcp_csum": 3, "no_socket": 0},
                missed=5,
            ),
        )
    )
    for text in ("overlapped 4", "dropped map full 2", "missed 5", "rtos 7", "dropped tcp csum 3"):
        assert text in loud
    assert "listen overflows" not in loud
    assert "no socket" not in loud


@pytest.mark.parametrize("width", [80, 100, 50])
def test_no_line_ends_inside_a_counter(width: int) -> None:
    network = {f"counter_number_{at}": at for at in range(1, 9)}
    lines = shown(target(), snapshot(network=network), width=width)
    for at in range(1, 9):
        assert [line for line in lines if f"counter number {at} {at}" in line]
    assert max(map(len, lines)) <= width


@pytest.mark.parametrize("seen", [HEADLINE[:at] for at in range(1, len(HEADLINE) + 1)])
@pytest.mark.parametrize("width", [80, 100, 160])
def test_a_list_of_stages_that_fits_a_line_is_on_one(seen: tuple[str, ...], width: int) -> None:
    """Which stages were seen by now moves where a line would otherwise end."""
    costly = "rx_stack, bridge, tx_stack, runq, rx_process"
    empty, some = Histogram.empty(), snapshot().total["response"]
    total = {
        name: some if name in seen else empty for name in names("STAGE_") if name not in costly
    }
    lines = shown(target(), snapshot(total=total, recent=total), final=True, width=width)
    assert [line for line in lines if line.endswith(f"only with --full: {costly}")]
    assert max(map(len, lines)) <= width


def worst() -> Snapshot:
    """Every stage seen with numbers as wide as they come, and ten exchanges with all stages."""
    wide = Histogram(Histogram.of([888_888_888]).counts * np.uint64(9_999_999))
    stages = dict.fromkeys(names("STAGE_"), wide)
    slow = spike(888_888_888, LONG_PEER, 86_400.0)
    all_stages = dict.fromkeys(slow.stages_ns, 888_888_888) | {"tx_stack": 888_888_888}
    slowest = (Spike(slow.rx_first_ns, all_stages, LONG_PEER, 0, overlapped=True),) * 10
    return snapshot(total=stages, recent=stages, slowest=slowest, counters=counters(seen=9_999_999))


@pytest.mark.parametrize("final", [False, True])
@pytest.mark.parametrize("width", [80, 100, 160])
def test_the_view_fits_the_width_and_cuts_no_number_off(final: bool, width: int) -> None:
    lines = shown(target(), worst(), final=final, width=width)
    assert max(map(len, lines)) <= width
    stages = [line for line in lines if line.startswith(names("STAGE_"))]
    assert len(stages) == len(names("STAGE_"))
    assert not [line for line in stages if "…" in line]
    assert all(line.count(" ms") == (3 if final else 6) for line in stages)
    assert all(
        line.count("9\u202f999\u202f999") == (2 if width >= 100 and not final else 1)
        for line in stages
    )
    slow = [line for line in lines if "*[2001" in line]
    assert len(slow) == 10
    assert all(line.count("889 ms") == {80: 6, 100: 9, 160: 10}[width] for line in slow)
    assert ("no room for" in "\n".join(lines)) == (width < 160)


def test_on_a_narrow_terminal_the_last_interval_is_what_stays() -> None:
    lines = shown(target(), worst(), width=60)
    head = next(line for line in lines if line.startswith("stage"))
    assert head.split() == ["stage", "p50", "now", "p99", "now", "max", "now", "p99", "max"]
    assert max(map(len, lines)) <= 60
    lines = shown(target(), worst(), width=42)
    head = next(line for line in lines if line.startswith("stage"))
    assert head.split() == ["stage", "p50", "now", "p99", "now", "max", "now"]


def test_the_stages_that_took_least_give_way_to_the_width() -> None:
    short = dict.fromkeys(("recv_wait", "respond", "send_wait", "bridge", "rx_stack"), 1_000)
    slowest = (spike(9_000_000, app=8_000_000, deliver=7_000_000, **short),)
    lines = shown(target(), snapshot(slowest=slowest), width=50)
    head = next(line for line in lines if line.split()[:1] == ["at"]).split()
    assert head == ["at", "response", "app", "deliver", "peer"]
    assert max(map(len, lines)) <= 50


@pytest.mark.parametrize("height", [18, 24, 30, 50])
@pytest.mark.parametrize("width", [80, 100])
def test_the_live_view_fits_the_terminals_height(height: int, width: int) -> None:
    headline = {name: snapshot().total["response"] for name in HEADLINE}
    seen = snapshot(total=headline, recent=headline, slowest=(spike(7),) * 10)
    lines = shown(target(), seen, height=height, width=width)
    assert len(lines) <= height
    listed = [line for line in lines if line.endswith("10.0.0.9:40000")]
    assert len(listed) == min(10, max(0, height - (len(lines) - len(listed))))
    assert bool(listed) == ("slowest exchanges" in "\n".join(lines))


def test_only_stages_that_took_time_are_columns_of_the_slowest() -> None:
    slowest = (spike(9_000_000, app=8_000_000), spike(7_000_000, recv_wait=6_000_000, at_s=62.25))
    lines = shown(target(), snapshot(slowest=slowest))
    assert lines[-3].split() == ["at", "response", "recv_wait", "app", "peer"]
    assert lines[-2].split()[:5] == ["09:00:06.000", "9.00", "ms", "-", "8.00"]
    assert lines[-1].split()[0] == "09:01:07.250"


def test_where_most_of_a_slow_exchange_went_has_a_colour() -> None:
    stream = io.StringIO()
    console = Console(file=stream, width=100, force_terminal=True, color_system="standard")
    slowest = (
        spike(9_000_000, app=8_000_000, recv_wait=1_000_000, deliver=40_000_000),
        spike(9_000_000, app=2_000_000, recv_wait=7_000_000),
    )
    console.print(as_tables(target(), snapshot(slowest=slowest)))
    coloured = re.findall(r"\x1b\[33m *([^\x1b]+?) *\x1b", stream.getvalue())
    assert coloured == ["8.00 ms", "7.00 ms"]


@pytest.mark.parametrize("label", ["[red]x[/red] (a:[bold]1)", "[/] (x)", "a[link=http://e]b"])
def test_a_name_is_no_markup(label: str) -> None:
    assert shown(target(label=label), snapshot())[0] == label


def test_a_long_name_takes_one_line() -> None:
    lines = shown(target(label="x" * 300), snapshot(), width=80)
    assert len(lines[0]) <= 80
    assert lines[1].startswith("since ")
