import numpy as np
import pytest

from socklat_gate.measured.histogram import MAX_NS, Histogram
from socklat_gate.report.sketch import COLUMNS, percentile_sketch
from tests.unit.factories import make_histogram

NAMES = ["p50", "p75", "p90", "p95", "p99", "p99.9", "max"]


def bars(sketch: str, label: str) -> list[int]:
    return [line.count("█") for line in sketch.splitlines() if f" {label} " in line]


def test_two_arms_show_every_percentile_and_the_change():
    sketch = percentile_sketch(
        [("baseline", make_histogram(1)), ("candidate", make_histogram(1, 2))]
    )
    lines = sketch.splitlines()
    assert len(lines) == 1 + 2 * len(NAMES)
    assert [line.split()[0] for line in lines[1::2]] == NAMES
    assert all("candidate" in line and "%" in line for line in lines[2::2])
    assert "+100%" in lines[2]


@pytest.mark.parametrize(
    "values",
    [
        [0],
        [1],
        [5, 5, 5],
        [MAX_NS],
        [1, MAX_NS],
        np.arange(1, 3000) * 977,
    ],
)
def test_it_fits_into_a_terminal(values):
    histogram = Histogram.of(values)
    sketch = percentile_sketch([("baseline" * 3, histogram), ("candidate", histogram)])
    assert max(len(line) for line in sketch.splitlines()) <= COLUMNS


def test_bars_grow_with_the_percentiles_and_longer_means_slower():
    sketch = percentile_sketch(
        [("baseline", make_histogram(1)), ("candidate", make_histogram(1, 2))]
    )
    baseline, candidate = bars(sketch, "baseline"), bars(sketch, "candidate")
    assert baseline == sorted(baseline)
    assert all(slow > fast for fast, slow in zip(baseline, candidate, strict=True))


def test_one_arm_has_no_change():
    sketch = percentile_sketch([("service", make_histogram(1))])
    assert len(sketch.splitlines()) == 1 + len(NAMES)
    assert "%" not in sketch


def test_without_values_there_is_no_sketch():
    assert percentile_sketch([]) == ""
    assert percentile_sketch([("baseline", Histogram.empty())]) == ""


def test_an_arm_without_values_is_left_out():
    sketch = percentile_sketch([("baseline", Histogram.empty()), ("candidate", make_histogram(1))])
    assert "baseline" not in sketch
    assert "candidate" in sketch
