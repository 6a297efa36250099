"""What an A/A study's pairs took, for the proposal of another setting (`verdict.proposal`)."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

from socklat_gate.measured.pair import ARMS, Pair, containers_of, together
from socklat_gate.measured.run_values import request_part
from socklat_gate.scenario import Load, Scenario
from socklat_gate.scenario.blocks import obstacle_to_blocks
from socklat_gate.scenario.watch import has_watch
from socklat_gate.verdict.proposal import SIZES, Timing

__all__ = ["study_timing"]


def study_timing(scenario: Scenario, pairs: Sequence[Pair], pair_s: float) -> Timing | None:
    """Of usable ``pairs`` that took ``pair_s`` seconds each; None where nothing can be proposed."""
    used = [pair for pair in pairs if not pair.excluded]
    if not used or scenario.gate.interleave == "block":
        return None
    per_start = scenario.gate.pairs_per_start
    duration_s = round(median(pair.baseline.duration_s for pair in used), 1)
    run_s = scenario.load.warmup_s + duration_s
    return Timing(
        rate=_rate(scenario.load),
        duration_s=duration_s,
        warmup_s=scenario.load.warmup_s,
        start_s=max(0.0, per_start * (pair_s - run_s)),
        busy=median(pair.noise.busy for pair in used),
        exchanges={
            metric.name: _exchanges(used, metric.request)
            for metric in scenario.gate.compared
            if metric.quantile is not None
        },
        containers=containers_of(used),
        pairs_per_start=per_start,
        sizes=(1,) if obstacle_to_blocks(scenario) else SIZES,
        watch_minutes=scenario.gate.watch.minutes if has_watch(scenario) else 0.0,
    )


def _rate(load: Load) -> float | None:
    """None where it is a tool's, or has steps of its own."""
    if load.driver == "command" or not isinstance(load.rate, (int, float)):
        return None
    return float(load.rate)


def _exchanges(pairs: Sequence[Pair], request: str | None) -> float:
    """Of the arm that has fewer, of all its containers; median over the measurements."""
    return min(
        median(
            sum(request_part(pair.arm(arm), request).counters.get("recorded", 0) for pair in block)
            for block in together(pairs)
        )
        for arm in ARMS
    )
