"""Hand-made measured objects for tests: small, seeded, and plausible."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import lru_cache

import numpy as np

from socklat_gate.errors import Reason
from socklat_gate.measured.attribution import Attribution, StageShare
from socklat_gate.measured.campaign import Campaign, Fingerprint
from socklat_gate.measured.capacity import CapacityLimits, CapacityRound, CapacityStudy
from socklat_gate.measured.facts import TEXT, Note, NoteCode, ReasonFact
from socklat_gate.measured.histogram import BAND_COUNT, BAND_SUB_BITS, Histogram, index_of
from socklat_gate.measured.load_counts import Answers, LoadCounts, RequestCounts
from socklat_gate.measured.pair import Arm, Noise, Pair
from socklat_gate.measured.result import (
    Comparison,
    Completeness,
    GateResult,
    Kind,
    Result,
    RunResult,
)
from socklat_gate.measured.run import (
    WEIGHT_UNIT,
    Bands,
    RequestStages,
    Run,
    Spike,
    StallCorrected,
)
from socklat_gate.measured.verdict import (
    CountVerdict,
    LimitVerdict,
    MetricVerdict,
    Outcome,
    SpikeVerdict,
    Verdict,
    Waived,
)
from socklat_gate.verdict.capacity import judge_capacity

STAGES = ("response", "service", "recv_wait", "app", "respond")
REQUESTS = 2_000
CREATED = "2026-03-04T05:06:07Z"
FINGERPRINT = Fingerprint(
    {"kernel": "6.1.0-18-amd64", "cpu": "Example CPU 2000 x2", "definitions": "1"},
    {"docker": "27.1.1", "memory": "8 GB"},
)
ZONES = {"response_p50": (0.02, 0.05), "response_p90": (0.03, 0.08), "response_p99": (0.05, 0.15)}


def service_times_ns(seed: int, scale: float = 1.0, count: int = REQUESTS) -> np.ndarray:
    """Log-normal service times around 1 ms times ``scale``."""
    rng = np.random.default_rng(seed)
    return (scale * rng.lognormal(math.log(1e6), 0.5, count)).astype(np.int64)


@lru_cache(maxsize=256)
def make_histogram(seed: int = 1, scale: float = 1.0) -> Histogram:
    return Histogram.of(service_times_ns(seed, scale))


def make_bands(service_ns: np.ndarray, app_ns: np.ndarray) -> Bands:
    band = index_of(service_ns, BAND_SUB_BITS)
    count = np.bincount(band, minlength=BAND_COUNT).astype(np.uint64)
    sums_ns = np.zeros((BAND_COUNT, len(STAGES)), dtype=np.uint64)
    stages_ns = (service_ns, service_ns, service_ns - app_ns, app_ns, 0 * app_ns)
    for column, values in enumerate(stages_ns):
        sums_ns[:, column] = np.bincount(band, weights=values, minlength=BAND_COUNT)
    return Bands(STAGES, count, sums_ns)


def make_answers(
    statuses: Mapping[str, int] | None = None,
    errors: Mapping[str, int] | None = None,
    size_bytes: int = 180,
    opened: int = 32,
    lost: int = 0,
) -> Answers:
    """All of `REQUESTS` responses with status 200 and of one size, unless said otherwise."""
    statuses = {"200": REQUESTS} if statuses is None else statuses
    sizes = Histogram.of([size_bytes] * sum(statuses.values()))
    return Answers(statuses, sizes, errors or {}, opened, lost)


def with_answers(pair: Pair, baseline: Answers, candidate: Answers) -> Pair:
    """The pair as measured by a driver that saw what came back; failures count as errors."""
    runs = {
        arm: replace(run, load=replace(run.load, answers=answers, errors=answers.failed))
        for arm, run, answers in (
            ("baseline", pair.baseline, baseline),
            ("candidate", pair.candidate, candidate),
        )
    }
    return replace(pair, **runs)


def make_load(seed: int = 1, scale: float = 1.0) -> LoadCounts:
    return LoadCounts(
        planned=REQUESTS,
        sent=REQUESTS,
        starved=0,
        responded=REQUESTS,
        errors=0,
        responded_total=REQUESTS + 250,
        late_p99_ns=180_000,
        lag_p99_ns=210_000,
        client=make_histogram(seed + 500, 1.3 * scale),
    )


def make_spike(service_ns: int = 9_000_000, at_ns: int = 60_000_000_000) -> Spike:
    stages_ns = {"response": service_ns, "service": service_ns, "recv_wait": service_ns // 4}
    stages_ns |= {"app": service_ns - stages_ns["recv_wait"], "respond": 0}
    return Spike(at_ns, stages_ns, "172.18.0.1:41234", 1)


@lru_cache(maxsize=256)
def measured(seed: int, scale: float) -> tuple[tuple[Histogram, ...], Bands]:
    """Distributions of `STAGES` and their bands: nothing that can be changed, so made once.

    Responses are of one send, so ``response`` is ``service`` and ``respond`` is 0.
    """
    service_ns = service_times_ns(seed, scale)
    app_ns = (service_ns * 9) // 10
    stages_ns = (service_ns, service_ns, service_ns - app_ns, app_ns, 0 * app_ns)
    bands = make_bands(service_ns, app_ns)
    for array in (bands.count, bands.sums_ns):
        array.setflags(write=False)
    return tuple(Histogram.of(times) for times in stages_ns), bands


def make_run(seed: int = 1, scale: float = 1.0, image: str = "example/service:1.2") -> Run:
    histograms, bands = measured(seed, scale)
    return Run(
        image=image,
        image_id="sha256:" + f"{seed:02x}" * 32,
        histograms=dict(zip(STAGES, histograms, strict=True)),
        bands=bands,
        counters={
            "seen": REQUESTS + 250,
            "recorded": REQUESTS,
            "filtered": 250,
            "no_response": 0,
            "pending": 0,
            "dropped_map_full": 0,
            "overlapped": 0,
            "spikes": 3,
        },
        load=make_load(seed, scale),
        duration_s=8.0,
        network={"retransmits": 2, "listen_overflows": 0},
        drops={"tcp_csum": 1},
        spikes=tuple(make_spike(9_000_000 + n * seed, 60_250_000_000 + n) for n in range(3)),
        spike_threshold_ns=8_500_000,
        window_from_ns=59_000_000_000,
    )


def make_noise(steal: float = 0.012) -> Noise:
    return Noise(steal, 0.4, 0.031, 1.25, 1234)


def make_watched_noise(stalled: float = 0.02) -> Noise:
    """Noise of a machine on which the probe watched stalls and the containers' limits."""
    return replace(make_noise(), stalled=stalled, interference=0.004, throttled_us=1_500)


