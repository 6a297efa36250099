"""What the logs of the fuzzer say, and that the page says the same."""

from __future__ import annotations

from pathlib import Path

from tests.fuzz.long import PAGE, Fuzzed, fuzzed, page_of, read_data

LOG = """INFO: seed corpus: files: 12 min: 1b max: 99b total: 400b rss: 80Mb
#13\tINITED cov: 30 ft: 40 corp: 9/300b exec/s: 0 rss: 80Mb
#1024\tNEW    cov: 48 ft: 150 corp: 20/900b lim: 99 exec/s: 30000 rss: 89Mb L: 7/421
"""
DONE = "#5000\tDONE   cov: 48 ft: 198 corp: 49/6933b lim: 4096 exec/s: 23255 rss: 89Mb\n"


def test_the_last_line_counts_and_what_was_found_beside_it(tmp_path: Path) -> None:
    assert fuzzed("http", tmp_path) is None
    (tmp_path / "http.log").write_text("INFO: nothing yet\n")
    assert fuzzed("http", tmp_path) is None
    (tmp_path / "http.log").write_text(LOG)
    (tmp_path / "http-crash-1234").touch()
    (tmp_path / "http2-crash-1234").touch()
    assert fuzzed("http", tmp_path) == Fuzzed(1024, 150, 20, 1)
    (tmp_path / "http.log").write_text(LOG + DONE)
    assert fuzzed("http", tmp_path) == Fuzzed(5000, 198, 49, 1)


def test_the_committed_page_is_made_of_the_committed_counts() -> None:
    machine, targets = read_data()
    assert PAGE.read_text("utf-8") == page_of(machine, targets)
    assert not any(one.found for one in targets.values())
