"""The numbers of a result as metric families, whichever text format they are written in.

Times are in seconds and shares are ratios, as both formats ask.  What is not known is left out;
there is no sample with NaN.  Names and labels are a contract: docs/reference/formats.md.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from prometheus_client import CollectorRegistry
from prometheus_client.core import (
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
    SummaryMetricFamily,
)
from prometheus_client.registry import Collector

from socklat_gate.measured.histogram import Histogram, bucket_edges_ns
from socklat_gate.measured.names import CLIENT, unit_of
from socklat_gate.measured.result import Result, RunResult
from socklat_gate.measured.run import Run
from socklat_gate.measured.run_values import latency_stage
from socklat_gate.measured.verdict import LimitVerdict, MetricVerdict, Verdict
from socklat_gate.report.answers import answers_by_arm
from socklat_gate.report.arm_runs import ShownRuns, merge_stage
from socklat_gate.report.container_rows import container_numbers
from socklat_gate.report.formats.openmetrics_answers import answer_families
from socklat_gate.report.formats.openmetrics_capacity import carried
from socklat_gate.report.formats.openmetrics_counts import counted
from socklat_gate.report.formats.openmetrics_families import PREFIX, gauge, label_text, states
from socklat_gate.report.formats.openmetrics_requests import request_families
from socklat_gate.report.formats.openmetrics_watch import grown, stopped
from socklat_gate.report.report import Report

__all__ = ["registry_of"]

QUANTILES = (0.5, 0.9, 0.99, 0.999)
OCTAVES = range(10, 37)
"""Buckets end at 2**k - 1 ns, since values are whole ns and bucket edges are powers of 2: exact."""


class _Report(Collector):
    def __init__(self, report: Report) -> None:
        self._report = report

    def collect(self) -> Iterator[Metric]:
        """Families without samples are left out, and so is what has the labels of an earlier one.

        Names in a result are unique, but need not be any more once they are printable.  All have
        the scenario as a label, so that files of several can lie side by side.
        """
        scenario = {"scenario": label_text(self._report.result.scenario_name)}
        for family in self._families():
            family.samples = [
                one._replace(labels={**scenario, **one.labels}) for one in family.samples
            ]
            labels = [(one.name, *sorted(one.labels.items())) for one in family.samples]
            first = {label: at for at, label in reversed(list(enumerate(labels)))}
            family.samples = [family.samples[at] for at in sorted(first.values())]
            if family.samples:
                yield family

    def _families(self) -> Iterator[Metric]:
        result, arms = self._report.result, self._report.runs.arms
        yield _info(result)
        yield gauge("duration", "Wall-clock time of the job.", [({}, result.duration_s)], "seconds")
        yield _stages(arms)
        yield _histogram(arms)
        if result.completeness is not None:
            done = result.completeness
            names = ("seen", "recorded", "filtered", "no_response", "pending", "dropped", "missed")
            rows = [({"fate": name}, float(getattr(done, name))) for name in names]
            yield gauge("exchanges", "Exchanges as the kernel counted them, by fate.", rows)
        yield from answer_families(answers_by_arm(arms))
        yield from request_families(arms)
        yield from _containers(self._report.runs)
        if not isinstance(result, RunResult):
            yield from _verdict(result.verdict)


def _containers(runs: ShownRuns) -> Iterator[Metric]:
    """Medians over the runs in use."""
    for one in container_numbers(runs):
        memory = unit_of(one.stage) == "bytes"
        rows = [({"arm": arm}, value if memory else value / 1e9) for arm, value in one.arms]
        text = "Most memory that the container held." if memory else "Time until it was ready."
        yield gauge(one.name, text, rows, "bytes" if memory else "seconds")


def registry_of(report: Report) -> CollectorRegistry:
    """All families of a report, for a writer of Prometheus' library."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Report(report))
    return registry


def _info(result: Result) -> Metric:
    labels = {
        "scenario": result.scenario_name,
        "kind": result.kind,
        "baseline": "" if isinstance(result, RunResult) else result.baseline_image,
        "candidate": result.candidate_image,
        "commit": result.commit,
        "created": result.created,
        "seed": str(result.seed),
    }
    found = InfoMetricFamily(PREFIX, "What was measured.")
    found.add_metric([], {name: label_text(value) for name, value in labels.items()})
    return found


def _stages(arms: Sequence[tuple[str, Sequence[Run]]]) -> Metric:
    """Quantiles of every stage; ``numbers`` says whether stalls were corrected for."""
    names = ["stage", "arm", "numbers"]
    found = SummaryMetricFamily(
        f"{PREFIX}_stage_seconds",
        "Time of one stage, over all runs in use.",
        labels=names,
        unit="seconds",
    )
    for arm, runs in arms:
        for stage in dict.fromkeys(stage for run in runs for stage in run.histograms):
            for numbers, histogram, exchanges in _distributions(runs, stage):
                labels = [label_text(stage), arm, numbers]
                for quantile, value in zip(
                    QUANTILES, histogram.quantiles_ns(QUANTILES), strict=True
                ):
                    place = dict(zip(names, labels, strict=True)) | {"quantile": str(quantile)}
                    found.add_sample(found.name, place, float(value) / 1e9)
                found.add_metric(labels, exchanges, histogram.mean_ns() * exchanges / 1e9)
    return found


