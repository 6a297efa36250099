from __future__ import annotations

import pytest

from socklat_gate.init.judged import LONGEST_S, metrics_for
from socklat_gate.init.traffic.proposal import ProposedRequest
from socklat_gate.scenario.gating import WANTED_EXCEEDING

TWO = (ProposedRequest("a", 95.0), ProposedRequest("b", 5.0))


def test_all_of_the_default_needs_no_word() -> None:
    judged = metrics_for(1000, TWO)
    assert judged.by_default
    assert judged.metrics == ()
    assert judged.duration_s == 8


def test_at_a_low_rate_each_request_is_judged_as_far_as_it_can_be() -> None:
    judged = metrics_for(200, TWO)
    assert [one.name for one in judged.metrics] == [
        "response_p50",
        "response_p90",
        "cpu_per_request",
        "response_p50[a]",
        "response_p90[a]",
        "response_p50[b]",
    ]
    assert [name for name, _ in judged.left_out] == ["response_p99"]
    assert not judged.by_default


def test_a_rare_request_is_left_out_and_named() -> None:
    judged = metrics_for(50, TWO)
    assert "response_p50[b]" in [name for name, _ in judged.left_out]


@pytest.mark.parametrize("rate", [5, 20, 100, 200, 500])
def test_runs_are_long_enough_for_what_is_judged(rate: float) -> None:
    judged = metrics_for(rate, TWO)
    shares = {"": 1.0, "a": 0.95, "b": 0.05}
    for metric in judged.metrics:
        if metric.quantile is not None and not judged.by_default:
            requests = rate * judged.duration_s * shares[metric.request or ""]
            assert requests * (1 - metric.quantile) >= WANTED_EXCEEDING - 1e-6
    assert judged.duration_s <= max(LONGEST_S, 160 / rate)


def test_one_request_is_judged_as_the_whole() -> None:
    assert [one.name for one in metrics_for(200, TWO[:1]).metrics] == [
        "response_p50",
        "response_p90",
        "cpu_per_request",
    ]
