"""What came back to each arm: statuses, sizes, failures and connections, side by side."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from socklat_gate.measured.load_counts import ERROR_KINDS, Answers, LoadCounts
from socklat_gate.measured.run import Run
from socklat_gate.report.arm_runs import Arms
from socklat_gate.wording import units
from socklat_gate.wording.answer_texts import (
    SOURCES,
    keep_alive_text,
    kind_text,
    status_text,
    tls_text,
)

__all__ = ["AnswerRow", "AnswersText", "answer_notes", "answers_by_arm", "answers_section"]

MAX_STATUSES = 12


@dataclass(frozen=True, slots=True)
class AnswerRow:
    """One number of each arm."""

    name: str
    numbers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class AnswersText:
    """``note`` says in what the arms' connections differ; "" without."""

    arms: tuple[str, ...]
    rows: tuple[AnswerRow, ...]
    note: str = ""


def answers_by_arm(arms: Arms) -> dict[str, Answers]:
    """Sums over the runs that know what came back, for the arms that have such."""
    found = {arm: _merged(runs) for arm, runs in arms}
    return {arm: answers for arm, answers in found.items() if answers is not None}


def answers_section(arms: Arms) -> AnswersText | None:
    """None where nothing is known of any arm."""
    known = answers_by_arm(arms)
    if not known:
        return None
    found = [*_rows(tuple(known.values())), *_setup_rows([dict(arms)[arm] for arm in known])]
    rows = tuple(AnswerRow(name, tuple(texts)) for name, texts in found)
    return AnswersText(tuple(known), rows, "; ".join(answer_notes(arms)))


def answer_notes(arms: Arms) -> list[str]:
    """In what the arms' connections differ: how long they are kept, and their TLS."""
    tls = {arm: answers.tls for arm, answers in answers_by_arm(arms).items()}
    return [text for text in (_keep_alive_note(arms), tls_text(tls)) if text]


def _keep_alive_note(arms: Arms) -> str:
    known = {arm: [run.load for run in runs if run.load.answers is not None] for arm, runs in arms}
    ended = {
        arm: (sum(load.answers.lost for load in loads if load.answers), _responses(loads))
        for arm, loads in known.items()
    }
    return keep_alive_text(ended)


def _responses(loads: Sequence[LoadCounts]) -> int:
    return sum(load.responded_total for load in loads)


def _merged(runs: Sequence[Run]) -> Answers | None:
    return Answers.merged(run.load.answers for run in runs if run.load.answers is not None)


def _rows(known: Sequence[Answers]) -> Iterator[tuple[str, list[str]]]:
    """Name of each number and its texts, in the order of the arms."""
    statuses = _most_frequent([answers.statuses for answers in known])
    for status in statuses[:MAX_STATUSES]:
        yield status_text(status), [_part(one, [status]) for one in known]
    if rest := statuses[MAX_STATUSES:]:
        yield f"{len(rest)} other statuses", [_part(one, rest) for one in known]
    yield "failed requests", [units.count(one.failed) for one in known]
    for kind in ERROR_KINDS:
        counts = [one.errors.get(kind, 0) for one in known]
        if any(counts):
            yield kind_text(kind), [units.count(count) for count in counts]
    if any(one.sizes.total for one in known):
        for name, quantile in (("size p50", 0.5), ("size p99", 0.99), ("largest", 1.0)):
            yield name, [units.size(one.sizes.quantile_ns(quantile)) for one in known]
    if any(one.opened for one in known):
        yield "connections opened", [units.count(one.opened) for one in known]
        yield "of these ended by the service", [units.count(one.lost) for one in known]
    for negotiated in _most_frequent([one.tls for one in known]):
        yield f"with {negotiated}", [units.count(one.tls.get(negotiated, 0)) for one in known]
    if any(one.source != "driver" for one in known):
        yield "counted by", [SOURCES[one.source] for one in known]


def _setup_rows(arms: Sequence[Sequence[Run]]) -> Iterator[tuple[str, list[str]]]:
    """How long each request of the setup took: the median over the runs."""
    for name in dict.fromkeys(name for runs in arms for run in runs for name in run.load.setup_ns):
        times = [
            [run.load.setup_ns[name] for run in runs if name in run.load.setup_ns] for runs in arms
        ]
        yield f"setup {name}, median", [units.ns(median(one)) if one else "n/a" for one in times]


def _part(answers: Answers, statuses: Sequence[str]) -> str:
    """How many responses have one of ``statuses``, and their share of all."""
    number = sum(answers.statuses.get(status, 0) for status in statuses)
    total = sum(answers.statuses.values())
    return f"{units.count(number)} ({units.share(number / total)})" if number else "0"


def _most_frequent(counts: Sequence[Mapping[str, int]]) -> list[str]:
    """All statuses, those first of which some arm has most; equal ones by name."""
    names = {name for one in counts for name in one}
    return sorted(names, key=lambda name: (-max(one.get(name, 0) for one in counts), name))