def make_corrected(run: Run, kept: float = 0.8) -> StallCorrected:
    """As if the quickest ``kept`` of the exchanges were usable, each standing for 1 / ``kept``."""
    return corrected_of(run.histograms, run.bands, kept)


def corrected_of(
    histograms: Mapping[str, Histogram], bands: Bands, kept: float = 0.8
) -> StallCorrected:
    """The same of these."""
    used: dict[str, Histogram] = {}
    for stage, histogram in histograms.items():
        below = np.cumsum(histogram.counts) <= kept * histogram.total
        used[stage] = Histogram(np.where(below, histogram.counts, 0).astype(np.uint64))
    weight = np.uint64(round(WEIGHT_UNIT / kept))
    return StallCorrected(
        histograms={stage: Histogram(one.counts * weight) for stage, one in used.items()},
        bands=Bands(bands.stages, bands.count * weight, bands.sums_ns * weight),
        used=used,
        logged=histograms["service"].total,
    )


def with_correction(pair: Pair, kept: float = 0.8) -> Pair:
    """The pair as measured where stalls were watched, with CPU time."""
    baseline, candidate = (
        replace(run, corrected=make_corrected(run, kept), cpu_ns=cpu_ns, cpu_exchanges=REQUESTS)
        for run, cpu_ns in ((pair.baseline, 80_000_000), (pair.candidate, 84_000_000))
    )
    return replace(pair, baseline=baseline, candidate=candidate, noise=make_watched_noise())


def worded(text: str) -> Note | None:
    """A note that carries its sentence, as those of old documents do; None without one."""
    return Note(NoteCode.WORDED, numbers={TEXT: text}) if text else None


def make_pair(index: int = 0, scale: float = 1.0, excluded: str = "") -> Pair:
    first: tuple[Arm, Arm] = ("baseline", "candidate")
    return Pair(
        index=index,
        seed=1000 + index,
        first_started=first[index % 2],
        baseline=make_run(2 * index),
        candidate=make_run(2 * index + 1, scale, "example/service:1.3"),
        noise=make_noise(),
        excluded=worded(excluded),
    )


