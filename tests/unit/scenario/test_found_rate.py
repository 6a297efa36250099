from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from socklat_gate.errors import InvalidMeasurement, Reason
from socklat_gate.load.load_json import load_from_json, load_to_json
from socklat_gate.load.schedule import make_schedule
from socklat_gate.scenario import Scenario
from socklat_gate.scenario.found_rate import found_rate, with_rate
from socklat_gate.scenario.rate_steps import mean_rate


def scenario(rate: Any = "auto", **load: Any) -> Scenario:
    return Scenario.model_validate(
        {
            "name": "demo",
            "service": {"image": "demo:2", "port": 80},
            "load": {"driver": "http", "rate": rate, **load},
        }
    )


def test_the_rate_that_was_found_is_sent_and_the_hash_stays() -> None:
    written = scenario()
    found = with_rate(written, 2500.0)
    assert mean_rate(found.load) == 2500.0
    assert found.measured_hash() == written.measured_hash() != scenario(2500.0).measured_hash()
    assert found_rate(found.load) == 2500.0
    assert found_rate(scenario(2500.0).load) is None
    sent = make_schedule(load_from_json(load_to_json(found.load)), 2, 7)
    assert sent.offsets_ns.size == pytest.approx(2 * 2500 * 9, rel=0.05)


def test_runs_are_as_long_as_the_metrics_need_at_a_low_rate() -> None:
    found = with_rate(scenario(), 400.0)
    assert found.load.duration_s == pytest.approx(80 / (0.01 * 400))
    assert found.measured_hash() == scenario().measured_hash()
    assert with_rate(found, 5000.0).measured_hash() == scenario().measured_hash()


def test_a_rate_too_low_for_what_is_gated_is_refused() -> None:
    with pytest.raises(InvalidMeasurement, match="response_p99") as refused:
        with_rate(scenario(), 100.0)
    assert refused.value.reason is Reason.TOO_FEW_REQUESTS


def test_names_are_judged_as_far_as_the_found_rate_has_enough_of_them() -> None:
    often = {"name": "often", "weight": 9.0}
    mixed = scenario(request=[often, {"name": "seldom"}])
    assert not [metric for metric in mixed.gate.metrics if metric.request]
    judged = {metric.name for metric in with_rate(mixed, 5000.0).gate.metrics}
    assert {"response_p99[often]", "response_p90[seldom]"} <= judged
    assert "response_p99[seldom]" not in judged


@pytest.mark.parametrize("rate", ["fast", "Auto", ""])
def test_no_other_word_is_a_rate(rate: str) -> None:
    with pytest.raises(ValidationError, match="valid number"):
        scenario(rate)


def test_no_rate_is_found_for_a_command() -> None:
    with pytest.raises(ValidationError, match="give a number"):
        scenario(driver="command", command={"argv": ["wrk"]})
