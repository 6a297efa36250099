from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from socklat_gate.measured.histogram import Histogram
from socklat_gate.measured.load_counts import LoadCounts
from socklat_gate.measured.run import Run
from socklat_gate.scenario import Gate
from socklat_gate.verdict.clusters import cluster_ids
from socklat_gate.verdict.counts import judge_counts
from socklat_gate.verdict.pace import lags_behind
from tests.unit.verdict.builders import pair_of, run_of

EXTERNAL = LoadCounts(0, 0, 0, 0, 0, 0, 0, 0, Histogram.empty(), external=True)


def tool(requests: int, response_ns: int = 1_000_000, planned: int = 0, warmup: int = 0) -> Run:
    counters = {
        "overlapped": 0,
        "recorded": requests - warmup,
        "filtered": warmup,
        "no_response": 0,
    }
    run = run_of(np.full(2000, response_ns), counters=counters)
    overloaded = bool(planned) and requests < 0.98 * planned
    return replace(run, load=replace(EXTERNAL, planned=planned, overloaded=overloaded))


@pytest.mark.parametrize(
    ("ours", "theirs", "lags"),
    [
        (tool(10_000), tool(10_000), False),
        (tool(8_000), tool(10_000), False),  # connecting again
        (tool(5_600), tool(11_000), True),  # refused connections
        (tool(0), tool(10_000), True),
        (tool(0), tool(0), False),
        (tool(3_400, 3_000_000), tool(10_000), False),  # slower, which metrics judge
        (tool(2_000, 3_000_000), tool(10_000), True),
        (tool(10_000, 500_000), tool(10_000), False),  # paced by something else
        (tool(10_000, 500_000, warmup=4000), tool(10_000, warmup=1000), False),  # ab -n 10000
        (tool(10, 1_000_000), tool(30), False),  # so few are chance
        (tool(20_000), tool(10_000), False),
    ],
)
def test_requests_that_response_times_do_not_explain(ours: Run, theirs: Run, lags: bool) -> None:
    assert lags_behind(ours, theirs) is lags


@pytest.mark.parametrize(("candidate"), [tool(5_600), tool(2_000, planned=3_000)])
def test_a_closed_loop_that_loses_requests_is_less_capacity(candidate: Run) -> None:
    pairs = [pair_of(tool(11_000), candidate, at) for at in range(12)]
    found = judge_counts(pairs, cluster_ids(pairs), Gate())[1].verdict
    assert found.failed
    assert (found.baseline_count, found.candidate_count, found.candidate_total) == (0, 12, 12)
    first = judge_counts(pairs[:5], cluster_ids(pairs[:5]), Gate())
    assert [one.verdict.name for one in first if one.verdict.undecided] == ["capacity"]
