"""Which stages a load can be judged by: the kernel's, or with streams the driver's clock."""

from __future__ import annotations

from typing import TYPE_CHECKING

from socklat_gate.measured.names import CLIENT, REQUEST_STAGES
from socklat_gate.scenario.gating import Gate
from socklat_gate.scenario.located import problem_at

if TYPE_CHECKING:
    from socklat_gate.scenario.load import Load
    from socklat_gate.scenario.named_gate import Whole

__all__ = ["check_stages", "whole_stage", "with_whole_stage"]


def whole_stage(load: Load) -> Whole:
    """The stage that stands for a whole exchange of the load."""
    return CLIENT if load.streams > 1 else "response"


def check_stages(gate: Gate, load: Load) -> None:
    """Raises a `PydanticCustomError` for a stage that the load's exchanges do not have."""
    if "metrics" not in gate.model_fields_set:
        return
    for at, metric in enumerate(gate.metrics):
        where = ("metrics", at, "stage")
        if metric.stage == CLIENT and load.streams == 1:
            raise problem_at(
                'the driver\'s clock is judged with load.streams above 1: use "response", which is '
                "the kernel's and less noisy",
                *where,
            )
        if metric.stage in REQUEST_STAGES and load.streams > 1:
            raise problem_at(
                f"with load.streams = {load.streams} the kernel cannot tell a connection's "
                f'exchanges apart, so that {metric.stage} is not measured: use "{CLIENT}", the '
                "driver's clock, or leave streams out and raise load.connections",
                *where,
            )


def with_whole_stage(gate: Gate, load: Load) -> Gate:
    """The gate, which without metrics of its own judges the stage that the exchanges have."""
    if "metrics" in gate.model_fields_set or load.streams == 1:
        return gate
    whole = whole_stage(load)
    metrics = [
        metric.model_copy(update={"stage": whole}) if metric.quantile else metric
        for metric in gate.metrics
    ]
    found = gate.model_copy(update={"metrics": metrics})
    found.model_fields_set.discard("metrics")  # they still are those by default
    return found