def make_campaign(runs: int = 2, **changes: object) -> Campaign:
    campaign = Campaign(
        scenario_name="checkout",
        scenario_hash="0123456789abcdef",
        mode="single",
        created=CREATED,
        commit="1f2e3d4c5b6a",
        image="example/service:1.2",
        image_id="sha256:" + "ab" * 32,
        fingerprint=FINGERPRINT,
        runs=tuple(make_run(seed) for seed in range(runs)),
        noise=tuple(make_noise() for _ in range(runs)),
    )
    return replace(campaign, **changes)


def make_metric(name: str, outcome: Outcome, change: float = 0.004) -> MetricVerdict:
    stage, _, percent = name.rpartition("_p")
    tolerance, failure = ZONES.get(name, (0.05, 0.15))
    failed, passed = outcome is Outcome.REGRESSION, outcome is Outcome.PASS
    baseline_ns = 1e6 * (1 + float(percent) / 50)
    return MetricVerdict(
        name=name,
        stage=stage,
        quantile=float(percent) / 100,
        tolerance=tolerance,
        regression_threshold=failure,
        baseline_ns=baseline_ns,
        candidate_ns=baseline_ns * (1 + change),
        change=change,
        ci_low=change - 0.07,
        ci_high=change + 0.08,
        evidence_fail=32_104.0 if failed else 0.02,
        evidence_pass=41.5 if passed else 0.3,
        threshold_fail=300.0,
        threshold_pass=20.0,
        mde=0.06,
        pairs_to_decide=12 if outcome is Outcome.INCONCLUSIVE else 0,
        verdict=outcome,
    )


def make_cpu_metric(outcome: Outcome, change: float = 0.004) -> MetricVerdict:
    """CPU time per request."""
    metric = replace(make_metric("response_p50", outcome, change), stage="cpu", quantile=None)
    limits = {"tolerance": 0.01, "regression_threshold": 0.03}
    return replace(metric, name="cpu_per_request", **limits)


def make_startup_metric(outcome: Outcome, change: float = 0.004) -> MetricVerdict:
    """From 500 ms on."""
    metric = replace(make_metric("response_p50", outcome, change), stage="startup", quantile=None)
    values = {"baseline_ns": 5e8, "candidate_ns": 5e8 * (1 + change)}
    return replace(metric, name="startup", tolerance=0.05, regression_threshold=0.15, **values)


def make_memory_metric(outcome: Outcome, change: float = 0.004) -> MetricVerdict:
    """From 100 MiB on."""
    metric = replace(make_metric("response_p50", outcome, change), stage="memory", quantile=None)
    held = float(100 << 20)
    values = {"baseline_ns": held, "candidate_ns": held * (1 + change)}
    return replace(metric, name="peak_memory", tolerance=0.03, regression_threshold=0.1, **values)


def make_memory_limit(outcome: Outcome, candidate: float = float(150 << 20)) -> LimitVerdict:
    """120 MiB."""
    limit = make_limit("response_p50", outcome, candidate)
    stage = {"name": "peak_memory", "stage": "memory", "quantile": None}
    return replace(limit, limit_ns=float(120 << 20), **stage)


def make_limit(name: str, outcome: Outcome, candidate_ns: float = 3.1e7) -> LimitVerdict:
    """A quantile of the candidate, 10% to either side of it, beside a limit of 50 ms."""
    stage, _, percent = name.rpartition("_p")
    failed, passed = outcome is Outcome.REGRESSION, outcome is Outcome.PASS
    return LimitVerdict(
        name=name,
        stage=stage,
        quantile=float(percent) / 100,
        limit_ns=5e7,
        candidate_ns=candidate_ns,
        ci_low_ns=0.9 * candidate_ns,
        ci_high_ns=1.1 * candidate_ns,
        evidence_fail=900.0 if failed else 1.0,
        evidence_pass=31.0 if passed else 0.4,
        threshold_fail=800.0,
        threshold_pass=20.0,
        runs=7,
        verdict=outcome,
    )


def with_raw(metric: MetricVerdict) -> MetricVerdict:
    """As judged where stalls were corrected for: all exchanges took half as long again."""
    return replace(
        metric,
        raw_baseline_ns=1.5 * metric.baseline_ns,
        raw_candidate_ns=1.6 * metric.candidate_ns,
        raw_change=0.31,
    )


