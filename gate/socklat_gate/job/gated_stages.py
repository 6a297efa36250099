"""Whether the stages that a scenario gates are measured, checked before anything is started."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from socklat_gate.errors import Reason, UsageError
from socklat_gate.probe.hook_table import EVENTS, STAGE_NEEDS, Detail

__all__ = ["missing_hooks", "unmeasured_stages"]


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


def missing_hooks(stages: Iterable[str]) -> dict[str, str]:
    """By stage, the events for which no hook attaches to this kernel: ``"send and sent"``."""
    return {stage: " and ".join(STAGE_NEEDS.get(stage, ())) for stage in stages}


def _needs_full(stage: str) -> bool:
    details = {event.name: event.detail for event in EVENTS}
    return any(details[event] == "full" for event in STAGE_NEEDS.get(stage, ()))
