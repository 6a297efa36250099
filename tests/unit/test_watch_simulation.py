"""The script behind docs/lab/watch.md, on few jobs; the page has thousands."""

from __future__ import annotations

import math
import re
from pathlib import Path

import numpy as np
import pytest

from socklat_gate.verdict.watch_evidence import watch_evidence
from tests.benchmarks import watch
from tests.benchmarks.watch import KINDS, REPLICAS, Leak, fleet, leak_found, simulated, until

PAGE = Path(__file__).resolve().parents[2] / "docs" / "lab" / "watch.md"


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_equal_arms_do_not_fail(kind: watch.Kind) -> None:
    done = simulated(3, 15, kind, 16)
    assert done.by(10.0) <= 1 / 15
    assert simulated(3, 5, kind, 16).failed_s.tolist() == done.failed_s[:5].tolist()


def test_a_stop_every_minute_fails_within_two_minutes() -> None:
    done = simulated(1, 30, KINDS[0], 16, every_s=60.0)
    assert done.by(2.0) >= 0.9
    assert not done.passed.any()


@pytest.mark.parametrize("replicas", [2, 4, 5])
def test_few_replicas_find_it_in_five_minutes_since_they_are_renewed(replicas: int) -> None:
    done = simulated(1, 30, KINDS[0], replicas, every_s=60.0)
    assert done.by(5.0) >= 0.9
    assert not done.passed.any()


def test_a_timer_is_found_soon_after_its_age() -> None:
    done = simulated(1, 10, KINDS[0], 16, at_age_s=120.0)
    assert np.quantile(done.failed_s, 0.9) < 150.0


def test_what_is_cut_off_is_what_was_known_then() -> None:
    rng = np.random.default_rng(5)
    for kind in (KINDS[1], KINDS[4], KINDS[9]):
        seen = fleet(rng, kind, 8, every_s=60.0)
        whole = watch_evidence(seen)
        for end_s in (50.0, 95.0, 300.0):
            then = watch_evidence(until(seen, end_s))
            assert then.at(end_s) == pytest.approx(whole.at(end_s))


def test_a_leak_fails_and_what_grows_in_both_arms_does_not() -> None:
    rng = np.random.default_rng(1)
    assert leak_found(rng, Leak("", per_10000=2.0), 16) <= 240.0
    assert leak_found(rng, Leak("", both=2.0), 16) == math.inf


def test_the_page_is_of_this_script_and_keeps_what_it_promises() -> None:
    text = PAGE.read_text("utf-8")
    equal = text.partition("## Equal arms")[2].partition("\n## ")[0]
    assert all(f"| {kind.name} |" in equal for kind in KINDS)
    shares = [float(one) for one in re.findall(r"(\d+\.\d+)%, ", equal)]
    assert len(shares) == len(KINDS) * len(REPLICAS)
    assert max(shares) <= 0.5
    promised = [(16, 60, 2.0), (16, 180, 4.0), (16, 300, 6.0)]
    promised += [(few, 60, 5.0) for few in (2, 4, 5)]
    for many, every, minutes in promised:
        cells = rf"\| {many} \+ {many} \| quiet \| {every} s \|.*\| (\S+) \| \S+ \|"
        row = re.search(cells, text)
        assert row is not None
        assert float(row[1]) <= minutes
