from __future__ import annotations

import pytest

from socklat_gate.measured.facts import Note, NoteCode
from socklat_gate.wording.change_text import pairs_text
from socklat_gate.wording.containers_note import containers_note
from socklat_gate.wording.notes import note_text
from socklat_gate.wording.progress_lines import pair_step

MIB = 1 << 20


@pytest.mark.parametrize(
    ("number", "more", "containers", "text"),
    [
        (1, "", 1, "1 pair"),
        (12, "more ", 1, "12 more pairs"),
        (1, "", 2, "1 block of 2 + 2 containers"),
        (12, "", 4, "12 blocks of 4 + 4 containers"),
        (3, "more ", 4, "3 more blocks"),
        (2, "usable ", 2, "2 usable blocks"),
    ],
)
def test_pairs_and_blocks(number: int, more: str, containers: int, text: str) -> None:
    assert pairs_text(number, more, containers) == text


def test_what_is_under_way() -> None:
    assert pair_step(3, 40, 1) == "pair 3/40"
    assert pair_step(3, 40, 2) == "block 3/40 of 2 + 2"


@pytest.mark.parametrize(
    ("subject", "numbers", "text"),
    [
        (
            "memory",
            {"refused": 4, "needed_bytes": 1600 * MIB, "free_bytes": 900 * MIB},
            "4 would need 1.68 GB of memory, and 944 MB are free",
        ),
        ("memory", {"refused": 2}, "it is not known how much memory more would take"),
        ("cpus", {"refused": 4, "idle_cpus": 0.41, "cpus": 2}, "4 would use 0.41 of 2 CPUs"),
        (
            "start",
            {"refused": 4, "start_s": 12.0, "pair_start_s": 3.0},
            "4 would take 12.0 s to start, where one of each takes 3.0 s",
        ),
    ],
)
def test_why_there_are_not_more(subject: str, numbers: dict[str, float], text: str) -> None:
    said = containers_note(subject, {"containers": 2, **numbers})
    assert said.startswith("2 containers of each arm at the same time")
    assert text in said


@pytest.mark.parametrize("subject", ["none", "memory", "cpus", "start", "given", "unheard of"])
def test_a_stored_note_without_its_numbers_is_worded_all_the_same(subject: str) -> None:
    assert "of each arm at the same time" in note_text(Note(NoteCode.CONTAINERS, subject))
