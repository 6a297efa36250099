"""What only the load's driver knows of a replica."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from socklat_gate.job.replica_unseen import Unseen, no_response, unseen_of, waited
from socklat_gate.measured.histogram import Histogram
from socklat_gate.measured.load_counts import Answers
from tests.unit.factories import make_load

MS = 1_000_000
COUNTS = replace(make_load(), planned=1010, responded=1000)


def times(*groups: tuple[int, float]) -> np.ndarray:
    """So many of so many ms, in ns."""
    return np.concatenate([np.full(many, round(took_ms * MS)) for many, took_ms in groups])


def test_what_was_due_and_not_responded_to() -> None:
    assert no_response(COUNTS) == 10


def test_a_response_that_is_an_error_is_none() -> None:
    """Of 500 for instance, or without what load.expect says."""
    assert no_response(replace(COUNTS, rejected=Histogram.of([1_000_000] * 7))) == 17


def test_requests_that_waited_for_a_connection_are_no_exchanges() -> None:
    """A service that restarts itself: three requests found nobody, and were quick after that."""
    client = Histogram.of(times((900, 3.2), (1, 90), (1, 180), (1, 270)))
    assert waited(client, times((903, 3.0)), 50 * MS) == 3


@pytest.mark.parametrize("usual_ms", [3, 49.9, 50.1, 60, 400])
def test_whatever_is_usual_the_time_of_an_exchange_is_no_wait(usual_ms: float) -> None:
    kernel = times((900, usual_ms), (20, 800), (3, 3_000))
    there_and_back = kernel + round(0.4 * MS)
    assert waited(Histogram.of(there_and_back), kernel, 50 * MS) == 0


@pytest.mark.parametrize("usual_ms", [3, 49.9, 60, 120])
def test_slow_services_hide_no_waits(usual_ms: float) -> None:
    """Where each exchange is beyond the threshold, too."""
    kernel = times((900, usual_ms), (5, usual_ms))
    client = times((900, usual_ms + 0.3), (5, usual_ms + 400))
    assert waited(Histogram.of(client), kernel, 50 * MS) == 5


def test_a_stop_that_every_exchange_shows_is_none() -> None:
    kernel = times((900, 3), (6, 700))
    assert waited(Histogram.of(kernel + 300_000), kernel, 50 * MS) == 0


def test_all_of_it_together() -> None:
    answers = Answers({"200": 1000}, Histogram.empty(), {}, opened=24, lost=16)
    client = Histogram.of(times((998, 3), (2, 200)))
    found = unseen_of(replace(COUNTS, client=client, answers=answers), times((1000, 3)), 50 * MS)
    assert found == Unseen(no_response=10, waited=2, lost=16)
    unknown = unseen_of(replace(COUNTS, client=client, answers=None), times((1000, 3)), 50 * MS)
    assert unknown.lost == 0
