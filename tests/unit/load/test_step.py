from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from unittest.mock import ANY

import numpy as np
import pytest

from socklat_gate.errors import InvalidMeasurement, Reason
from socklat_gate.load.load_driver import Endpoint
from socklat_gate.load.step import LEAST_WITHIN_NS, Step, _step, limit_from, run_step, step_load
from socklat_gate.measured.histogram import Histogram
from socklat_gate.measured.load_counts import Answers, LoadCounts, RequestCounts
from socklat_gate.scenario import Load
from tests.unit.load.load_of import load_of, pong
from tests.unit.load.load_server import Server

LIMIT_NS = 10_000_000


FAST_NS, SLOW_NS = 1_000_000, 20_000_000


def counts(
    *, fast: int, slow: int, bad_fast: int = 0, bad_slow: int = 0, lost: int = 0, late_ns: int = 0
) -> LoadCounts:
    """``bad`` ones are among those that got a response, ``lost`` ones got none."""
    responded = fast + slow
    client = Histogram.of([FAST_NS] * fast + [SLOW_NS] * slow)
    sent, bad = responded + lost, [FAST_NS] * bad_fast + [SLOW_NS] * bad_slow
    rejected = Histogram.of(bad) if bad else None
    errors = len(bad) + lost
    return LoadCounts(
        sent, sent, 0, responded, errors, responded, late_ns, 0, client, rejected=rejected
    )


def test_two_workers_take_a_step_together() -> None:
    load = load_of(workers=2, connections=4, max_connections=40)
    with Server(pong) as server:
        endpoint = Endpoint("127.0.0.1", server.port)
        step = run_step(load, endpoint, 2000.0, 7, 10_000_000_000, lambda: None)
    # One second, and 0.2 s of warm-up.
    assert (step.planned, step.in_time, step.errors) == (2000, 2000, 0)
    assert server.requests == 2400


class Refusing:
    """Loads whose ``results`` of connecting come one after another: an error, or None."""

    def __init__(self, *results: Exception | None) -> None:
        self.results = list(results)

    def __call__(self, *_: object) -> Refusing:
        return self

    def __enter__(self) -> Refusing:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def connect(self) -> None:
        if (error := self.results.pop(0)) is not None:
            raise error


def refusal(reason: Reason = Reason.LOAD_REFUSED) -> InvalidMeasurement:
    return InvalidMeasurement(reason, "the service at 10.0.0.2:80 did not take ...", remedy="check")


@pytest.fixture
def refuse(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[Exception | None]]:
    """What is left of these results once a step was tried, in a time that passes by sleeping."""
    now_s = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: now_s[0])
    monkeypatch.setattr(time, "sleep", lambda s: now_s.__setitem__(0, now_s[0] + s))

    def run(*results: Exception | None, fresh: bool = False) -> list[Exception | None]:
        driver = Refusing(*results)
        monkeypatch.setattr("socklat_gate.load.step.make_load", driver)
        endpoint = Endpoint("10.0.0.2", 80)
        step = run_step(load_of(), endpoint, 200.0, 7, LIMIT_NS, lambda: None, fresh=fresh)
        assert (step.rate_rps, step.share, step.errors) == (200.0, 0.0, 1)
        return driver.results

    return run


Refuse = Callable[..., list[Exception | None]]


def test_an_overloaded_service_that_takes_connections_again_does_not_carry_the_rate(
    refuse: Refuse,
) -> None:
    assert refuse(refusal(), None, refusal()) == [ANY]
    assert refuse(refusal(), *[refusal()] * 20, None) == []


def test_one_that_refuses_though_it_is_left_alone_has_another_reason(refuse: Refuse) -> None:
    with pytest.raises(InvalidMeasurement, match=r"the service at 10\.0\.0\.2:80 did not take"):
        refuse(*[refusal()] * 100)


def test_so_has_one_that_was_sent_nothing_yet(refuse: Refuse) -> None:
    with pytest.raises(InvalidMeasurement, match="did not take"):
        refuse(refusal(), None, fresh=True)


def test_what_fails_for_another_reason_is_no_refusal(refuse: Refuse) -> None:
    for results in ([refusal(Reason.SETUP_FAILED)], [refusal(), refusal(Reason.SETUP_FAILED)]):
        with pytest.raises(InvalidMeasurement) as failed:
            refuse(*results)
        assert failed.value.reason is Reason.SETUP_FAILED


def test_the_service_s_own_words_are_told_where_nothing_is_responded_to() -> None:
    idle = _step(20.0, replace(counts(fast=0, slow=0, lost=9), first_error="no such key"), LIMIT_NS)
    with pytest.raises(
        InvalidMeasurement, match=r"0 of 9 requests .*; the first error: no such key"
    ):
        limit_from(idle)


def test_only_good_responses_in_time_count() -> None:
    found = _step(100.0, counts(fast=90, slow=5, bad_fast=2, bad_slow=3, lost=3), LIMIT_NS)
    assert (found.planned, found.in_time, found.errors) == (98, 88, 8)
    assert found.share == pytest.approx(88 / 98)


def test_a_request_without_a_response_is_missing_once() -> None:
    found = _step(100.0, counts(fast=99, slow=0, lost=1), LIMIT_NS)
    assert (found.planned, found.in_time, found.errors) == (100, 99, 1)


def test_a_bad_response_that_was_slow_is_missing_once() -> None:
    assert _step(100.0, counts(fast=90, slow=10, bad_slow=10), LIMIT_NS).in_time == 90


@pytest.mark.parametrize(("late_ns", "late"), [(1_000_000, False), (6_000_000, True)])
def test_a_late_driver_is_noticed(late_ns: int, late: bool) -> None:
    assert _step(100.0, counts(fast=9, slow=0, late_ns=late_ns), LIMIT_NS).driver_late is late


def test_a_step_is_short_but_has_enough_requests() -> None:
    load = Load(driver="http", max_duration_s=60.0, duration_s=30.0)
    for rate, duration_s in ((5.0, 4.0), (200.0, 2.0), (10_000.0, 1.0)):
        step = step_load(load, rate, LIMIT_NS)
        assert (step.rate, step.duration_s, step.max_duration_s) == (rate, duration_s, None)
    assert step_load(load, 10.0, 2_000_000_000).timeout_s == 6.0


def test_the_limit_follows_from_the_latency_without_a_queue() -> None:
    def idle(p99_ns: float, in_time: int = 100) -> Step:
        return Step(20.0, 100, in_time, 0, driver_late=False, median_ns=p99_ns, p99_ns=p99_ns)

    assert limit_from(idle(30e6)) == 300_000_000
    assert limit_from(idle(1e5)) == LEAST_WITHIN_NS
    with pytest.raises(InvalidMeasurement) as refused:
        limit_from(idle(float("nan"), in_time=0))
    assert refused.value.reason is Reason.LOAD_REFUSED


def test_a_step_has_what_came_back_by_name() -> None:
    good = Answers({"200": 10}, Histogram.of(np.full(10, 200)), {}, 1, 0)
    client = Histogram.of(np.full(10, 1_000_000))
    of_name = RequestCounts(10, 10, 10, 0, client, good)
    whole = replace(counts(fast=10, slow=0), answers=good, requests={"cart": of_name})
    assert _step(100.0, whole, 10_000_000).answers == {"": good, "cart": good}
    assert _step(100.0, counts(fast=10, slow=0), 10_000_000).answers == {}
