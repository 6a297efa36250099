"""Whether the stages that a scenario gates are measured, checked before anything is started."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from socklat_gate.errors import Reason, UsageError
from socklat_gate.probe.hook_table import EVENTS, STAGE_NEEDS, Detail
from socklat_gate.scenario import Gate

__all__ = ["missing_hooks", "unmeasured_names", "unmeasured_stages"]

LOG = "stall"
"""The event with which exchanges are logged one by one; names are told apart by the log."""


def unmeasured_stages(
    gated: Iterable[str], measured: Collection[str], detail: Detail
) -> tuple[str, ...]:
    """Gated stages that this kernel cannot show at any detail, each once.

    Raises `UsageError` (BAD_SCENARIO) when a gated stage is only measured with more detail.
    """
    missing = tuple(dict.fromkeys(stage for stage in gated if stage not in measured))
    if detail == "headline":
        costly = [stage for stage in missing if _needs_full(stage)]
        if costly:
            names = " and ".join(costly)
            raise UsageError(
                Reason.BAD_SCENARIO,
                f'the scenario gates {names}, which probe.detail = "headline" does not measure',
                remedy='set detail = "full" in [probe], or gate another stage',
            )
    return missing


def unmeasured_names(gate: Gate, *, logged: bool) -> tuple[str, ...]:
    """Metrics of named requests where exchanges are not ``logged``: none can be told apart."""
    return () if logged else tuple(metric.name for metric in gate.metrics if metric.request)


def missing_hooks(stages: Iterable[str]) -> dict[str, str]:
    """By stage, the events for which no hook attaches to this kernel: ``"send and sent"``.

    Metrics of `unmeasured_names` stand there by their own names.
    """
    return {
        stage: LOG if "[" in stage else " and ".join(STAGE_NEEDS.get(stage, ())) for stage in stages
    }


def _needs_full(stage: str) -> bool:
    details = {event.name: event.detail for event in EVENTS}
    return any(details[event] == "full" for event in STAGE_NEEDS.get(stage, ()))
