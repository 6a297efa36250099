"""What a real gate does about noise: correction, CPU time, ways to interleave, waivers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from socklat_gate.documents.files import read_result
from socklat_gate.errors import Exit, Reason
from socklat_gate.measured.pair import Pair
from socklat_gate.measured.run import WEIGHT_UNIT
from tests.e2e.done import Done
from tests.e2e.harness import Gate
from tests.e2e.scenarios import DELAY_TAG, waived, write_scenario

pytestmark = [pytest.mark.kernel, pytest.mark.docker]

Scenario = Callable[..., Path]
SLOWER = ["/delay", "--before-response", "4200"]
BASE = {"command": ["/delay", "--before-response", "3000"]}


def pairs_of(done: Done) -> tuple[Pair, ...]:
    return read_result(done.out / "result.json").pairs


@pytest.fixture(scope="module")
def passed(docker_client: Any, tmp_path_factory: pytest.TempPathFactory) -> Done:
    """An image against itself, two pairs a start, each arm with a CPU set of its own."""
    runner = Gate(tmp_path_factory.mktemp("passed"), docker_client)
    tables = {"service": {"cpuset": ["0", "1"]}, "gate": {"pairs_per_start": 2}}
    done = runner.gate(write_scenario(runner.directory / "socklat.toml", tables), "--quiet")
    done.judged(Exit.PASS, Reason.NO_REGRESSION)
    assert runner.left_behind() == []
    return done


def test_every_run_is_corrected_for_stalls_and_keeps_its_raw_numbers(passed: Done) -> None:
    for pair in pairs_of(passed):
        assert pair.noise.stalled is not None
        assert 0.0 <= pair.noise.stalled <= 1.0
        assert pair.noise.interference is not None
        for run in (pair.baseline, pair.candidate):
            corrected, raw = run.corrected, run.histograms["response"]
            assert corrected is not None
            assert corrected.logged == raw.total
            assert run.counters["log_lost"] == 0
            used = corrected.used["response"].total
            assert 0 < used <= corrected.logged
            assert corrected.histograms["response"].total >= WEIGHT_UNIT * used
            # It waits 3 ms for every request, corrected or not.
            for histogram in (raw, corrected.histograms["response"]):
                assert 2.9e6 < histogram.quantile_ns(0.5) < 6e6
            # The service spins for the last 0.1 ms of its wait.
            assert run.cpu_exchanges > 0
            assert 20_000 < run.cpu_ns / run.cpu_exchanges < 3_000_000
    assert "The verdict uses corrected numbers" in passed.report


def test_containers_can_serve_several_pairs(passed: Done) -> None:
    pairs = pairs_of(passed)
    assert [pair.start for pair in pairs] == [index - index % 2 for index in range(len(pairs))]
    # The start of an excluded pair is complete only when the next one has begun.
    assert len(pairs) % 2 == 0 or any(pair.excluded for pair in pairs)


def test_each_arm_gets_a_cpu_set_of_its_own_by_coin_flip(passed: Done) -> None:
    assert {type(pair.swapped_cpusets) for pair in pairs_of(passed)} == {bool}


def test_a_stop_that_burns_the_cpu_of_both_arms_is_the_candidates_own(
    gate: Gate, scenario: Scenario
) -> None:
    stopping = ["/delay", "--before-response", "1000", "--stop-every", "1200"]
    path = scenario(
        service={"command": stopping, "cpuset": "0"},
        baseline={"command": stopping[:-2]},
        load={"duration_s": 3.0, "warmup_s": 0.2, "rate": 200},
        gate={"max_pairs": 8, "alpha": 0.4, "spikes": {"watch_s": 24}},
    )
    done = gate.gate(path, "--quiet")
    done.judged(Exit.REGRESSION, Reason.MORE_SPIKES)
    spikes = done.verdict["spikes"]
    assert spikes["candidate_events"] >= 2
    assert spikes["baseline_events"] == 0
    assert spikes["stage"] == "app"
    slow = [
        spike
        for pair in pairs_of(done)
        for spike in pair.candidate.spikes
        if spike.stages_ns["response"] > 200e6
    ]
    assert slow
    assert not any(spike.shared for spike in slow)


def test_arms_take_turns_in_blocks_and_a_waived_change_passes_up_to_its_ceiling(
    gate: Gate, scenario: Scenario
) -> None:
    path = scenario(service={"command": SLOWER}, baseline=BASE, gate={"interleave": "block"})
    done = gate.gate(waived(path, 0.8, "2999-12-31", gate.image_id(DELAY_TAG)), "--quiet")
    done.judged(Exit.PASS, Reason.NO_REGRESSION)
    assert "2999-12-31" in done.report
    pairs = pairs_of(done)
    assert {pair.interleave for pair in pairs} == {"block"}
    # Whoever started first was measured first, and the other only afterwards.
    windows = [(pair.baseline.window_from_ns, pair.candidate.window_from_ns) for pair in pairs]
    first = ["baseline" if ours < theirs else "candidate" for ours, theirs in windows]
    assert first == [pair.first_started for pair in pairs]


@pytest.mark.beside
def test_an_expired_waiver_fails_loudly_before_anything_is_measured(
    gate: Gate, scenario: Scenario
) -> None:
    done = gate.gate(waived(scenario(), 0.8, "2020-01-31", "1f2e3d4c5b6a"))
    error = done.refused(Exit.USAGE, Reason.WAIVER_EXPIRED)
    assert "response_p50" in error
    assert "2020-01-31" in error
    assert "https://tracker.example/42" in error
