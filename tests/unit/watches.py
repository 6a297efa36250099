"""Hand-made watches for tests: replicas that stop when they are told to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from socklat_gate.errors import Reason
from socklat_gate.measured.facts import Note, NoteCode, ReasonFact
from socklat_gate.measured.pair import ARMS, Arm
from socklat_gate.measured.result import GateResult
from socklat_gate.measured.run import Spike
from socklat_gate.measured.stop_verdict import MECHANISMS, GrowthVerdict, StopVerdict
from socklat_gate.measured.verdict import Outcome
from socklat_gate.measured.watch import Replica, Slice, Watch
from tests.unit.factories import make_result, make_spike_verdict

__all__ = [
    "MS",
    "SECOND",
    "Ages",
    "make_growth",
    "make_stop_spike",
    "make_stops",
    "make_watch",
    "watched_result",
    "with_mechanisms",
]

MS, SECOND = 10**6, 10**9
BEGIN_NS = 1_000 * SECOND
APART_S = 2
"""Between the starts of two numbers."""

Ages = Mapping[tuple[Arm, int], Sequence[float]]


def make_stop_spike(at_ns: int, length_ns: int = 812 * MS) -> Spike:
    """An exchange that lay unread for nearly all of its time."""
    stages = {"response": length_ns, "service": length_ns, "recv_wait": length_ns - 2 * MS}
    return Spike(at_ns, {**stages, "app": 2 * MS, "respond": 0}, "", 0)


def make_watch(ages_s: Ages | None = None, replicas: int = 4, lasts_s: int = 60) -> Watch:
    """As many replicas of each arm, started 2 s apart, with stops at these ages of theirs."""
    found = []
    for number in range(replicas):
        started_ns = BEGIN_NS + APART_S * number * SECOND
        for arm in ARMS:
            ages = (ages_s or {}).get((arm, number), ())
            found.append(
                Replica(
                    arm,
                    number,
                    started_ns,
                    from_ns=started_ns + SECOND,
                    to_ns=BEGIN_NS + lasts_s * SECOND,
                    exchanges=8 * (lasts_s - APART_S * number - 1),
                    no_response=0,
                    spikes=tuple(make_stop_spike(started_ns + round(age * SECOND)) for age in ages),
                    slices=tuple(
                        Slice(
                            started_ns + SECOND * (1 + 10 * at),
                            started_ns + SECOND * (11 + 10 * at),
                            80,
                            1.02e6 * (1 + 0.1 * at),
                            4.1e6,
                            (30 + at) << 20,
                            40 * MS,
                        )
                        for at in range((lasts_s - 1 - APART_S * number) // 10)
                    ),
                )
            )
    return Watch(tuple(found), 50 * MS, replicas, 2.0, 0.0)


def make_stops(*, failed: bool = False, candidate: int = 0, missing_s: float = 0.0) -> StopVerdict:
    """Of 16 + 16 replicas with 32 container-minutes each."""
    return StopVerdict(
        threshold_ns=5e7,
        baseline_stops=0,
        candidate_stops=candidate,
        baseline_replicas=16,
        candidate_replicas=16,
        baseline_with=0,
        candidate_with=candidate,
        shared=0,
        baseline_exposure_s=1920.0,
        candidate_exposure_s=1920.0,
        longest_ns=8.12e8 if candidate else 0.0,
        oldest_s=125.0,
        half_age_s=121.0,
        evidence=1600.0 if failed else 0.9,
        threshold=800.0,
        p_value=1 / 1600 if failed else 1.0,
        failed=failed,
        found_every_s=95.0,
        found_from_start_s=110.0,
        missing_s=missing_s,
        stage="recv_wait" if candidate else "",
        ages_s=(20.1, 40.3, 60.2, 20.2, 40.1)[:candidate],
        sure_ns=4.25e8,
        timer_s=20.1 if candidate > 2 else None,
    )


def with_mechanisms(stops: StopVerdict, **counts: int) -> StopVerdict:
    """The same with so many of each mechanism, of which more than half name all."""
    most = next((one for one in MECHANISMS if 2 * counts.get(one, 0) > stops.candidate_stops), None)
    return replace(stops, mechanism=most, mechanisms=counts)


def make_growth(*, failed: bool = False) -> tuple[GrowthVerdict, ...]:
    """Memory that grows, or nothing that does."""
    quiet = GrowthVerdict("response", 0.01, 0.012, 0.001, -0.02, 0.03, 0.8, 2400.0, False, 16, 1.5)
    memory = replace(
        quiet,
        what="memory",
        candidate_change=0.4 if failed else 0.011,
        change=0.2 if failed else 0.001,
        ci_low=0.15 if failed else -0.02,
        ci_high=0.26 if failed else 0.03,
        evidence=9000.0 if failed else 1.1,
        failed=failed,
    )
    return (quiet, replace(quiet, what="cpu"), memory)


def watched_result(
    outcome: Outcome = Outcome.PASS,
    stops: StopVerdict | None = None,
    growth: tuple[GrowthVerdict, ...] = (),
    ages_s: Ages | None = None,
    *reasons: ReasonFact,
) -> GateResult:
    """A gate with a watch of 4 + 4 replicas; a regression is of the watch alone."""
    result = make_result("gate", Outcome.PASS)
    assert isinstance(result, GateResult)
    stops = stops or make_stops()
    if not reasons and stops.failed:
        reasons = (ReasonFact(Reason.MORE_STOPS),)
    if not reasons and (grown := [one.what for one in growth if one.failed]):
        reasons = (ReasonFact(Reason.GROWTH, grown[0]),)
    verdict = replace(
        result.verdict,
        outcome=outcome,
        reasons=reasons or result.verdict.reasons,
        spikes=make_spike_verdict(),
        stops=stops,
        growth=growth or make_growth(),
    )
    watch = replace(
        make_watch(ages_s), notes=(Note(NoteCode.WORDED, numbers={"text": "the fleet's note"}),)
    )
    return replace(result, verdict=verdict, watch=watch)
