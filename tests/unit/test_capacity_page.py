"""docs/lab/capacity.md: rounds that are recorded, and jobs redrawn from them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from socklat_gate.errors import Reason
from socklat_gate.measured.verdict import Outcome
from socklat_gate.verdict.capacity import judge_capacity
from tests.benchmarks.capacity import losses_of, page, redraw, redrawn_jobs
from tests.benchmarks.capacity_file import Job, Recorded, load, save
from tests.benchmarks.capacity_rounds import LIMITS, SCENES, ended
from tests.unit.factories import make_rounds


def job(losses: list[float]) -> Job:
    return Job(10_000_000, make_rounds(losses))


def test_what_is_recorded_is_read_back_a_round_a_line(tmp_path: Path) -> None:
    recorded = Recorded("a machine", {"cpu-same": (job([0.0, 0.25]), job([0.125]))})
    save(tmp_path / "capacity.json", recorded)
    assert load(tmp_path / "capacity.json") == recorded
    lines = (tmp_path / "capacity.json").read_text().splitlines()
    assert sum(line.strip().startswith("[") for line in lines) == 3


def test_a_job_ends_as_the_command_does() -> None:
    assert not ended(Job(0, ()))
    assert not ended(job([0.0] * 3))
    assert ended(job([0.0] * 6))
    assert ended(job([0.1] * 21))  # 5 minutes of 15 s


def test_redrawn_jobs_stop_where_the_command_does() -> None:
    rng = np.random.default_rng(3)
    d = redraw(np.array([0.01, 0.05, 0.1]), 0.1, 40, 20, rng)
    found = redrawn_jobs(d)
    outcomes = []
    for row, end in zip(d, found.rounds, strict=True):
        losses = [1 - float(np.exp(-value)) for value in row]
        looks = (judge_capacity(make_rounds(losses[:n]), LIMITS) for n in range(1, len(losses) + 1))
        decided = [one for one in looks if one.reason is not Reason.CAPACITY_UNDECIDED]
        assert (decided[0].rounds if decided else None) == (
            None if np.isnan(end) else pytest.approx(end)
        )
        outcomes += [one.outcome for one in decided[:1]]
    assert found.failed == outcomes.count(Outcome.REGRESSION) / 40
    assert found.passed == outcomes.count(Outcome.PASS) / 40
    assert 0 < found.passed < found.failed


def test_signs_are_coins_and_sizes_are_recorded_ones() -> None:
    noise = losses_of([job([0.01, -0.02, 0.03])])
    d = redraw(noise, 0.0, 200, 10, np.random.default_rng(3))
    assert set(np.round(np.abs(d), 9).ravel()) == set(np.round(np.abs(noise), 9))
    assert (d > 0).mean() == pytest.approx(0.5, abs=0.05)


@pytest.mark.parametrize("loss", [0.0, 0.05])
def test_no_false_alarms_up_to_the_tolerance(loss: float) -> None:
    noise = losses_of([job([0.02, -0.06, 0.04, -0.1, 0.01])])
    d = redraw(noise, loss, 5000, 20, np.random.default_rng(4))
    assert redrawn_jobs(d).failed <= LIMITS.alpha


def test_the_page_has_a_row_for_each_job() -> None:
    scenes = {scene.name: (job([0.01, -0.02] * 4),) for scene in SCENES}
    text = page(Recorded("a machine", scenes), 50)
    for name in scenes:
        assert f"| `{name}` | 1 | pass |" in text
    assert "of 2 with equal arms, 0 failed" in " ".join(text.split())
