from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from socklat_gate.errors import InvalidMeasurement, Reason
from socklat_gate.job.run_job import measure_campaign
from socklat_gate.job.starting_order import pair_seed
from socklat_gate.measured.campaign import Campaign
from tests.unit.job.fakes import IMAGE, MACHINE, FakeRig, quiet_progress, scenario


def measured(rig: Any, runs: int, **limits: int) -> Campaign:
    wanted = scenario(**limits)
    return measure_campaign(
        rig, wanted, Path(), IMAGE, runs=runs, seed=4, progress=quiet_progress()
    )


def test_a_campaign_holds_so_many_runs_of_one_image() -> None:
    rig = FakeRig([0.0] * 3)
    campaign = measured(rig, 3)
    assert len(campaign.runs) == len(campaign.noise) == 3
    assert campaign.mode == "single"
    assert (campaign.image, campaign.image_id) == (IMAGE.reference, IMAGE.id)
    assert campaign.fingerprint == MACHINE
    assert campaign.scenario_hash == scenario().measured_hash()
    assert rig.seeds == [pair_seed(4, index) for index in range(3)]


def test_disturbed_runs_are_repeated_with_another_seed() -> None:
    rig = FakeRig([0.0, "steal", 0.0])
    assert len(measured(rig, 2).runs) == 2
    assert len(set(rig.seeds)) == 3


def test_too_many_disturbed_runs() -> None:
    with pytest.raises(InvalidMeasurement, match=r"2 measurements .* \(1 were usable\)") as caught:
        measured(FakeRig([0.0, "steal", "steal"]), 2, max_excluded_pairs=1)
    assert caught.value.reason is Reason.TOO_NOISY
    assert "gate.max_steal" in str(caught.value.remedy)


def test_seeds_are_reproducible_and_apart() -> None:
    seeds = [pair_seed(seed, index) for seed in range(20) for index in range(20)]
    assert len(set(seeds)) == 400
    assert seeds[25] == pair_seed(1, 5)
    assert pair_seed(2**63 - 1, 0) >= 0