def _distributions(runs: Sequence[Run], stage: str) -> Iterator[tuple[str, Histogram, int]]:
    """Raw and, where every run has them, corrected distributions, and their exchanges."""
    raw = merge_stage(runs, stage)
    if raw.total:
        yield "raw", raw, raw.total
    known = [run.corrected for run in runs if run.corrected and stage in run.corrected.histograms]
    if len(known) == len(runs):
        corrected = Histogram.merged(one.histograms[stage] for one in known)
        if corrected.total:
            yield "corrected", corrected, sum(one.used[stage].total for one in known)


def _histogram(arms: Sequence[tuple[str, Sequence[Run]]]) -> Metric:
    driver = latency_stage(run for _, runs in arms for run in runs) == CLIENT
    found = HistogramMetricFamily(
        f"{PREFIX}_{CLIENT if driver else 'response'}_seconds",
        f"{'Time by the load driver' if driver else 'Response time'} of all exchanges, stalls "
        "included.",
        labels=["arm"],
        unit="seconds",
    )
    edges = bucket_edges_ns()
    for arm, runs in arms:
        whole = merge_stage(runs, latency_stage(runs))
        if not whole.total:
            continue
        below = [int(whole.counts[edges[:-1] < 1 << octave].sum()) for octave in OCTAVES]
        buckets = [
            (repr(((1 << octave) - 1) / 1e9), float(number))
            for octave, number in zip(OCTAVES, below, strict=True)
        ]
        total = float(whole.total)
        found.add_metric([arm], [*buckets, ("+Inf", total)], whole.mean_ns() * total / 1e9)
    return found


def _metric_labels(one: MetricVerdict | LimitVerdict) -> dict[str, str]:
    """``request`` only where there is one: the series of all requests stay as they were."""
    request = {"request": label_text(one.request)} if one.request else {}
    return {"metric": label_text(one.name), **request}


def _values(
    family: str,
    text: str,
    member: str,
    rows: Sequence[tuple[dict[str, str], MetricVerdict | LimitVerdict]],
) -> Iterator[Metric]:
    """Times in seconds, and memory as a family of its own."""
    for unit, name, divisor in (("ns", "seconds", 1e9), ("bytes", "bytes", 1.0)):
        found = [(n, getattr(m, member) / divisor) for n, m in rows if unit_of(m.stage) == unit]
        yield gauge(family, text, found, name)


def _verdict(verdict: Verdict) -> Iterator[Metric]:
    yield states("verdict", "The outcome.", [({}, verdict.outcome)])
    yield gauge("pairs", "Pairs in use.", [({}, float(verdict.pairs))])
    metrics = [(_metric_labels(one), one) for one in verdict.metrics]
    yield states("metric_verdict", "The outcome by metric.", [(n, m.verdict) for n, m in metrics])
    for name, text in (
        ("baseline_ns", "What is judged, of the baseline arm."),
        ("candidate_ns", "What is judged, of the candidate arm."),
    ):
        yield from _values(f"metric_{name.removesuffix('_ns')}", text, name, metrics)
    for name, text in (
        ("change", "Estimated change, 0.05 being 5% slower."),
        ("ci_low", "Lower end of the change's interval, at all looks together."),
        ("ci_high", "Upper end of the change's interval, at all looks together."),
        ("tolerance", "Change up to which the metric passes."),
        ("regression_threshold", "Change from which on the metric has to fail."),
        ("mde", "Minimum detectable effect: half of such jobs would fail this change."),
    ):
        yield gauge(f"metric_{name}", text, [(n, getattr(m, name)) for n, m in metrics], "ratio")
    rows = [
        (labels | {"to": to, "of": of}, getattr(metric, f"{of}_{to}"))
        for labels, metric in metrics
        for to in ("fail", "pass")
        for of in ("evidence", "threshold")
    ]
    yield gauge("metric_evidence", "Evidence (e-values) and the threshold of each.", rows)
    improved = [(labels, float(metric.improved)) for labels, metric in metrics]
    yield gauge("metric_improved", "1 when an improvement is shown.", improved)
    limits = [(_metric_labels(one), one) for one in verdict.limits]
    yield states("limit_verdict", "The outcome by limit.", [(n, one.verdict) for n, one in limits])
    for name, text in (
        ("limit_ns", "What the candidate may take at most."),
        ("candidate_ns", "What the candidate takes that has a limit."),
        ("ci_high_ns", "Upper end of its 95% interval."),
    ):
        short = name.removesuffix("_ns").removeprefix("limit")
        yield from _values(f"limit_{short}" if short else "limit", text, name, limits)
    if verdict.spikes is not None:
        spikes = verdict.spikes
        arms = ("baseline", "candidate", "stored")
        counts = [({"arm": arm}, float(getattr(spikes, f"{arm}_events"))) for arm in arms]
        watched = [({"arm": arm}, getattr(spikes, f"{arm}_exposure_s")) for arm in arms]
        yield gauge("spikes", "Rare spikes as events.", counts)
        yield gauge("spikes_exposure", "Exposure: time watched for spikes.", watched, "seconds")
        yield gauge(
            "spikes_threshold",
            "Response time from which on it is a spike.",
            [({}, spikes.threshold_ns / 1e9)],
            "seconds",
        )
        yield gauge("spikes_failed", "1 when the candidate has more.", [({}, float(spikes.failed))])
    yield from stopped(verdict.stops)
    yield from grown(verdict.growth)
    yield from carried(verdict.capacity)
    yield from counted(verdict.counts)
