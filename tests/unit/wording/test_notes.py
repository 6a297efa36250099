"""Notes as sentences, also those that a stored document holds only in part."""

from __future__ import annotations

import pytest

from socklat_gate.measured.facts import Drift, DriftedMetric, Note, NoteCode
from socklat_gate.wording.drift_text import drift_text
from socklat_gate.wording.notes import note_text


@pytest.mark.parametrize("code", list(NoteCode))
@pytest.mark.parametrize("subject", ["", "response_p99", "0, 1, 2"])
@pytest.mark.parametrize("numbers", [{}, {"pairs": None, "share": "much", "exchanges": 1e300}])
def test_every_note_has_a_sentence_whatever_a_document_holds(code, subject, numbers):
    assert note_text(Note(code, subject, numbers))


def test_no_note_no_text():
    assert note_text(None) == ""
    assert drift_text(None) == ""


@pytest.mark.parametrize(
    ("listed", "pairs", "text"),
    [
        ("3", 1, "recorded in pair 3"),
        ("3, 5", 2, "recorded in pairs 3, 5"),
        ("0, 1, 2", 12, "recorded in pairs 0, 1, 2 and 9 more"),
    ],
)
def test_a_note_on_pairs_lists_the_first_of_them(listed, pairs, text):
    note = Note(NoteCode.SPIKE_LIMIT_RAISED, listed, {"pairs": pairs})
    assert note_text(note).endswith(text)


def test_drift_names_what_is_outside_and_what_is_unknown():
    p50 = DriftedMetric("response_p50", 0.31, -0.04, 0.04)
    text = drift_text(Drift(6, 2, (p50,), ("response_p99",)))
    assert text == (
        "today's baseline arm lies outside what 6 stored campaigns predict: response_p50 +31.0% "
        "(expected -4.00% to +4.00%); too little was measured to compare response_p99"
    )


@pytest.mark.parametrize(
    ("whose", "text"),
    [
        ("", "the HEALTHCHECK of the images was not run beside the load"),
        (
            "candidate",
            "the HEALTHCHECK of the candidate's image, which the baseline's has not, was",
        ),
        ("both", "the images have different HEALTHCHECKs, which were not run"),
    ],
)
def test_checks_that_were_left_out_are_told(whose, text):
    assert note_text(Note(NoteCode.CHECKS_NOT_RUN, whose)).startswith(text)


@pytest.mark.parametrize(
    ("subject", "text"),
    [
        ("stored", "load.rate: 10,000/s and arm, as the stored campaigns have it"),
        ("cpus", "and arm, found from the baseline: the baseline carries about 24,700/s; "),
        ("service", "; 40% of that"),
    ],
)
def test_a_rate_that_was_found_is_named_whole(subject, text):
    numbers = {"rate": 10_000.0, "capacity": 24_690.0}
    assert text in note_text(Note(NoteCode.RATE_FOUND, subject, numbers))
