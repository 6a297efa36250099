"""Facts about the machine as texts, those of older documents included."""

from __future__ import annotations

import math

from socklat_gate.wording.machine_facts import environment_texts


def test_numbers_of_the_machine_read_as_median_and_maximum() -> None:
    environment = {
        "cpus": "2",
        "kernel": "6.1",
        "steal.median": 0.0,
        "steal.max": 0.0309,
        "throttled_us.median": 2000,
        "throttled_us.max": 2500,
        "involuntary_switches.median": 1234.0,
        "involuntary_switches.max": 30000,
        "load_average": 2.0,
    }
    assert environment_texts(environment) == {
        "cpus": "2",
        "kernel": "6.1",
        "steal": "median 0%, at most 3.09%",
        "throttled": "median 2.00 ms, at most 2.50 ms",
        "involuntary_switches": "median 1\u202f234, at most 30\u202f000",
        "load_average": "2.00",
    }


def test_texts_of_older_documents_stay_as_they_are() -> None:
    older = {"steal": "median 0.0%, at most 0.1%", "load_average": "1.00", "cpus": "2"}
    assert environment_texts(older) == older


def test_what_a_document_leaves_out_is_not_available() -> None:
    assert environment_texts({"steal.median": 0.1, "involuntary_switches.median": None}) == {
        "steal": "median 10.0%, at most n/a",
        "involuntary_switches": "median n/a, at most n/a",
    }
    assert environment_texts({"steal.max": 0.1, "load_average": math.nan}) == {
        "load_average": "n/a"
    }
