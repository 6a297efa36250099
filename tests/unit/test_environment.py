from __future__ import annotations

import pytest

from socklat_gate.environment import NoiseMeter, environment_facts
from socklat_gate.measured.campaign import Fingerprint
from socklat_gate.measured.pair import Noise

MACHINE = Fingerprint({"kernel": "6.1", "cpus": "2", "hooks": "x"})


def test_what_was_not_measured_is_not_known() -> None:
    noise = NoiseMeter().stop()
    assert 0 <= noise.steal <= 1
    assert 0 <= noise.busy <= 1
    assert (noise.stalled, noise.interference) == (None, None)
    assert (noise.throttled_us, noise.involuntary_switches) == (None, None)


def test_facts_hold_both_accounts_of_taken_time() -> None:
    noises = [
        Noise(
            0.01,
            0.4,
            0.1,
            1.0,
            10,
            stalled=0.02,
            interference=0.03,
            throttled_us=1500,
            coupling=0.1,
        ),
        Noise(0.03, 0.6, 0.3, 2.0, 30, stalled=0.04, interference=0.05, throttled_us=2500),
    ]
    assert environment_facts(MACHINE, noises) == {
        "cpus": "2",
        "kernel": "6.1",
        "steal.median": pytest.approx(0.02),
        "steal.max": 0.03,
        "stalled.median": 0.03,
        "stalled.max": 0.04,
        "cpu_busy.median": 0.5,
        "cpu_busy.max": 0.6,
        "interference.median": 0.04,
        "interference.max": 0.05,
        "cpu_pressure.median": 0.2,
        "cpu_pressure.max": 0.3,
        "throttled_us.median": 2000,
        "throttled_us.max": 2500,
        "involuntary_switches.median": 20,
        "involuntary_switches.max": 30,
        "coupling.median": 0.1,
        "coupling.max": 0.1,
        "load_average": 2.0,
    }


def test_facts_that_nobody_measured_are_left_out() -> None:
    facts = environment_facts(MACHINE, [Noise(0.0, 0.5, None, 0.5)])
    assert {name.partition(".")[0] for name in facts} == {
        "cpus",
        "kernel",
        "steal",
        "cpu_busy",
        "load_average",
    }
    known = environment_facts(MACHINE, [Noise(0.0, 0.5, None, 0.5), Noise(0, 0.5, None, 1, 4)])
    assert known["involuntary_switches.median"] == known["involuntary_switches.max"] == 4


def test_a_machine_without_measurements_has_its_own_facts_only() -> None:
    assert environment_facts(MACHINE, []) == {"cpus": "2", "kernel": "6.1"}
