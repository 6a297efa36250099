"""What the load driver's own clients waited for, where the service's sockets show nothing of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date

import numpy as np

from socklat_gate.errors import Reason
from socklat_gate.measured.histogram import Histogram
from socklat_gate.measured.pair import Pair
from socklat_gate.measured.run import Run
from socklat_gate.measured.verdict import Outcome
from socklat_gate.scenario import Gate, Metric, Waiver
from socklat_gate.verdict.clients import slower_clients
from socklat_gate.verdict.clusters import cluster_ids
from socklat_gate.verdict.decide import decide
from socklat_gate.wording.reasons import reason_text
from tests.unit.verdict.builders import SERVICE_NS, pair_of, scaled_run

GATE = Gate(metrics=[Metric(quantile=0.5, tolerance=0.05, regression_threshold=0.15)])
NOISE = 0.01 * np.random.default_rng(7).standard_normal(12)
NAGLE_NS = 40_000_000
"""A body that waits for the delayed acknowledgement of its head."""


def seen(run: Run, more_ns: float = 0, factor: float = 1.0) -> Run:
    client = Histogram.of(np.round(factor * SERVICE_NS + 100_000 + more_ns).astype(np.int64))
    return replace(run, load=replace(run.load, client=client))


def pairs(noise: Sequence[float], more_ns: float = 0, factor: float = 1.0) -> list[Pair]:
    return [
        pair_of(seen(scaled_run(0.0)), seen(scaled_run(float(x)), more_ns, factor), at)
        for at, x in enumerate(noise)
    ]


def test_a_response_that_waits_behind_the_last_send_is_no_pass() -> None:
    slower = pairs(NOISE, NAGLE_NS)
    verdicts = [decide(slower[:n], GATE) for n in range(len(slower) + 1)]
    assert {verdict.outcome for verdict in verdicts} == {Outcome.INCONCLUSIVE}
    last = decide(slower, GATE, budget_spent=Reason.BUDGET_PAIRS)
    assert [fact.code for fact in last.reasons] == [Reason.CLIENTS_SLOWER, Reason.BUDGET_PAIRS]
    text = reason_text(last.reasons[0], last)
    assert "passes by what the service's sockets show" in text
    assert "40.5 ms" in text


def test_equal_clients_delay_no_pass() -> None:
    with_clients, without = pairs(NOISE), [pair_of(scaled_run(0.0), scaled_run(0.0), 0)] * 12
    assert decide(with_clients, GATE).outcome is Outcome.PASS
    first = next(n for n in range(13) if decide(with_clients[:n], GATE).outcome is Outcome.PASS)
    assert first == next(n for n in range(13) if decide(without[:n], GATE).outcome is Outcome.PASS)


def test_a_change_of_the_clients_inside_the_zone_keeps_no_pass_away() -> None:
    assert decide(pairs(NOISE, factor=1.08), GATE).outcome is Outcome.PASS


def test_a_waiver_moves_what_clients_may_see() -> None:
    slower = pairs(NOISE, factor=1.3)
    waiver = Waiver(
        metric="response_p50",
        ceiling=0.5,
        expires=date(2027, 1, 1),
        link="https://tracker.example/1",
        baseline="c0ffee1",
    )
    clusters = cluster_ids(slower)
    assert slower_clients(slower, clusters, GATE, {})
    assert not slower_clients(slower, clusters, GATE, {"response_p50": waiver})


def test_a_tool_of_its_own_has_no_such_times() -> None:
    unknown = [pair_of(scaled_run(0.0), scaled_run(0.0), at) for at in range(12)]
    assert slower_clients(unknown, cluster_ids(unknown), GATE, {}) == []
    assert slower_clients([], cluster_ids([]), GATE, {}) == []


def test_stages_that_are_a_part_say_nothing_of_clients() -> None:
    part = Gate(
        metrics=[Metric(stage="app", quantile=0.5, tolerance=0.05, regression_threshold=0.15)]
    )
    slower = pairs(NOISE, NAGLE_NS)
    assert slower_clients(slower, cluster_ids(slower), part, {}) == []
