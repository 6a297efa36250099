"""What differs between the arms, as the reports show it."""

from __future__ import annotations

from dataclasses import replace

from socklat_gate.documents.codec import to_body
from socklat_gate.documents.result_types import result_from_body
from socklat_gate.measured.arm_differences import ArmDifference, ArmDifferences
from socklat_gate.measured.facts import Note, NoteCode
from socklat_gate.measured.result import GateResult
from socklat_gate.measured.verdict import Outcome
from socklat_gate.report.formats.registry import FORMATS
from socklat_gate.report.report import report_of
from tests.unit.factories import make_result

FOUND = ArmDifferences(
    (
        ArmDifference("image", "", "sha256:" + "a" * 64, "sha256:" + "b" * 64),
        ArmDifference("environment", "MODE"),
        ArmDifference("file", "conf/<new>.ini", "absent", ""),
    ),
    7,
    (Note(NoteCode.STATE_SHARED, "/srv/data"),),
)


def result(differences: ArmDifferences | None) -> GateResult:
    made = make_result("gate", Outcome.PASS)
    assert isinstance(made, GateResult)
    return replace(made, arm_differences=differences)


def test_every_difference_is_a_row() -> None:
    text = FORMATS["markdown"].render(report_of(result(FOUND)))
    section = text.partition("What differs between the arms")[2].partition("###")[0]
    assert "| image |  | `sha256:aaaaaaaaaaaa` | `sha256:bbbbbbbbbbbb` |" in section
    assert "| variable | `MODE` | `its own` | `changed` |" in section
    assert "| mounted file | `conf/<new>.ini` | `absent` | `there` |" in section
    assert "7 more are in result.json." in section
    assert "/srv/data is given to both arms as it is here" in section
    page = FORMATS["html"].render(report_of(result(FOUND)))
    assert "conf/&lt;new&gt;.ini" in page
    assert "7 more differences are in result.json." in page


def test_nothing_is_said_where_nothing_is_known() -> None:
    for differences in (None, ArmDifferences()):
        report = report_of(result(differences))
        assert "What differs" not in FORMATS["markdown"].render(report)
        assert "What differs" not in FORMATS["html"].render(report)


def test_one_image_with_other_files_is_not_said_to_be_one_service() -> None:
    made = result(FOUND)
    pairs = tuple(
        replace(pair, candidate=replace(pair.candidate, image_id=pair.baseline.image_id))
        for pair in made.pairs
    )
    assert not any("one image" in n for n in report_of(replace(made, pairs=pairs)).head.notes)
    alone = replace(made, pairs=pairs, arm_differences=None)
    assert any("one image" in note for note in report_of(alone).head.notes)


def test_a_result_keeps_them() -> None:
    kept = result_from_body(to_body(result(FOUND)))
    assert isinstance(kept, GateResult)
    assert kept.arm_differences == FOUND
