from __future__ import annotations

import pytest

from socklat_gate.init.traffic import tally as module
from socklat_gate.init.traffic.from_tally import requests_of
from socklat_gate.init.traffic.route import Target, target_of
from socklat_gate.init.traffic.tally import Tally


def target(text: str) -> Target:
    found = target_of(text)
    assert found is not None
    return found


def words(count: int) -> list[str]:
    """Distinct words that read like ones."""
    syllables = ["ba", "de", "li", "mo", "nu", "ra", "se", "to"]
    return [
        "".join(syllables[(number // 8**place) % 8] for place in range(5))
        for number in range(count)
    ]


def test_weights_are_shares_and_the_rarest_are_left_out() -> None:
    tally = Tally()
    for path, times in (("/a", 700), ("/b", 200), ("/c", 90), ("/d", 10)):
        tally.add("GET", target(path), times)
    requests, rare = requests_of(tally, 3)
    assert [(one.name, one.weight) for one in requests] == [("a", 70.7), ("b", 20.2), ("c", 9.09)]
    assert rare == 10


def test_numbers_of_a_slot_have_the_bounds_of_all_of_them() -> None:
    tally = Tally()
    for number in (3, 180, 77):
        tally.add("GET", target(f"/orders/{number}"))
    [request], _ = requests_of(tally, 30)
    assert request.path == "/orders/{random_int:1:200}"


def test_many_words_in_one_place_are_data() -> None:
    tally = Tally()
    for word in words(40):
        tally.add("GET", target(f"/products/{word}/reviews"))
    tally.add("GET", target("/products/list"))
    requests, rare = requests_of(tally, 30)
    assert {one.path: one.weight for one in requests} == {
        "/products/example/reviews": 97.6,
        "/products/list": 2.44,
    }
    assert rare == 0


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_ROUTES", 50)
    monkeypatch.setattr(module, "MANY_WORDS", 1000)
    tally = Tally()
    for word in words(200):
        tally.add("GET", target(f"/{word}"))
    assert len(tally.requests) == 50
    assert tally.pooled == 150


def test_words_are_merged_when_there_is_no_more_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_ROUTES", 50)
    tally = Tally()
    for word in words(200):
        tally.add("GET", target(f"/p/{word}"))
    assert len(tally.requests) == 1
    assert tally.pooled == 0
    assert sum(found.count for found in tally.requests.values()) == 200


def test_the_body_of_median_length_stands_for_all() -> None:
    tally = Tally()
    for length in (5, 300, 20):
        tally.add("POST", target("/a"), body="x" * length, body_bytes=length, sized=1)
    [request], _ = requests_of(tally, 30)
    assert request.body == "x" * 20
    assert "bodies have 108 bytes on average" in request.comments


def test_a_query_whose_text_was_replaced_says_so() -> None:
    tally = Tally()
    tally.add("GET", target("/search?q=red+shoes"), 2)
    tally.add("GET", target("/list?page=2&all=true&x"), 1)
    found, other = requests_of(tally, 30)[0]
    assert found.path == "/search?q=placehold"
    assert "a text of the query was here: put one that finds something" in found.comments
    assert other.comments == ("1 of 3",)
