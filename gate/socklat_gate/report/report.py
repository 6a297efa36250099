"""One report: a head and sections, each a small frozen object; every format shows this object."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from socklat_gate.measured.result import Result
from socklat_gate.report.arm_runs import Arms, any_corrected, arms_of, run_numbers
from socklat_gate.report.counters import Counters, counters_of
from socklat_gate.report.delivery import CompletenessText, Load, completeness_section, load_section
from socklat_gate.report.fact_lists import Facts, environment_section, facts_of
from socklat_gate.report.head import Head, head_of
from socklat_gate.report.metric_rows import Evidence, Metrics, evidence_section, metrics_section
from socklat_gate.report.pair_table import PairTable, pair_table
from socklat_gate.report.quantile_rows import Measured, measured_section
from socklat_gate.report.rare_spikes import (
    RareSpikes,
    SpikeEvidence,
    rare_spikes,
    spike_evidence,
)
from socklat_gate.report.raw_rows import StallCorrection, stall_correction_section
from socklat_gate.report.sketch import ServiceTime, service_time_section
from socklat_gate.report.slices import TimeSpent, attribution_section
from socklat_gate.report.slowest import Slowest, slowest_section
from socklat_gate.report.stage_rows import Companions, Stages, companions_section, stages_section
from socklat_gate.wording.section_titles import TITLES

__all__ = ["Report", "report_of"]


@dataclass(frozen=True, slots=True)
class Report:
    """Everything that a report shows; a section is None where a result has no such part.

    ``result`` and ``arms`` hold the numbers, for drawings and for formats that machines read;
    ``left_out`` names the sections that `without` took away.
    """

    result: Result
    arms: Arms
    head: Head
    metrics: Metrics | None
    stall_correction: StallCorrection | None
    measured: Measured | None
    attribution: TimeSpent | None
    rare_spikes: RareSpikes | None
    spike_evidence: SpikeEvidence | None
    service_time: ServiceTime | None
    load: Load | None
    completeness: CompletenessText | None
    environment: Facts | None
    evidence: Evidence | None
    stages: Stages | None
    companions: Companions | None
    slowest: Slowest | None
    network: Counters | None
    drops: Counters | None
    pairs: PairTable | None
    hooks: Facts | None
    fingerprint: Facts | None
    facts: Facts | None
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
    """The report of a result of any kind and outcome; built once per job."""
    verdict, arms = result.verdict, arms_of(result)
    measured = measured_section(result)
    return Report(
        result=result,
        arms=arms,
        head=head_of(result),
        metrics=metrics_section(verdict),
        stall_correction=stall_correction_section(result),
        measured=measured,
        attribution=attribution_section(verdict),
        rare_spikes=rare_spikes(verdict),
        spike_evidence=spike_evidence(verdict),
        service_time=service_time_section(result, arms),
        load=load_section(arms),
        completeness=completeness_section(result.completeness),
        environment=environment_section(result.environment),
        evidence=evidence_section(verdict),
        stages=None if measured else stages_section(arms, stalls_included=any_corrected(result)),
        companions=companions_section(arms),
        slowest=slowest_section(arms, run_numbers(result)),
        network=counters_of(arms, "network"),
        drops=counters_of(arms, "drops"),
        pairs=pair_table(result.pairs, verdict.metrics if verdict else ()),
        hooks=facts_of(result.hooks),
        fingerprint=facts_of(result.fingerprint.must_match),
        facts=facts_of(result.fingerprint.facts),
    )
