"""Which baseline was taken, what of it was not used, and which waivers and limits held."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from socklat_gate.measured.facts import NoteCode, Scalar
from socklat_gate.wording.changes import plural
from socklat_gate.wording.fact_numbers import count_of

__all__ = ["BASELINE_WRITERS"]

Numbers = Mapping[str, Scalar]

SHALLOW = "this clone is shallow: check out with fetch-depth: 0"


def _nearest_ancestor(subject: str, numbers: Numbers) -> str:
    start = f"the merge base of {subject!r}" if subject else "this commit"
    commits = count_of(numbers, "commits")
    if not commits:
        return start
    return f"the nearest ancestor with a baseline, {plural(commits, 'commit')} before {start}"


def _newest_stored(subject: str, numbers: Numbers) -> str:
    branch = f" of branch {subject!r}" if subject else ""
    ref = numbers.get("ref")
    why = {
        "shallow": SHALLOW,
        "no_repository": "no git repository here",
        "no_merge_base": f"the merge base of {ref!r} is not known here",
    }.get(str(numbers.get("unknown")))
    return f"the newest stored{branch}" + (f" ({why})" if why else "")


def _campaigns_left_out(_subject: str, numbers: Numbers) -> str:
    own, copies = count_of(numbers, "own"), count_of(numbers, "copies")
    parts = []
    if own:
        parts.append("the candidate's own campaign is among those given")
    if copies:
        parts.append(f"{plural(copies, 'campaign')} of the base {_are(copies)} there twice")
    return f"{' and '.join(parts)}: left out, since one measurement counts once"


def _are(number: int) -> str:
    return "is" if number == 1 else "are"


def _other_machine(_subject: str, numbers: Numbers) -> str:
    names = [name.removeprefix("here.") for name in numbers if name.startswith("here.")]
    parts = [
        f"{name} is {str(numbers[f'here.{name}'])!r} here, "
        f"{str(numbers.get(f'stored.{name}', ''))!r} in the baseline"
        for name in names
    ]
    return (
        f"the stored numbers were measured elsewhere ({'; '.join(parts)}): they were not used, "
        "their image ran beside the candidate instead"
    )


BASELINE_WRITERS: Mapping[NoteCode, Callable[[str, Numbers], str]] = {
    NoteCode.NEAREST_ANCESTOR: _nearest_ancestor,
    NoteCode.NEWEST_STORED: _newest_stored,
    NoteCode.NEWEST_GIVEN: lambda _subject, _numbers: "the newest of the campaigns given",
    NoteCode.CAMPAIGNS_LEFT_OUT: _campaigns_left_out,
    NoteCode.OTHER_MACHINE_RERUN: _other_machine,
}