def make_waived(link: str = "https://example.org/decisions/17") -> Waived:
    return Waived(0.4, "2026-12-31", link, "1f2e3d4c5b6a")


def make_spike_verdict(*, failed: bool = False, candidate: int = 0) -> SpikeVerdict:
    """Spikes of 50 ms in 16 s of each arm and 2 min of stored campaigns with one event."""
    return SpikeVerdict(
        threshold_ns=5e7,
        baseline_events=0,
        candidate_events=candidate,
        baseline_exposure_s=16.0,
        candidate_exposure_s=16.0,
        stored_events=1,
        stored_exposure_s=120.0,
        rate_ratio=(candidate + 0.5) / 16 / (1.5 / 136),
        tolerance_ratio=1.0,
        evidence=420.0 if failed else 1.3,
        threshold=200.0,
        p_value=1 / 420 if failed else 1 / 1.3,
        by_runs=False,
        dispersion_p=0.6,
        mde_events=4,
        mde_ratio=22.7,
        failed=failed,
    )


def make_count_verdict(
    name: str = "errors", *, failed: bool = False, undecided: bool = False
) -> CountVerdict:
    """Of 48 000 requests of each arm 2 and, where that is more, 31 or 6 failed."""
    return CountVerdict(
        name=name,
        baseline_count=2,
        baseline_total=48_000,
        candidate_count=31 if failed else 6 if undecided else 2,
        candidate_total=48_000,
        evidence=5_310.0 if failed else 4.2 if undecided else 1.1,
        threshold=2_000.0,
        failed=failed,
        undecided=undecided,
        mde_count=21 if name == "errors" else None,
    )


def make_attribution(stage: str | None = "app") -> tuple[Attribution, ...]:
    def shares(delta_ns: float) -> tuple[StageShare, ...]:
        return (
            StageShare("recv_wait", 1e5, 1e5 + 0.04 * delta_ns, 0.04),
            StageShare("app", 9e5, 9e5 + 0.96 * delta_ns, 0.96),
        )

    return tuple(
        Attribution(name, delta_ns, shares(delta_ns), stage)
        for name, delta_ns in [("middle", 2e4), ("slowest 10%", 3e5), ("slowest 1%", 9.1e5)]
    )


def worded_reasons(*reasons: tuple[Reason, str]) -> tuple[ReasonFact, ...]:
    """Reasons that carry their sentence, as an error's and those of old documents do."""
    return tuple(ReasonFact(code, numbers={TEXT: text}) for code, text in reasons)


def make_verdict(outcome: Outcome, pairs: int = 3) -> Verdict:
    if outcome in (Outcome.INVALID, Outcome.NO_BASELINE):
        reason = {
            Outcome.INVALID: (Reason.SERVICE_DIED, "the candidate ended with exit code 137"),
            Outcome.NO_BASELINE: (Reason.NO_BASELINE_YET, "no baseline of 'checkout'"),
        }[outcome]
        return Verdict(outcome, worded_reasons(reason))
    reason = {
        Outcome.PASS: (Reason.NO_REGRESSION, "every metric is within its limits"),
        Outcome.REGRESSION: (Reason.REGRESSION, "response_p99 is slower than allowed"),
        Outcome.INCONCLUSIVE: (Reason.BUDGET_PAIRS, "3 pairs did not decide response_p99"),
    }[outcome]
    metrics = (
        make_metric("response_p50", Outcome.PASS),
        make_metric("response_p90", Outcome.PASS, -0.011),
        make_metric("response_p99", outcome, 0.004 if outcome is Outcome.PASS else 0.31),
    )
    further = 12 if outcome is Outcome.INCONCLUSIVE else None
    return Verdict(outcome, worded_reasons(reason), metrics, make_attribution(), pairs, further)


