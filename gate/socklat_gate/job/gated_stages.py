"""Whether the stages that a scenario gates are measured, asked before anything is started."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from socklat_gate.errors import Reason, UsageError
from socklat_gate.probe.hook_table import EVENTS, STAGE_NEEDS, Detail

__all__ = ["unmeasured_stages", "unmeasured_text"]


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


def unmeasured_text(stages: Iterable[str]) -> str:
    """Why a scenario that gates them cannot be judged."""
    needed = "; ".join(
        f"{stage} is not measured: no hook for {' and '.join(STAGE_NEEDS.get(stage, ('it',)))} "
        "attaches to this kernel"
        for stage in stages
    )
    return f"{needed} (gate another stage, or run where it does)"


def _needs_full(stage: str) -> bool:
    details = {event.name: event.detail for event in EVENTS}
    return any(details[event] == "full" for event in STAGE_NEEDS.get(stage, ()))
