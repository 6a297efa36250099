"""Which baseline was taken, what of it was not used, and which waivers and limits held."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from socklat_gate.measured.facts import NoteCode, Scalar
from socklat_gate.wording.changes import plural
from socklat_gate.wording.fact_numbers import count_of
from socklat_gate.wording.units import image_id

__all__ = ["BASELINE_WRITERS"]

Numbers = Mapping[str, Scalar]

DAY_S = 24 * 3600
SHALLOW = (
    "this clone is shallow: fetch the whole history (fetch-depth: 0 in GitHub Actions, "
    "GIT_DEPTH: 0 in GitLab CI)"
)
SAFE = "give it to the user that runs this, or name it with git config --global safe.directory"


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
        "not_read": f"git does not read this clone: {numbers.get('message', '')}; {SAFE}",
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


def _waiver(subject: str, numbers: Numbers) -> str:
    given_for, write = str(numbers.get("given_for", "")), str(numbers.get("write", ""))
    why = {
        "unbound": "it names no baseline that it is given for",
        "expired": "its last day has passed",
        "other_image": f"it is given for image {given_for}, and another is compared with",
        "commit_unknown": f"it is given for {given_for}, and the commit of what is compared with "
        "is not known",
        "not_here": f"it is given for {given_for}, which is no commit in this clone",
        "other_line": f"it is given for {given_for}, and what is compared with, {write}, neither "
        "comes before nor after it",
        "merged": f"it is given for {given_for}, and what is compared with, {write}, has the "
        "waiver already and a changed service: the waived change may be a part of it",
    }.get(str(numbers.get("why")), "its baseline is not what is compared with")
    further = (
        f'; if the change that it is for is still to come, write baseline = "{write}"'
        if write
        else ""
    )
    return f"the waiver of {subject} is not in force: {why}{further}"


def _gate_from(subject: str, numbers: Numbers) -> str:
    text = f"limits, waivers and [baseline] are those of {subject} ({_short(numbers)})"
    unused, changed = str(numbers.get("unused", "")), str(numbers.get("changed", ""))
    if unused:
        text += f"; what is changed here is not used: {unused}"
    if changed:
        text += f"; used as changed here: {changed}"
    return text


def _gate_from_here(subject: str, numbers: Numbers) -> str:
    return (
        f"{subject} ({_short(numbers)}) does not have this scenario yet: limits and waivers are "
        "its own"
    )


def _short(numbers: Numbers) -> str:
    return str(numbers.get("commit", ""))[:12]


def _not_rebuilt(_subject: str, numbers: Numbers) -> str:
    commit = _short(numbers) or "unknown"
    why = {
        "no_build": "the scenario builds no image from its sources (`service.build`, or a compose "
        "file with `build`)",
        "dirty": f"it was measured with changes that are in no commit ({commit}-dirty)",
        "unknown": "its commit is not known",
        "shallow": f"its commit {commit} is not here, and {SHALLOW}",
        "not_read": f"git does not read this clone: {numbers.get('message', '')}; {SAFE}",
        "no_repository": f"its commit {commit} is looked for in no git repository",
        "not_here": f"its commit {commit} is not in this repository",
        "failed": f"its commit {commit} cannot be built: {numbers.get('message') or 'it failed'}",
    }.get(str(numbers.get("why")), "it cannot be built")
    return (
        f"the baseline's image is gone and was not rebuilt: {why}; only its stored numbers are "
        "left to compare with"
    )


def _named_image(subject: str, numbers: Numbers) -> str:
    text = f"the reference {subject} is {image_id(str(numbers.get('digest', '')))}"
    age_s = numbers.get("age_s")
    if isinstance(age_s, (int, float)):
        days = max(0, int(age_s // DAY_S))
        when = f"{plural(days, 'day')} ago" if days else "less than a day ago"
        text += f", made {when} ({numbers.get('created', '')})"
    else:
        text += ", which does not say when it was made"
    if numbers.get("pull") == "always":
        return f"{text}; its registry was asked for a newer one"
    return f'{text}; no registry was asked for a newer one (baseline.pull = "always")'


def _checks_not_run(whose: str, _numbers: Numbers) -> str:
    subject = {
        "baseline": "the HEALTHCHECK of the baseline's image, which the candidate's has not, was",
        "candidate": "the HEALTHCHECK of the candidate's image, which the baseline's has not, was",
        "both": "the images have different HEALTHCHECKs, which were",
    }.get(whose, "the HEALTHCHECK of the images was")
    return (
        f"{subject} not run beside the load: what such a check costs, or holds up, is in no number "
        "(a [[load.request]] for its path measures it)"
    )


BASELINE_WRITERS: Mapping[NoteCode, Callable[[str, Numbers], str]] = {
    NoteCode.NEAREST_ANCESTOR: _nearest_ancestor,
    NoteCode.NEWEST_STORED: _newest_stored,
    NoteCode.NEWEST_GIVEN: lambda _subject, _numbers: "the newest of the campaigns given",
    NoteCode.PINNED_RELEASE: lambda subject, _numbers: f"the pinned release {subject!r}",
    NoteCode.NAMED_IMAGE: _named_image,
    NoteCode.BASELINE_REBUILT: lambda _subject, numbers: (
        "the baseline's image is gone: it was built anew from its commit "
        f"{_short(numbers) or 'unknown'}, on what its Dockerfile fetches today"
    ),
    NoteCode.BASELINE_NOT_REBUILT: _not_rebuilt,
    NoteCode.CAMPAIGNS_LEFT_OUT: _campaigns_left_out,
    NoteCode.OTHER_MACHINE_RERUN: _other_machine,
    NoteCode.WAIVER_NOT_IN_FORCE: _waiver,
    NoteCode.GATE_FROM: _gate_from,
    NoteCode.GATE_FROM_HERE: _gate_from_here,
    NoteCode.FILES_NOT_TAKEN: lambda subject, _numbers: (
        f"{subject} is not in the commit compared with: both arms are given that of the working "
        "directory"
    ),
    NoteCode.STATE_SHARED: lambda subject, numbers: (
        f"{subject} is given to both arms as it is here: how it differed at the commit compared "
        + (
            "with is not known"
            if numbers.get("written") == "no"
            else "with, and what one arm writes there for the other, is not known"
        )
    ),
    NoteCode.VARIABLE_UNSET: lambda subject, _numbers: (
        f"the compose file refers to {subject}, which nothing sets: compose put nothing there"
    ),
    NoteCode.STACK_REPLACED: lambda subject, numbers: (
        f"{subject}: each arm has "
        + (
            "a network of its own in place of the external one, and reaches nothing else there"
            if numbers.get("by") == "network"
            else "a free subnet in place of the fixed one"
        )
    ),
    NoteCode.CHECKS_NOT_RUN: _checks_not_run,
}
