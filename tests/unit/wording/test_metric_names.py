from __future__ import annotations

from dataclasses import replace

import pytest

from socklat_gate.errors import Reason
from socklat_gate.measured.facts import ReasonFact
from socklat_gate.measured.verdict import Outcome
from socklat_gate.wording.metric_names import (
    marked,
    metric_phrase,
    metric_sentence,
    request_in,
    requests_of,
    without_request,
)
from socklat_gate.wording.sentence import Name
from tests.unit.factories import make_count_verdict, make_result
from tests.unit.named_results import make_named_metric


@pytest.mark.parametrize(
    ("name", "phrase", "request_name", "rest"),
    [
        ("response_p99[checkout]", "p99 of `checkout`", "checkout", "response_p99"),
        ("response_p99.9[v2.get-item_1]", "p99.9 of `v2.get-item_1`", "v2.get-item_1", None),
        ("recv_wait_p50[cart]", "recv_wait p50 of `cart`", "cart", "recv_wait_p50"),
        ("errors[cart]", "errors of `cart`", "cart", "errors"),
        ("response_p99", "response_p99", "", "response_p99"),
        ("cpu_per_request", "cpu_per_request", "", "cpu_per_request"),
    ],
)
def test_a_metric_of_a_request_reads_as_of_it(
    name: str, phrase: str, request_name: str, rest: str | None
) -> None:
    assert metric_phrase(name) == phrase
    assert "".join(metric_sentence(name)) == phrase.replace("`", "")
    assert request_in(name) == request_name
    assert without_request(name) == (rest or "response_p99.9")


def test_identifiers_are_marked() -> None:
    names = [part for part in metric_sentence("app_p99[cart]") if isinstance(part, Name)]
    assert names == ["app", "cart"]


@pytest.mark.parametrize(
    "name", ["response_p99[]", "response_p99[a b]", "x[`y`]", "p[a][b]", "[a]"]
)
def test_what_no_request_could_be_called_stays_as_it_is(name: str) -> None:
    assert metric_sentence(name) == (name,)
    assert request_in(name) == ""


def test_only_known_requests_are_names_in_a_text() -> None:
    found = marked("p99 of `cart` and `other` of `cart`", {"cart"})
    assert found == ("p99 of ", "cart", " and `other` of ", "cart")
    assert [isinstance(part, Name) for part in found] == [False, True, False, True]
    assert marked("`cart", {"cart"}) == ("`cart",)
    assert marked("", {"cart"}) == ()


def test_requests_are_those_that_something_is_said_of() -> None:
    verdict = replace(
        make_result().verdict,
        metrics=(make_named_metric("cart", "response_p99", Outcome.PASS),),
        counts=(make_count_verdict("errors[login]"), make_count_verdict()),
        reasons=(
            ReasonFact(Reason.ANSWERS_DIFFER, "sizes[search]"),
            ReasonFact(Reason.REQUEST_NOT_SEEN, "rare"),
            ReasonFact(Reason.SERVICE_DIED, "candidate"),
        ),
    )
    assert requests_of(verdict) == {"cart", "login", "search", "rare"}
    assert requests_of(make_result().verdict) == frozenset()
