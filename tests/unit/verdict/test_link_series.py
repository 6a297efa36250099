"""The sum from merge to merge, nights beside a release, and what pairs say of a change."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from socklat_gate.measured.link import Link, MetricLink
from socklat_gate.measured.verdict import Outcome
from socklat_gate.scenario import Gate, Metric
from socklat_gate.verdict.decide import decide
from socklat_gate.verdict.link_series import link_history
from socklat_gate.verdict.links import metric_link, metric_links
from socklat_gate.verdict.sample import Sample
from socklat_gate.wording.link_text import link_lines, link_rows
from tests.unit.verdict.builders import pairs_with, run_of

GATE = Gate(metrics=[Metric(quantile=0.5, tolerance=0.02, regression_threshold=0.05)])
NAME = "response_p50"
WIDTH = math.log(1.05 / 1.02)


def commit(number: int) -> str:
    return f"{number:040x}"


def metric(change: float, pairs: int = 12, sd: float = 0.004) -> MetricLink:
    rng = np.random.default_rng([pairs, round(1e6 * abs(change))])
    noise = rng.normal(0, sd, pairs)
    noise[:5] -= noise[:5].mean()
    noise[5:] -= noise[5:].mean() if pairs > 5 else 0.0
    d = change + noise
    return metric_link(NAME, Sample(d, np.full(pairs, sd)), 0.02, WIDTH)


def link(
    base: int, end: int, change: float, *, nightly: bool = False, day: int = 0, pairs: int = 12
) -> Link:
    return Link(
        scenario_name="demo",
        scenario_hash="0" * 16,
        former_hashes=(),
        created=f"2026-{1 + day // 28:02d}-{1 + day % 28:02d}T00:00:00+00:00",
        branch="main",
        base_commit=commit(base),
        base_image="demo:1",
        commit=commit(end),
        image="demo:2",
        nightly=nightly,
        outcome=Outcome.PASS,
        pairs=pairs,
        metrics=(metric(change, pairs),),
    )


def test_the_sum_of_merges_is_the_drift_and_its_interval_grows() -> None:
    history = link_history([link(n, n + 1, 0.004, day=n) for n in range(16)], NAME, 1)
    points = history.merges
    assert [point.begins for point in points] == [True] + [False] * 15
    assert math.log1p(points[-1].change) == pytest.approx(16 * 0.004, abs=0.01)
    widths = [math.log1p(p.high) - math.log1p(p.low) for p in points]
    assert widths[-1] / widths[3] == pytest.approx(2.0, abs=0.4)
    assert points[-1].low < points[-1].change < points[-1].high


def test_many_small_steps_are_found_though_each_of_them_passes() -> None:
    history = link_history([link(n, n + 1, 0.004, day=n) for n in range(40)], NAME, 1)
    assert history.changes
    first = history.changes[0]
    assert first.change > 0
    assert first.end - first.index > 1
    text = "\n".join(link_lines(history))
    assert "over 40 merges since 000000000000, the sum of paired estimates" in text
    assert f"over {first.end - first.index} merges from " in text


def test_no_change_is_none() -> None:
    history = link_history([link(n, n + 1, 0.0, day=n) for n in range(40)], NAME, 1)
    assert history.changes == ()
    assert "no change found over 40 paired estimates" in link_lines(history)[-1]


def test_a_merge_that_did_not_pass_is_part_of_the_next_link() -> None:
    """Commit 2 was red: nothing of it is stored, and 3 was compared with 1."""
    history = link_history([link(0, 1, 0.01), link(1, 3, 0.02, day=2)], NAME, 1)
    assert [point.begins for point in history.merges] == [True, False]
    assert math.log1p(history.merges[-1].change) == pytest.approx(0.03, abs=0.01)
    again = link_history([link(0, 1, 0.01), link(0, 2, 0.02, day=2)], NAME, 1)
    assert [point.begins for point in again.merges] == [True, False]
    assert math.log1p(again.merges[-1].change) == pytest.approx(0.02, abs=0.01)


def test_a_base_that_no_link_leads_to_begins_anew_and_is_marked() -> None:
    links = [link(0, 1, 0.01), link(1, 2, 0.01, day=1), link(7, 8, 0.03, day=2)]
    history = link_history(links, NAME, 1)
    assert [point.begins for point in history.merges] == [True, False, True]
    assert math.log1p(history.merges[-1].change) == pytest.approx(0.03, abs=0.01)
    assert (
        "over 1 merge since 000000000000, the sum of paired estimates (2 earlier"
        in (link_lines(history)[0])
    )
    assert [row[0] for row in link_rows(history.merges, "sum")] == ["", "", "", "|"]


def test_nights_add_up_their_evidence_beside_the_release_of_the_newest() -> None:
    old = [link(90, n, 0.5, nightly=True, day=n) for n in range(1, 4)]
    nights = [link(100, n, math.log(1.028), nightly=True, day=n, pairs=5) for n in range(5, 30)]
    history = link_history([*old, *nights], NAME, 1)
    assert history.release == commit(100)
    assert len(history.nights) == len(nights)
    assert history.drifted
    (only,) = nights[0].metrics
    assert max(only.above) < math.log(100)  # no night shows it alone
    text = "\n".join(link_lines(history))
    assert "25 nights show more than the tolerance of +2.00%" in text
    (found,) = history.night_changes
    assert found.change == pytest.approx(0.028, abs=0.005)


def test_nights_within_the_tolerance_have_not_drifted_but_show_the_change() -> None:
    nights = [link(100, n, 0.01, nightly=True, day=n) for n in range(40)]
    history = link_history(nights, NAME, 1)
    assert not history.drifted
    assert history.night_changes
    assert "40 nights do not show more than the tolerance" in link_lines(history)[0]


def test_a_mended_regression_has_not_drifted_any_more() -> None:
    slow = [link(100, n, 0.06, nightly=True, day=n) for n in range(8)]
    mended = [link(100, n, 0.0, nightly=True, day=n) for n in range(8, 40)]
    assert link_history(slow, NAME, 1).drifted
    assert not link_history([*slow, *mended], NAME, 1).drifted


def test_nights_by_another_tolerance_are_no_evidence_of_this_one() -> None:
    nights = [link(100, n, 0.06, nightly=True, day=n, pairs=5) for n in range(8)]
    (one,) = nights[-1].metrics
    wider = replace(nights[-1], metrics=(replace(one, tolerance=0.04),))
    assert link_history(nights, NAME, 1).drifted
    assert not link_history([*nights[:-1], wider], NAME, 1).drifted


def test_links_without_the_metric_are_no_links() -> None:
    history = link_history([link(0, 1, 0.1)], "response_p99", 1)
    assert (history.merges, history.nights, history.drifted) == ((), (), False)
    assert link_lines(history) == []


def test_what_pairs_say_of_the_change() -> None:
    pairs = pairs_with([0.011, 0.009, 0.01, 0.012, 0.008, 0.01])
    verdict = decide(pairs, GATE, budget_spent=None)
    (found,) = metric_links(pairs, verdict.metrics)
    assert found.name == NAME
    assert found.log_change == pytest.approx(0.01, abs=0.004)
    assert found.dof == 4  # of the first five
    assert 0 < found.standard_error < 0.01
    assert sum(found.slower) > 0 > sum(found.faster)
    assert max(found.above) < max(found.slower)


def test_what_lacks_exchanges_is_in_no_link() -> None:
    pairs = [replace(pair, candidate=run_of([])) for pair in pairs_with([0.0] * 6)]
    verdict = decide(pairs, GATE, budget_spent=None)
    assert metric_links(pairs, verdict.metrics) == ()
    one = pairs_with([0.0])
    assert metric_links(one, decide(one, GATE, budget_spent=None).metrics) == ()
