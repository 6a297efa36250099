"""What a gate and the named requests of a load have to do with each other."""

from __future__ import annotations

import difflib
from collections.abc import Sequence

from socklat_gate.scenario.gating import Gate, Metric
from socklat_gate.scenario.load import Load
from socklat_gate.scenario.located import problem_at
from socklat_gate.scenario.named_gate import named_metrics
from socklat_gate.scenario.rate_steps import mean_rate
from socklat_gate.scenario.whole_stage import whole_stage

__all__ = [
    "all_per_run",
    "check_requests",
    "expected_per_run",
    "names_of",
    "with_named_metrics",
]


def names_of(load: Load) -> tuple[str, ...]:
    """Names of the requests that the load mixes, in its order; () where it sends one kind."""
    return tuple(request.name for request in load.request)


def all_per_run(load: Load) -> float:
    """Requests that are expected in a run of one arm."""
    return mean_rate(load) * load.duration_s


def expected_per_run(load: Load) -> dict[str, float]:
    """By name, how many of them."""
    whole = sum(request.weight for request in load.request)
    return {one.name: all_per_run(load) * one.weight / whole for one in load.request}


def with_named_metrics(gate: Gate, load: Load) -> Gate:
    """The gate, which without metrics of its own has the default ones of the load's names too."""
    if "metrics" in gate.model_fields_set or any(metric.request for metric in gate.metrics):
        return gate
    found = named_metrics(expected_per_run(load), whole_stage(load))
    by_name = [Metric(**vars(metric)) for metric in found]
    all_of_them = gate.model_copy(update={"metrics": [*gate.metrics, *by_name]})
    all_of_them.model_fields_set.discard("metrics")  # they still are those by default
    return all_of_them


def check_requests(gate: Gate, load: Load) -> None:
    """Raises a `PydanticCustomError` for a metric of a request that the load does not name."""
    names = names_of(load)
    for at, metric in enumerate(gate.metrics):
        if metric.request and metric.request not in names:
            raise problem_at(_unknown(metric.request, names, load), "metrics", at, "request")


def _unknown(request: str, names: Sequence[str], load: Load) -> str:
    if load.driver == "command":
        return (
            'with driver "command" it is not known which request is which: take request away, or '
            'send the requests with driver "http" or "tcp"'
        )
    if not names:
        return f"there is no [[load.request]]: name one {request!r}, or take request away"
    near = difflib.get_close_matches(request, names, n=1, cutoff=0.0)[0]
    return f"no [[load.request]] is called {request!r}; did you mean {near!r}?"
