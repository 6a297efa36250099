from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from socklat_gate.measured.campaign import Campaign
from socklat_gate.scenario import Metric
from socklat_gate.verdict.series import metric_history
from socklat_gate.wording.history_text import history_lines, release_text
from tests.unit.verdict.builders import campaign_of, run_of, scaled_run

P50 = Metric(quantile=0.5, tolerance=0.02, regression_threshold=0.05)

pytestmark = pytest.mark.usefixtures("simulated")


def history(log_changes: np.ndarray) -> list[Campaign]:
    rng = np.random.default_rng(4)
    return [
        replace(
            campaign_of([scaled_run(change + 0.005 * rng.standard_normal()) for _ in range(3)]),
            created=f"2026-{1 + day // 28:02d}-{1 + day % 28:02d}T00:00:00Z",
            commit=f"{day:040x}",
        )
        for day, change in enumerate(log_changes)
    ]


def test_a_step_has_its_size_day_and_commit() -> None:
    campaigns = history(np.where(np.arange(40) >= 25, 0.15, 0.0))
    found = metric_history(campaigns, P50)
    (sentence,) = history_lines(found)
    assert sentence.startswith("response_p50: +16")
    assert f"from {campaigns[25].created[:10]} (commit {campaigns[25].commit[:12]}) on" in sentence
    assert not found.drifted


def test_no_change_is_a_line_too() -> None:
    found = metric_history(history(np.zeros(20)), P50)
    assert history_lines(found) == ["response_p50: no change found over 20 campaigns"]


def test_small_steps_add_up_against_a_pinned_release() -> None:
    campaigns = history(0.08 * (np.arange(40) // 5))
    found = metric_history(campaigns, P50, pinned=campaigns[:5])
    assert found.drifted
    assert found.release is not None
    assert release_text(found.release) in history_lines(found)
    still = metric_history(history(np.zeros(20)), P50, pinned=history(np.zeros(20))[:5])
    assert not still.drifted


def test_campaigns_without_enough_exchanges_are_left_out() -> None:
    campaigns = history(np.zeros(10))
    campaigns[3] = replace(campaigns[3], runs=(run_of([1000] * 20),))
    found = metric_history(campaigns, P50)
    assert len(found.values) == len(found.campaigns) == 9
    assert np.exp(found.values) == pytest.approx(np.full(9, 400_000), rel=0.05)