def make_result(kind: Kind = "gate", outcome: Outcome = Outcome.REGRESSION) -> Result:
    """A whole result; kind "run" has no verdict, "compare" no pairs."""
    common = {
        "scenario_name": "checkout",
        "scenario_hash": "0123456789abcdef",
        "created": CREATED,
        "commit": "1f2e3d4c5b6a",
        "seed": 42,
        "duration_s": 71.25,
        "candidate_image": "example/service:1.3",
        "fingerprint": FINGERPRINT,
        "hooks": {"rx_first": "raw_tracepoint:tcp_probe", "tx_first": "kprobe:tcp_sendmsg"},
        "environment": {"kernel": "6.1.0-18-amd64", "steal": "1.2%"} if kind != "compare" else {},
    }
    done = Completeness(13_510, 12_000, 1_500, 4, 6, 0, 0, 3, 13_500, 0.0002)
    campaign = make_campaign(image="example/service:1.3")
    if kind == "run":
        return RunResult(**common, campaign=campaign, completeness=done)
    common["baseline_image"] = "example/service:1.2"
    if kind == "compare":
        verdict = make_verdict(outcome, 0)
        return Comparison(**common, campaign=campaign, completeness=None, verdict=verdict)
    measured = outcome not in (Outcome.INVALID, Outcome.NO_BASELINE)
    pairs = (make_pair(0, 1.3), make_pair(1, 1.3, "steal 71% is above 60%"), make_pair(2, 1.3))
    return GateResult(
        **common,
        pairs=pairs if measured else (),
        campaign=None,
        completeness=done if measured else None,
        verdict=make_verdict(outcome, 2),
    )


def named_run(parts: Mapping[str, Run]) -> Run:
    """A run that mixes named requests: their exchanges are those of ``parts``, the whole's all.

    The first part lends whatever is of no request.
    """
    first = next(iter(parts.values()))
    runs = list(parts.values())
    total = sum(run.load.planned for run in runs)
    bands = Bands(
        first.bands.stages,
        sum((run.bands.count for run in runs), np.zeros_like(first.bands.count)),
        sum((run.bands.sums_ns for run in runs), np.zeros_like(first.bands.sums_ns)),
    )
    load = replace(
        first.load,
        planned=total,
        sent=sum(run.load.sent for run in runs),
        responded=sum(run.load.responded for run in runs),
        errors=sum(run.load.errors for run in runs),
        client=Histogram.merged(run.load.client for run in runs),
        answers=Answers.merged(run.load.answers for run in runs if run.load.answers),
        requests={
            name: RequestCounts(
                planned=run.load.planned,
                sent=run.load.sent,
                responded=run.load.responded,
                errors=run.load.errors,
                client=run.load.client,
                answers=run.load.answers or Answers({}, Histogram.empty(), {}, 0, 0),
            )
            for name, run in parts.items()
        },
    )
    stages = first.histograms
    recorded = sum(run.histograms["service"].total for run in runs)
    return replace(
        first,
        histograms={
            stage: Histogram.merged(run.histograms[stage] for run in runs) for stage in stages
        },
        bands=bands,
        load=load,
        counters={**first.counters, "recorded": recorded},
        requests={
            name: RequestStages(
                weight=run.load.planned / total,
                exchanges=run.histograms["service"].total,
                histograms=run.histograms,
                corrected=run.corrected,
                spikes=len(run.spikes),
                bands=run.bands,
            )
            for name, run in parts.items()
        },
        spikes=tuple(spike for run in runs for spike in run.spikes),
        cpu_ns=sum(run.cpu_ns for run in runs),
        cpu_exchanges=recorded,
        corrected=None,
    )


def make_rounds(
    losses: Sequence[float], driver_limited: int = 0, of_baseline: int = 0
) -> tuple[CapacityRound, ...]:
    """Rounds in which the candidate carries so much less than the baseline's 1000 requests/s.

    ``driver_limited`` of the 4 steps of each that were not carried failed with a driver that was
    late, and ``of_baseline`` of the baseline's 2.
    """
    firsts: tuple[Arm, ...] = ("baseline", "candidate")
    return tuple(
        CapacityRound(
            index=at,
            seed=at,
            first=firsts[at % 2],
            baseline_rps=1000.0,
            candidate_rps=1000.0 * (1 - loss),
            steps=12,
            failed_steps=4,
            driver_limited=driver_limited,
            duration_s=15.0,
            baseline_failed_steps=2,
            baseline_driver_limited=of_baseline,
        )
        for at, loss in enumerate(losses)
    )


def make_capacity(outcome: Outcome) -> CapacityStudy:
    """A gate's rounds that come to this outcome, by themselves."""
    limits = CapacityLimits(30_000_000, 0.99, 0.05, 0.15, 0.001, 0.05)
    losses = {Outcome.PASS: [0.01, -0.01] * 5, Outcome.REGRESSION: [0.5] * 14}
    rounds = make_rounds(losses.get(outcome, [0.1, 0.1]))
    return CapacityStudy(limits, rounds, judge_capacity(rounds, limits))
