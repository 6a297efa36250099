from __future__ import annotations

import re
from dataclasses import replace

import pytest

from socklat_gate.forge.shortening import DROPPED_FIRST, characters, shorten
from socklat_gate.report.formats import markdown
from socklat_gate.report.report import Report, report_of
from socklat_gate.wording.section_titles import TITLES
from tests.unit.factories import (
    make_cpu_metric,
    make_pair,
    make_result,
    make_spike_verdict,
    with_correction,
)
from tests.unit.named_results import MANY, make_named_result
from tests.unit.report.markdown_judge import column_counts, filter_hits


def whole_report() -> Report:
    result = make_result()
    spikes = make_spike_verdict(failed=True, candidate=9)
    metrics = (*result.verdict.metrics, make_cpu_metric(result.verdict.outcome))
    pairs = tuple(with_correction(make_pair(n)) for n in range(80))
    verdict = replace(result.verdict, spikes=spikes, metrics=metrics)
    return report_of(replace(result, verdict=verdict, pairs=pairs))


REPORT = whole_report()
WHOLE = markdown.render(REPORT)
SIZE = characters(WHOLE)


def test_every_section_of_a_report_has_its_place_in_the_order() -> None:
    assert sorted(DROPPED_FIRST) == sorted(TITLES)
    assert len(list(REPORT.sections())) > 14


def test_a_report_that_has_room_stays_as_it_is() -> None:
    assert shorten(REPORT, SIZE) == WHOLE


@pytest.mark.parametrize("room", range(600, SIZE, 977))
def test_it_never_takes_more_than_its_room_and_stays_whole_markdown(room: int) -> None:
    short = shorten(REPORT, room)
    assert characters(short) <= room
    assert short.startswith("✘ **REGRESSION** - ")
    assert short.count("<details>") == short.count("</details>")
    assert all(rows == {width} for width, rows in column_counts(short))
    assert filter_hits(short) == []
    assert "artifact has the full report.\n" in short


def test_thirty_names_fit_with_room_to_spare_and_fold_what_passed() -> None:
    report = report_of(make_named_result(MANY))
    text = markdown.render(report)
    assert characters(text) < 30_000
    opened = re.sub(r"(?ms)^<details>.*?^</details>$", "", text)
    assert "v2.item-04" not in opened
    assert opened.count("`checkout`") > 5
    assert len(list(filter(None, opened.splitlines()))) < 90


def test_folded_requests_go_before_those_that_got_slower() -> None:
    report = report_of(make_named_result(MANY))
    short = shorten(report, 9_000)
    assert "| `checkout` | `response_p50` |" in short
    assert "### Requests" in short
    assert "v2.item-04" not in short
    assert "Other requests" in short.splitlines()[-1]


def test_reports_of_many_names_keep_to_their_room() -> None:
    weights = {f"request-{n:03d}" + "x" * 50: 0.01 for n in range(100)}
    report = report_of(make_named_result(weights, slow=tuple(weights)))
    for room in (700, 5_000, 20_000, 60_000):
        short = shorten(report, room)
        assert characters(short) <= room
        assert all(rows == {width} for width, rows in column_counts(short))


def test_bytes_are_bounded_alike() -> None:
    def size(text: str) -> int:
        return len(text.encode("utf-8"))

    for room in range(700, size(WHOLE), 2_500):
        short = shorten(REPORT, room, size)
        assert size(short) <= room


def test_no_more_is_left_out_than_it_takes() -> None:
    """One section more would not have fitted."""
    there = {name for name, _ in REPORT.sections()}
    names = [name for name in DROPPED_FIRST if name in there]
    texts = [markdown.render(REPORT.without(*names[:n])) for n in range(1, len(names) + 1)]
    for room in range(1_000, SIZE, 1_500):
        short = shorten(REPORT, room)
        fitting = [text for text in texts if characters(text) <= room]
        assert short == fitting[0] if fitting else short.endswith("full report.\n")


def test_the_least_missed_goes_first_and_the_metrics_last() -> None:
    short = shorten(REPORT, SIZE - 1)
    assert "<summary>Pairs</summary>" in short
    assert "<summary>Facts about the machine</summary>" not in short
    assert "size limit: Facts about the machine. The artifact" in short
    for room in range(600, SIZE, 500):
        kept = shorten(REPORT, room)
        if "### Where the time went" in kept:
            assert "### Metrics" in kept


def test_a_head_beyond_all_room_ends_with_a_line() -> None:
    head = "✘ **REGRESSION** - x\n\n" + "".join(f"- reason {n}\n" for n in range(10_000))
    short = shorten(head, 3000)
    assert characters(short) <= 3000
    assert short.splitlines()[-3].startswith("- reason ")
    assert "The rest is left out" in short


def test_characters_beyond_the_first_plane_count_twice() -> None:
    assert characters("a\U0001f600") == 3
