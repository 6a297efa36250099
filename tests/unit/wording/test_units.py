import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from socklat_gate.wording import units

NAN, INF = math.nan, math.inf


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0 ns"),
        (7, "7.00 ns"),
        (850, "850 ns"),
        (999.4, "999 ns"),
        (999.6, "1.00 µs"),
        (1_234, "1.23 µs"),
        (9_996, "10.0 µs"),
        (99_960, "100 µs"),
        (999_700, "1.00 ms"),
        (1_000_000, "1.00 ms"),
        (12_345_678, "12.3 ms"),
        (800_000_000, "800 ms"),
        (12e9, "12.0 s"),
        (68.7e9, "68.7 s"),
        (1234e9, "1234 s"),
        (-1_234, "-1.23 µs"),
        (NAN, "n/a"),
        (INF, "∞"),
    ],
)
def test_durations(value, text):
    assert units.ns(value) == text


@given(st.floats(1, 1e12))
def test_durations_keep_three_digits(value):
    number, unit = units.ns(value).split()
    factor = {"ns": 1, "µs": 1e3, "ms": 1e6, "s": 1e9}[unit]
    assert float(number) * factor == pytest.approx(value, rel=0.0051)
    assert len(number.replace(".", "")) >= 3


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0314, "+3.14%"),
        (-0.004, "-0.40%"),
        (0.0, "0%"),
        (-0.0, "0%"),
        (-0.00001, "0%"),
        (0.09994, "+9.99%"),
        (0.09996, "+10.0%"),
        (0.314, "+31.4%"),
        (-0.123, "-12.3%"),
        (0.9996, "+100%"),
        (12.4, "+1,240%"),
        (NAN, "n/a"),
        (INF, "+∞"),
        (-INF, "-∞"),
    ],
)
def test_changes(value, text):
    assert units.change(value) == text


@pytest.mark.parametrize(
    ("low", "high", "text"),
    [
        (-0.01, 0.042, "-1.00% to +4.20%"),
        (-INF, INF, "unbounded"),
        (-1.0, INF, "unbounded"),
        (NAN, 0.1, "n/a"),
        (-INF, 0.1, "-∞ to +10.0%"),
    ],
)
def test_intervals(low, high, text):
    assert units.interval(low, high) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "<0.01"),
        (0.023, "0.023"),
        (1.0, "1"),
        (41.5, "42"),
        (300.0, "300"),
        (32_104.0, "3.2e4"),
        (9.99e14, "1.0e15"),
        (1e15, "∞"),
        (1e300, "∞"),
        (INF, "∞"),
        (NAN, "n/a"),
    ],
)
def test_evidence(value, text):
    assert units.evidence(value) == text


def test_evidence_beside_its_threshold():
    assert units.beside_threshold(41.0, 20.0) == "41 / 20"
    assert units.beside_threshold(NAN, 20.0) == "n/a"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0%"),
        (0.00004, "<0.01%"),
        (0.004, "0.40%"),
        (0.012, "1.20%"),
        (0.93, "93.0%"),
        (1.0, "100%"),
        (-0.04, "-4.00%"),
        (NAN, "n/a"),
    ],
)
def test_shares(value, text):
    assert units.share(value) == text


def test_counts_and_wall_clock_times():
    assert units.count(12345) == "12\u202f345"
    assert units.count(999) == "999"
    shown = [units.duration_s(s) for s in (8, 59.96, 71.25, 3725, NAN)]
    assert shown == ["8.0 s", "1 min 00 s", "1 min 11 s", "1 h 02 min", "n/a"]


@pytest.mark.parametrize(
    ("low_ns", "high_ns", "text"),
    [
        (-54.6, 1_200, "-54.6 ns to +1.20 µs"),
        (0, 2e6, "0 ns to +2.00 ms"),
        (-INF, INF, "unbounded"),
        (5e5, INF, "+500 µs to +∞"),
        (NAN, 1, "n/a"),
    ],
)
def test_intervals_of_durations(low_ns, high_ns, text):
    assert units.ns_interval(low_ns, high_ns) == text


@pytest.mark.parametrize(
    ("rate", "text"),
    [
        (0.0, "0/s"),
        (12.54, "12.5/s"),
        (999.4, "999/s"),
        (999.6, "1,000/s"),
        (5873.0, "5,870/s"),
        (10_000.0, "10,000/s"),
        (123_456.0, "123,000/s"),
        (math.nan, "n/a"),
    ],
)
def test_rates_of_requests(rate, text):
    assert units.per_second(rate) == text


@pytest.mark.parametrize(
    ("events", "exposure_s", "text"),
    [
        (0, 60, "0"),
        (3, 60, "3.00/min"),
        (1, 64, "56.2/h"),
        (5, 16, "18.8/min"),
        (1, 86_400, "0.0417/h"),
        (0, 0, "n/a"),
        (2, NAN, "n/a"),
    ],
)
def test_rates_of_rare_events(events, exposure_s, text):
    assert units.per_time(events, exposure_s) == text


@pytest.mark.parametrize(
    ("ratio", "text"),
    [
        (0.5, "0.50 times"),
        (9.99, "9.99 times"),
        (9.996, "10 times"),
        (1900, "1,900 times"),
        (INF, "∞ times"),
        (NAN, "n/a times"),
    ],
)
def test_ratios_of_rates(ratio, text):
    assert units.times(ratio) == text


def test_a_p_value_is_never_0():
    shown = [units.p_value(p) for p in (1, 0.031, 1.2e-5, 0, 1e-300, NAN)]
    assert shown == ["1", "0.031", "1.2e-05", "<1e-15", "<1e-15", "n/a"]


def test_moments_have_no_microseconds_and_commits_12_digits():
    assert units.moment("2026-11-22T23:52:23.783690+00:00") == "2026-11-22 23:52:23 UTC"
    assert units.moment("2026-03-04T05:06:07Z") == "2026-03-04 05:06:07 UTC"
    assert units.moment("2026-03-04T05:06:07+02:00") == "2026-03-04 03:06:07 UTC"
    assert units.moment("yesterday") == "yesterday"
    assert units.commit_id("0123456789abcdef" * 2) == "0123456789ab"
    assert units.commit_id("v1.4-with-a-long-name") == "v1.4-with-a-long-name"
