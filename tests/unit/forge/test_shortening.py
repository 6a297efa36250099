from __future__ import annotations

from dataclasses import replace

import pytest

from socklat_gate.forge.shortening import DROPPED_FIRST, START, characters, shorten
from socklat_gate.report.formats.markdown import render_markdown
from tests.unit.factories import (
    make_cpu_metric,
    make_pair,
    make_result,
    make_spike_verdict,
    with_correction,
)
from tests.unit.report.markdown_judge import column_counts, filter_hits


def whole_report() -> str:
    result = make_result()
    assert result.verdict is not None
    spikes = make_spike_verdict(failed=True, candidate=9)
    metrics = (*result.verdict.metrics, make_cpu_metric(result.verdict.outcome))
    pairs = tuple(with_correction(make_pair(n)) for n in range(80))
    verdict = replace(result.verdict, spikes=spikes, metrics=metrics)
    return render_markdown(replace(result, verdict=verdict, pairs=pairs))


REPORT = whole_report()
TITLES = [found["heading"] or found["fold"] for found in START.finditer(REPORT)]


def test_every_title_of_a_report_has_its_place_in_the_order() -> None:
    unknown = [t for t in TITLES if not t.startswith(DROPPED_FIRST)]
    assert unknown == []
    assert len(TITLES) > 14


def test_a_report_that_has_room_stays_as_it_is() -> None:
    assert shorten(REPORT, characters(REPORT)) == REPORT


@pytest.mark.parametrize("room", range(600, len(REPORT), 977))
def test_it_never_takes_more_than_its_room_and_stays_whole_markdown(room: int) -> None:
    short = shorten(REPORT, room)
    assert characters(short) <= room
    assert short.startswith("✘ **REGRESSION** - ")
    assert short.count("<details>") == short.count("</details>")
    assert all(rows == {width} for width, rows in column_counts(short))
    assert filter_hits(short) == []
    assert "artifact has the whole report.\n" in short


def test_the_least_missed_goes_first_and_the_metrics_last() -> None:
    short = shorten(REPORT, characters(REPORT) - 1)
    assert "### Pairs" not in short
    assert "room: Facts about the machine. The artifact" in short
    for room in range(600, len(REPORT), 500):
        kept = shorten(REPORT, room)
        if "### Where the time went" in kept:
            assert "### Metrics" in kept


def test_what_has_no_place_in_the_order_goes_before_all() -> None:
    report = REPORT + "\n### New section\n\n" + 50 * "new\n"
    assert "room: New section. The" in shorten(report, characters(report) - 1)


def test_a_head_beyond_all_room_ends_with_a_line() -> None:
    head = "✘ **REGRESSION** - x\n\n" + "".join(f"- reason {n}\n" for n in range(10_000))
    short = shorten(head, 3000)
    assert characters(short) <= 3000
    assert short.splitlines()[-3].startswith("- reason ")
    assert "The rest is left out" in short


def test_characters_beyond_the_first_plane_count_twice() -> None:
    assert characters("a\U0001f600") == 3
