from __future__ import annotations

import json
from typing import Any

import pytest

from socklat_gate.forge.verdict_history import (
    MAX_JSON,
    MOST,
    Entry,
    entry_of,
    hidden_line,
    history_in,
    history_table,
    with_entry,
)
from socklat_gate.measured.verdict import Outcome
from tests.unit.factories import make_result
from tests.unit.report.markdown_judge import tables


def entry(run: int = 1, **changes: Any) -> Entry:
    values = {
        "commit": "a" * 40,
        "at_s": 1_700_000_000,
        "verdict": Outcome.REGRESSION,
        "p50": 0.31,
        "p99": None,
        "run": run,
        "attempt": 1,
    }
    return Entry.model_validate({**values, **changes})


def body_with(document: object) -> str:
    return f"text\n<!-- socklat-gate history {json.dumps(document)} -->\n"


def test_what_was_written_is_read_again() -> None:
    entries = (entry(1), entry(2, verdict=Outcome.PASS, p50=-0.02, p99=0.1))
    assert history_in(f"report\n{hidden_line(entries)}\n") == entries


def test_a_result_is_a_line_of_the_history_by_its_verdict() -> None:
    found = entry_of(make_result(outcome=Outcome.REGRESSION), "b" * 40, 7, 1)
    assert found is not None
    assert (found.verdict, found.p50, found.p99) == (Outcome.REGRESSION, 0.004, 0.31)
    assert entry_of(make_result("run"), "b" * 40, 7, 1) is None


def test_ten_earlier_ones_are_kept_beside_the_present() -> None:
    entries: tuple[Entry, ...] = ()
    for run in range(1, 30):
        entries = with_entry(entries, entry(run))
    assert [one.run for one in entries] == list(range(30 - MOST, 30))
    assert MOST == 11


def test_the_same_run_replaces_what_it_said() -> None:
    entries = with_entry((entry(1), entry(2)), entry(2, verdict=Outcome.PASS))
    assert [(one.run, one.verdict) for one in entries] == [
        (1, Outcome.REGRESSION),
        (2, Outcome.PASS),
    ]


GOOD = json.loads(entry().model_dump_json())


@pytest.mark.parametrize(
    "document",
    [
        {},
        [5],
        [{**GOOD, "more": 1}],
        [{**GOOD, "commit": "[x](https://evil.example)"}],
        [{**GOOD, "commit": "a" * 40 + "\n"}],
        [{**GOOD, "verdict": "great"}],
        [{**GOOD, "p50": "1"}],
        [{**GOOD, "p50": 1e300}],
        [{**GOOD, "p50": float("nan")}],
        [{**GOOD, "run": -1}],
        [{**GOOD, "at_s": 1 << 40}],
        [{name: value for name, value in GOOD.items() if name != "run"}],
        [GOOD] * 500,
    ],
)
def test_what_somebody_edited_is_dropped(document: object) -> None:
    assert history_in(body_with(document)) == ()


def test_two_histories_are_none() -> None:
    assert history_in(body_with([GOOD]) + body_with([GOOD])) == ()


def test_a_full_history_fits_what_is_read() -> None:
    longest = entry(
        run=(1 << 53) - 1,
        attempt=(1 << 53) - 1,
        commit="a" * 64,
        p50=-0.12345678901234568,
        p99=999999999.1234567,
        verdict=Outcome.INCONCLUSIVE,
    )
    line = hidden_line([longest] * MOST)
    assert len(line) < MAX_JSON
    assert len(history_in(line)) == MOST


def test_the_table_shows_the_newest_first() -> None:
    text = history_table((entry(1), entry(2, p99=-0.5)), lambda run: f"https://x.example/{run}")
    (table,) = tables(text)
    assert table[1] == [
        "`aaaaaaaaaaaa`",
        "2023-11-14 22:13",
        "✘ regression",
        "+31.0%",
        "-50.0%",
        "[2](https://x.example/2)",
    ]
    assert table[2][5] == "[1](https://x.example/1)"
    assert history_table((), str) == ""
