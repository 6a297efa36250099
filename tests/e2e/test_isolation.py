"""Several gates on one host: each counts its own containers' exchanges, and all of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from socklat_gate.documents.files import read_result
from socklat_gate.errors import Exit, Reason
from socklat_gate.measured.run import Run
from tests.e2e.harness import Gate
from tests.e2e.scenarios import write_scenario

pytestmark = [pytest.mark.kernel, pytest.mark.docker, pytest.mark.row]

RATES = (211, 307)  # primes, so that no sum of one is a sum of the other
CONNECTIONS = (7, 11)
# The second gate's one run is longer than what lies between two runs of the first, and than what
# either of them may be behind the other: both compile their programs first, on busy CPUs.
DURATION_S = (3, 10)
RUNS = (3, 1)
SMALL_MAP = 16


def test_two_gates_at_the_same_time_count_each_its_own_exchanges(
    gate: Gate, docker_client: Any, tmp_path: Path
) -> None:
    outs, started = [], []
    for rate, connections, duration_s, wanted in zip(
        RATES, CONNECTIONS, DURATION_S, RUNS, strict=True
    ):
        load = {
            "rate": rate,
            "arrivals": "constant",
            "duration_s": duration_s,
            "connections": connections,
            "warmup_s": 0,
        }
        path = write_scenario(tmp_path / f"at-{rate}.toml", {"load": load})
        outs.append(tmp_path / f"out-{rate}")
        started.append(gate.start("run", path, "--runs", wanted, "--quiet", "--out", outs[-1]))
    for process in started:
        done = gate.end(process)
        assert done.code == Exit.PASS, done.stderr
    measured = [of_campaign(out) for out in outs]
    assert any(overlap(one, other) for one in measured[0] for other in measured[1])
    for which, runs in enumerate(measured):
        rate, connections = RATES[which], CONNECTIONS[which]
        assert len(runs) == RUNS[which]
        for run in runs:
            sent = run.load.planned  # a run goes on where the CPUs were taken away
            assert sent >= rate * DURATION_S[which]
            assert run.load.responded_total == sent
            assert run.counters["seen"] == run.counters["recorded"] == sent
            assert run.histograms["service"].total == sent
            assert run.counters["connections"] == connections + run.load.grown
            for none in ("adopted", "dependencies", "filtered", "no_response", "pending"):
                assert run.counters[none] == 0, none


def of_campaign(out: Path) -> tuple[Run, ...]:
    campaign = read_result(out / "result.json").campaign
    assert campaign is not None
    return campaign.runs


def overlap(one: Run, other: Run) -> bool:
    """Both were measured for a while."""
    ahead_ns = other.window_from_ns - one.window_from_ns
    return -DURATION_S[1] * 1_000_000_000 < ahead_ns < DURATION_S[0] * 1_000_000_000


@pytest.mark.beside
@pytest.mark.parametrize("time", [1, *(pytest.param(n, marks=pytest.mark.slow) for n in (2, 3))])
def test_a_map_of_16_entries_is_invalid_every_time(
    gate: Gate, scenario: Callable[..., Path], time: int
) -> None:
    connections = 3 * SMALL_MAP
    # It would go on for enough undisturbed exchanges, which are lost.
    load = {"connections": connections, "max_duration_s": 0.5}
    tables = {"probe": {"max_connections": SMALL_MAP}, "load": load}
    done = gate.gate(scenario(**tables), "--quiet", "--seed", time)
    verdict = done.judged(Exit.INVALID, Reason.EVENTS_LOST)
    (given,) = verdict["reasons"]
    assert "did not fit into the map of connections" in given["text"]
    assert "probe.max_connections" in given["text"]
    assert done.stdout.startswith("invalid: ")
    assert verdict["metrics"] == []
