"""What a real gate does about noise: correction, CPU time, ways to interleave, waivers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from socklat_gate.documents.files import read_result
from socklat_gate.errors import Exit, Reason
from socklat_gate.measured.run import WEIGHT_UNIT
from tests.e2e.harness import Gate

pytestmark = [pytest.mark.kernel, pytest.mark.docker]

Scenario = Callable[..., Path]
SLOWER = ["/delay", "--before-response", "4200"]
BASE = {"command": ["/delay", "--before-response", "3000"]}


def test_every_run_is_corrected_for_stalls_and_keeps_its_raw_numbers(
    gate: Gate, scenario: Scenario
) -> None:
    done = gate.gate(scenario(), "--quiet")
    done.judged(Exit.PASS, Reason.NO_REGRESSION)
    result = read_result(done.out / "result.json")
    for pair in result.pairs:
        assert pair.noise.stalled is not None
        assert 0.0 <= pair.noise.stalled <= 1.0
        assert pair.noise.interference is not None
        for run in (pair.baseline, pair.candidate):
            corrected, raw = run.corrected, run.histograms["service"]
            assert corrected is not None
            assert corrected.logged == raw.total
            assert run.counters["log_lost"] == 0
            used = corrected.used["service"].total
            assert 0 < used <= corrected.logged
            assert corrected.histograms["service"].total >= WEIGHT_UNIT * used
            # It waits 3 ms for every request, corrected or not.
            for histogram in (raw, corrected.histograms["service"]):
                assert 2.9e6 < histogram.quantile_ns(0.5) < 6e6
            # The service spins for the last 0.1 ms of its wait.
            assert run.cpu_exchanges > 0
            assert 20_000 < run.cpu_ns / run.cpu_exchanges < 3_000_000
    assert "orrected numbers are judged" in done.report


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
        for pair in read_result(done.out / "result.json").pairs
        for spike in pair.candidate.spikes
        if spike.stages_ns["service"] > 200e6
    ]
    assert slow
    assert not any(spike.shared for spike in slow)


@pytest.mark.beside
@pytest.mark.parametrize("mode", ["slice", "block"])
def test_arms_can_take_turns(gate: Gate, scenario: Scenario, mode: str) -> None:
    path = scenario(service={"command": SLOWER}, baseline=BASE, gate={"interleave": mode})
    done = gate.gate(path, "--quiet")
    done.judged(Exit.REGRESSION, Reason.REGRESSION)
    pairs = read_result(done.out / "result.json").pairs
    assert {pair.interleave for pair in pairs} == {mode}
    windows = [[arm.window_from_ns for arm in (p.baseline, p.candidate)] for p in pairs]
    if mode == "slice":
        assert all(baseline == candidate for baseline, candidate in windows)
        assert all(pair.candidate.duration_s >= 2 * 0.5 for pair in pairs)  # half of it is its own
    else:  # whoever started first was measured first, and the other only afterwards
        first = ["baseline" if ours < theirs else "candidate" for ours, theirs in windows]
        assert first == [pair.first_started for pair in pairs]


@pytest.mark.beside
def test_containers_can_serve_several_pairs(gate: Gate, scenario: Scenario) -> None:
    done = gate.gate(scenario(gate={"pairs_per_start": 2}), "--quiet")
    done.judged(Exit.PASS, Reason.NO_REGRESSION)
    pairs = read_result(done.out / "result.json").pairs
    assert [pair.start for pair in pairs] == [index - index % 2 for index in range(len(pairs))]
    # The start of an excluded pair is complete only when the next one has begun.
    assert len(pairs) % 2 == 0 or any(pair.excluded for pair in pairs)


@pytest.mark.beside
def test_each_arm_gets_a_cpu_set_of_its_own_by_coin_flip(gate: Gate, scenario: Scenario) -> None:
    done = gate.gate(scenario(service={"cpuset": ["0", "1"]}), "--quiet")
    done.judged(Exit.PASS, Reason.NO_REGRESSION)
    pairs = read_result(done.out / "result.json").pairs
    assert {type(pair.swapped_cpusets) for pair in pairs} == {bool}


def waived(path: Path, ceiling: float, expires: str) -> Path:
    text = path.read_text("utf-8") + "\n[[waiver]]\n"
    text += f'metric = "service_p50"\nceiling = {ceiling}\nexpires = {expires}\n'
    path.write_text(text + 'link = "https://tracker.example/42"\n', encoding="utf-8")
    return path


@pytest.mark.beside
def test_a_waived_change_passes_up_to_its_ceiling_and_fails_beyond(
    gate: Gate, scenario: Scenario
) -> None:
    slower = {"service": {"command": SLOWER}, "baseline": BASE}
    done = gate.gate(waived(scenario(**slower), 0.8, "2999-12-31"), "--quiet")
    done.judged(Exit.PASS, Reason.NO_REGRESSION)
    assert "2999-12-31" in done.report
    again = gate.gate(waived(scenario(**slower), 0.12, "2999-12-31"), "--quiet")
    again.judged(Exit.REGRESSION, Reason.REGRESSION)


@pytest.mark.beside
def test_an_expired_waiver_fails_loudly_before_anything_is_measured(
    gate: Gate, scenario: Scenario
) -> None:
    done = gate.gate(waived(scenario(), 0.8, "2020-01-31"))
    error = done.refused(Exit.USAGE, Reason.WAIVER_EXPIRED)
    assert "service_p50" in error
    assert "2020-01-31" in error
    assert "https://tracker.example/42" in error
