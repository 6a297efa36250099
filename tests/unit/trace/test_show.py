from __future__ import annotations

import io
import json
from typing import Any, get_args

import pytest
from rich.console import Console

from gate.campaign import Spike
from gate.histogram import Histogram
from gate.probe.sources import names
from gate.scenario import Stage
from gate.trace.live import Look
from gate.trace.show import as_json, as_tables
from gate.trace.target import Target
from tests.unit.trace.looks import counters, look, spike, target

LONG_PEER = "[2001:db8:aaaa:bbbb:cccc:dddd:eeee:ffff]:65535"


def shown(of: Target, seen: Look, width: int = 100, **options: Any) -> list[str]:
    stream = io.StringIO()
    console = Console(file=stream, width=width, force_terminal=False)
    console.print(as_tables(of, seen, **options))
    return stream.getvalue().splitlines()


def test_a_line_of_json_is_strict_and_says_null_where_nothing_happened() -> None:
    document = as_json(target(id="abc"), look(slowest=(spike(9_000_000, app=8_000_000),)))
    again = json.loads(json.dumps(document, allow_nan=False))
    assert again == document
    assert again["total"]["service"]["count"] == 200
    assert again["recent"]["service"]["count"] == 100
    assert again["total"]["service"]["p99_ns"] == pytest.approx(1e6, rel=0.0079)
    nothing = {f"{q}_ns": None for q in ("p50", "p90", "p99", "p999", "max")}
    assert again["total"]["depend"] == {"count": 0, **nothing}
    assert again["target"] == {"label": "shop (shop:1)", "id": "abc", "image": ""}
    assert again["slowest"][0]["after_s"] == 1.0


def test_json_names_what_is_not_measured_and_leaves_it_out_of_the_slowest() -> None:
    document = as_json(target(), look(slowest=(spike(5, rx_stack=0),)))
    assert set(document["not_measured"]) == set(names("STAGE_")) - set(look().total)
    assert set(document["slowest"][0]["stages_ns"]) == {"service", "recv_wait", "app"}


def test_the_scenarios_stages_are_those_of_the_layout() -> None:
    assert get_args(Stage) == names("STAGE_")


def test_the_live_view_tells_now_from_all_and_names_what_was_not_seen() -> None:
    lines = shown(target(), look())
    assert lines[0] == "shop (shop:1)  2 s, 200 exchanges, 100 exchanges/s now"
    row = next(line for line in lines if line.startswith("service"))
    assert (
        row.split()[1:] == ["100", "1.00", "ms"] + ["1.00", "ms"] * 2 + ["200"] + ["1.00", "ms"] * 3
    )
    assert not [line for line in lines if line.startswith("depend ")]
    assert "not seen: depend" in lines
    assert any(line.startswith("not measured here: respond, send_wait") for line in lines)


def test_the_summary_has_no_columns_of_the_last_interval() -> None:
    lines = shown(target(), look(), final=True)
    assert "now" not in "\n".join(lines)
    assert lines[1].split() == ["stage", "n", "p50", "p99", "max"]


def test_before_anything_happened_there_is_no_empty_table() -> None:
    empty = dict.fromkeys(look().total, Histogram.empty())
    lines = shown(target(), look(total=empty, recent=empty, counters=counters()))
    assert lines[0].startswith("shop (shop:1)  2 s, 0 exchanges")
    assert "p50" not in "\n".join(lines)
    assert "not seen: service, recv_wait, app, depend" in lines


def test_losses_network_counters_and_drops_are_shown_when_there_are_any() -> None:
    quiet = "\n".join(shown(target(), look(network={"rtos": 0, "retransmits": 0})))
    for name in ("overlapped", "missed", "rtos", "dropped"):
        assert name not in quiet
    loud = " ".join(
        shown(
            target(),
            look(
                counters=counters(seen=200, overlapped=4, dropped_map_full=2),
                network={"rtos": 7, "listen_overflows": 0},
                drops={"tcp_csum": 3, "no_socket": 0},
                missed=5,
            ),
        )
    )
    for text in ("overlapped 4", "dropped_map_full 2", "missed 5", "rtos 7", "dropped tcp_csum 3"):
        assert text in loud
    assert "listen_overflows" not in loud
    assert "no_socket" not in loud


def worst() -> Look:
    """Every stage seen with numbers as wide as they come, and ten exchanges with all stages."""
    wide = Histogram.of([888_888_888] * 9_999_999)
    stages = dict.fromkeys(names("STAGE_"), wide)
    slow = spike(888_888_888, LONG_PEER, 86_400.0)
    all_stages = dict.fromkeys(slow.stages_ns, 888_888_888) | {"tx_stack": 888_888_888}
    slowest = (Spike(slow.rx_first_ns, all_stages, LONG_PEER, 0, overlapped=True),) * 10
    return look(total=stages, recent=stages, slowest=slowest, counters=counters(seen=9_999_999))


@pytest.mark.parametrize("final", [False, True])
def test_the_view_fits_a_hundred_columns_and_keeps_every_number(final: bool) -> None:
    lines = shown(target(), worst(), final=final)
    assert max(map(len, lines)) <= 100
    stages = [line for line in lines if line.startswith(names("STAGE_"))]
    assert len(stages) == len(names("STAGE_"))
    assert not [line for line in stages if "…" in line]
    assert all(line.count(" ms") == (3 if final else 6) for line in stages)
    slow = [line for line in lines if "*[2001" in line]
    assert len(slow) == 10
    assert all(line.count("889 ms") == 9 for line in slow)


@pytest.mark.parametrize("height", [24, 30, 50])
def test_the_live_view_fits_the_terminals_height(height: int) -> None:
    headline = {name: look().total["service"] for name in names("STAGE_")[:10]}
    seen = look(total=headline, recent=headline, slowest=(spike(7),) * 10)
    lines = shown(target(), seen, height=height)
    assert len(lines) <= height
    assert [line for line in lines if line.endswith("10.0.0.9:40000")]


def test_only_stages_that_took_time_are_columns_of_the_slowest() -> None:
    slowest = (spike(9_000_000, app=8_000_000), spike(7_000_000, recv_wait=6_000_000, at_s=62.25))
    lines = shown(target(), look(slowest=slowest))
    assert lines[-3].split() == ["at", "service", "recv_wait", "app", "peer"]
    assert lines[-1].split()[:2] == ["62.2", "s"]


@pytest.mark.parametrize("label", ["[red]x[/red] (a:[bold]1)", "[/] (x)", "a[link=http://e]b"])
def test_a_name_is_no_markup(label: str) -> None:
    assert shown(target(label=label), look())[0].startswith(f"{label}  2 s")
