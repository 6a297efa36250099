"""One report: a head and sections, each a small frozen object; every format shows this object."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from socklat_gate.measured.free_text import masked
from socklat_gate.measured.result import GateResult, Result, RunResult
from socklat_gate.report.answers import AnswersText, answers_section
from socklat_gate.report.arm_difference_rows import ArmDifferencesText, arm_differences_section
from socklat_gate.report.arm_runs import ShownRuns, pairs_as_judged, shown_runs
from socklat_gate.report.capacity_rows import (
    Capacity,
    CapacityRounds,
    capacity_rounds_section,
    capacity_section,
)
from socklat_gate.report.container_rows import ContainersText, containers_section
from socklat_gate.report.count_rows import Counts, counts_section
from socklat_gate.report.counters import Counters, counters_of
from socklat_gate.report.delivery import CompletenessText, Load, completeness_section, load_section
from socklat_gate.report.fact_lists import Facts, environment_section, facts_of
from socklat_gate.report.handshake_rows import Handshakes, handshakes_section
from socklat_gate.report.head import Head, head_of
from socklat_gate.report.limit_rows import Limits, limits_section
from socklat_gate.report.metric_rows import (
    Evidence,
    Metrics,
    evidence_section,
    metrics_section,
    other_metrics_section,
    shown_metrics,
)
from socklat_gate.report.pair_table import PairTable, pair_table
from socklat_gate.report.quantile_rows import Measured, measured_section
from socklat_gate.report.rare_spikes import (
    RareSpikes,
    SpikeEvidence,
    rare_spikes,
    spike_evidence,
)
from socklat_gate.report.raw_rows import StallCorrection, stall_correction_section
from socklat_gate.report.replica_rows import Replicas, replicas_section, stopped_replicas
from socklat_gate.report.request_ranks import RankedRequest, listed_requests, ranked_requests
from socklat_gate.report.request_rows import Requests, other_requests_section, requests_section
from socklat_gate.report.sketch import ResponseTime, response_time_section
from socklat_gate.report.slices import TimeSpent, attribution_section
from socklat_gate.report.slowest import Slowest, slowest_section
from socklat_gate.report.stage_rows import Companions, Stages, companions_section, stages_section
from socklat_gate.report.watch_rows import (
    WatchEvidence,
    WatchText,
    watch_evidence_section,
    watch_section,
)
from socklat_gate.wording.section_titles import TITLES

__all__ = ["Report", "report_of"]


@dataclass(frozen=True, slots=True)
class Report:
    """Everything that a report shows; a section is None where a result has no such part.

    ``result`` and ``runs`` hold the numbers, for drawings and for formats that machines read;
    ``left_out`` names the sections that `without` took away.
    """

    result: Result
    runs: ShownRuns
    head: Head
    metrics: Metrics | None = None
    requests: Requests | None = None
    counts: Counts | None = None
    limits: Limits | None = None
    capacity: Capacity | None = None
    capacity_rounds: CapacityRounds | None = None
    stall_correction: StallCorrection | None = None
    measured: Measured | None = None
    attribution: TimeSpent | None = None
    rare_spikes: RareSpikes | None = None
    spike_evidence: SpikeEvidence | None = None
    watch: WatchText | None = None
    watch_evidence: WatchEvidence | None = None
    response_time: ResponseTime | None = None
    arm_differences: ArmDifferencesText | None = None
    load: Load | None = None
    answers: AnswersText | None = None
    handshakes: Handshakes | None = None
    containers: ContainersText | None = None
    completeness: CompletenessText | None = None
    environment: Facts | None = None
    other_requests: Requests | None = None
    other_metrics: Metrics | None = None
    evidence: Evidence | None = None
    stages: Stages | None = None
    companions: Companions | None = None
    slowest: Slowest | None = None
    network: Counters | None = None
    drops: Counters | None = None
    pairs: PairTable | None = None
    replicas: Replicas | None = None
    hooks: Facts | None = None
    fingerprint: Facts | None = None
    facts: Facts | None = None
    left_out: tuple[str, ...] = ()

    def sections(self) -> Iterator[tuple[str, object]]:
        """Name and content of every section there is, in order."""
        for name in TITLES:
            section = getattr(self, name)
            if section is not None:
                yield name, section

    def without(self, *names: str) -> Report:
        """The same report without these sections, which it must have."""
        gone = dict.fromkeys(names)
        return replace(self, left_out=(*self.left_out, *names), **gone)  # type: ignore[arg-type]


def report_of(result: Result) -> Report:
    """The report of a result of any kind and outcome, without secrets; built once per job."""
    result = masked(result)
    if isinstance(result, RunResult):
        return _run_report(result)
    runs, verdict = shown_runs(result), result.verdict
    pairs = pairs_as_judged(result.pairs) if isinstance(result, GateResult) else ()
    watch = result.watch if isinstance(result, GateResult) else None
    ranked = ranked_requests(runs.arms, verdict)
    listed = listed_requests(ranked)
    metrics = shown_metrics(verdict, listed)
    return replace(
        _common(result, runs, ranked),
        metrics=metrics_section(verdict, ranked),
        other_metrics=other_metrics_section(verdict, ranked),
        counts=counts_section(verdict),
        limits=limits_section(verdict),
        capacity=capacity_section(verdict),
        capacity_rounds=capacity_rounds_section(verdict),
        stall_correction=stall_correction_section(runs, metrics),
        attribution=attribution_section(verdict),
        rare_spikes=rare_spikes(verdict),
        spike_evidence=spike_evidence(verdict),
        watch=watch_section(verdict),
        watch_evidence=watch_evidence_section(verdict),
        evidence=evidence_section(verdict, listed),
        stages=stages_section(runs.arms, stalls_included=runs.corrected),
        pairs=pair_table(pairs, metrics),
        replicas=replicas_section(stopped_replicas(watch, verdict.stops)),
        arm_differences=arm_differences_section(
            result.arm_differences if isinstance(result, GateResult) else None
        ),
    )


def _run_report(result: RunResult) -> Report:
    """Quantiles of every stage stand where a verdict has its metrics and stages."""
    runs = shown_runs(result)
    measured = measured_section(result.campaign)
    return replace(
        _common(result, runs, ranked_requests(runs.arms, None)),
        stall_correction=stall_correction_section(runs),
        measured=measured,
        stages=None if measured else stages_section(runs.arms, stalls_included=runs.corrected),
    )


def _common(result: Result, runs: ShownRuns, ranked: Sequence[RankedRequest]) -> Report:
    """The sections that a result of any kind has."""
    arms, verdict = runs.arms, None if isinstance(result, RunResult) else result.verdict
    return Report(
        result=result,
        runs=runs,
        head=head_of(result, runs),
        response_time=response_time_section(runs),
        load=load_section(arms),
        answers=answers_section(arms),
        handshakes=handshakes_section(arms),
        containers=containers_section(runs),
        requests=requests_section(arms, verdict, ranked),
        other_requests=other_requests_section(arms, verdict, ranked),
        completeness=completeness_section(result.completeness, arms),
        environment=environment_section(result.environment),
        companions=companions_section(arms),
        slowest=slowest_section(arms, runs.numbers),
        network=counters_of(arms, "network"),
        drops=counters_of(arms, "drops"),
        hooks=facts_of(result.hooks),
        fingerprint=facts_of(result.fingerprint.must_match),
        facts=facts_of(result.fingerprint.facts),
    )
