"""``load.rate = "auto"`` once its rate is found: another load of the same scenario.

The scenario keeps its hash, so that its history goes on; campaigns are told apart by the rate in
their fingerprints, and a later job takes the rate of those that are stored.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from socklat_gate.errors import InvalidMeasurement, Reason
from socklat_gate.scenario.exceeding import WANTED_EXCEEDING
from socklat_gate.scenario.named_requests import (
    all_per_run,
    expected_per_run,
    with_named_metrics,
)

if TYPE_CHECKING:
    from socklat_gate.scenario.gating import Metric
    from socklat_gate.scenario.load import Load
    from socklat_gate.scenario.model import Scenario

__all__ = ["as_written", "found_rate", "with_rate"]

LONGEST_S = 60.0
"""A rate at which a pair takes longer is too low for what is gated."""


def as_written(load: Load) -> Load:
    """The load as the scenario has it, also when its rate was found since."""
    return load.before_finding or load


def found_rate(load: Load) -> float | None:
    """The rate that was found in requests per second and arm; None where the scenario has one."""
    return None if load.before_finding is None else float(load.rate)  # type: ignore[arg-type]


def with_rate(scenario: Scenario, rate_rps: float) -> Scenario:
    """The scenario at the rate that was found, its runs as long as its metrics need there.

    The default metrics of named requests, which depend on how many come, are added.  Raises
    `InvalidMeasurement` (TOO_FEW_REQUESTS) where a run would be longer than `LONGEST_S`.
    """
    load = scenario.load.at_found_rate(rate_rps, scenario.load.duration_s)
    needed = {metric.name: _needed_s(metric, load) for metric in scenario.gate.metrics}
    name, longest_s = max(needed.items(), key=lambda item: item[1])
    if longest_s > max(LONGEST_S, load.duration_s):
        raise InvalidMeasurement(
            Reason.TOO_FEW_REQUESTS,
            f"{rate_rps:g} requests a second, the rate that was found for this service, would take "
            f"{longest_s:.0f} s in each pair for {name}",
            remedy="gate a lower quantile, or give load.rate a number",
        )
    if longest_s > load.duration_s:
        load = load.at_found_rate(rate_rps, longest_s)
    gate = with_named_metrics(scenario.gate, load)
    return scenario.model_copy(update={"load": load, "gate": gate})


def _needed_s(metric: Metric, load: Load) -> float:
    """How long a run must be for the metric's quantile to rest on enough requests."""
    if metric.quantile is None:
        return 0.0
    expected = expected_per_run(load)[metric.request] if metric.request else all_per_run(load)
    return load.duration_s * WANTED_EXCEEDING / ((1 - metric.quantile) * expected)
