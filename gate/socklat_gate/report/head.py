"""The head of a report: the verdict in one sentence, why, what to do next, what was measured."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from socklat_gate.errors import Reason
from socklat_gate.measured.facts import ReasonFact
from socklat_gate.measured.pair import Pair, containers_of, moments
from socklat_gate.measured.result import Comparison, GateResult, Result, RunResult
from socklat_gate.measured.verdict import Verdict
from socklat_gate.report.answers import answer_notes
from socklat_gate.report.arm_runs import ShownRuns
from socklat_gate.report.container_rows import container_notes
from socklat_gate.report.pair_table import interleaving
from socklat_gate.report.watch_rows import watch_notes
from socklat_gate.wording import units
from socklat_gate.wording.changes import pair_word
from socklat_gate.wording.decisive import change_or_lowest
from socklat_gate.wording.drift_text import drift_text
from socklat_gate.wording.headline import headline, next_step
from socklat_gate.wording.metric_names import request_in, requests_of
from socklat_gate.wording.notes import note_text
from socklat_gate.wording.outcomes import SYMBOLS
from socklat_gate.wording.reasons import reason_text
from socklat_gate.wording.same_image_text import same_image_note
from socklat_gate.wording.sentence import Sentence

__all__ = ["Head", "head_of"]

MAX_NAMED = 5
"""Reasons of one kind about named requests; there may be a hundred."""


@dataclass(frozen=True, slots=True)
class Head:
    """What every report begins with; it is never left out.

    ``reasons`` are codes with their texts, ``notes`` what was not used as it stands and what is
    known of drift and calibration, ``subject`` facts with their names.  ``requests`` are those that
    texts may name.
    """

    symbol: str
    word: str
    headline: Sentence
    next_step: Sentence
    reasons: tuple[tuple[str, str], ...]
    notes: tuple[str, ...]
    subject: tuple[tuple[str, str], ...]
    requests: frozenset[str] = frozenset()


def head_of(result: Result, runs: ShownRuns) -> Head:
    """The head of a result of any kind and outcome."""
    if isinstance(result, RunResult):
        return Head("•", "MEASURED", headline(result), next_step(result), (), (), _subject(result))
    verdict = result.verdict
    return Head(
        symbol=SYMBOLS[verdict.outcome],
        word=verdict.outcome.value.replace("_", " ").upper(),
        headline=headline(result),
        next_step=next_step(result),
        reasons=tuple(_reasons(verdict)),
        notes=_notes(result, runs),
        subject=_subject(result),
        requests=requests_of(verdict),
    )


def _reasons(verdict: Verdict) -> Iterator[tuple[str, str]]:
    """Every reason; of those alike about named requests only the first, the largest changes."""
    changes = {metric.name: change_or_lowest(metric) for metric in verdict.metrics}
    named: dict[Reason, list[ReasonFact]] = {}
    for fact in verdict.reasons:
        if not request_in(fact.subject):
            yield fact.code.value, reason_text(fact, verdict)
        else:
            named.setdefault(fact.code, []).append(fact)
    for code, facts in named.items():
        facts.sort(key=lambda fact: -changes.get(fact.subject, math.inf))
        for fact in facts[:MAX_NAMED]:
            yield code.value, reason_text(fact, verdict)
        if len(facts) > MAX_NAMED:
            yield code.value, f"the same of {len(facts) - MAX_NAMED} more, in the tables below"


def _notes(result: GateResult | Comparison, runs: ShownRuns) -> tuple[str, ...]:
    found = [note_text(note) for note in result.notes]
    if isinstance(result, GateResult):
        beside = result.arm_differences is not None and result.arm_differences.beside_image
        same = "" if beside else same_image_note(result.pairs)
        found += [same, drift_text(result.drift), note_text(result.calibration)]
    judged = {one.name for one in result.verdict.metrics}
    judged |= {one.name for one in result.verdict.limits}
    found += [*container_notes(runs, judged), *answer_notes(runs.arms), *watch_notes(result)]
    return tuple(filter(None, found))


def _subject(result: Result) -> tuple[tuple[str, str], ...]:
    rows = [
        ("scenario", result.scenario_name),
        *_images(result),
        ("commit", units.commit_id(result.commit)),
        ("branch", result.branch),
        ("measured", units.moment(result.created)),
        ("duration", units.duration_s(result.duration_s)),
        *(_pair_rows(result.pairs) if isinstance(result, GateResult) else ()),
        ("seed", str(result.seed) if not isinstance(result, Comparison) else ""),
    ]
    return tuple((name, text) for name, text in rows if text)


def _images(result: Result) -> tuple[tuple[str, str], ...]:
    if isinstance(result, RunResult):
        return (("image", result.candidate_image),)
    return (
        ("baseline", result.baseline_image),
        ("baseline commit", _compared_with(result)),
        ("candidate", result.candidate_image),
    )


def _compared_with(result: GateResult | Comparison) -> str:
    """Which commit, and why that one."""
    known = [
        text
        for text in (units.commit_id(result.baseline_commit), note_text(result.baseline_choice))
        if text
    ]
    return ", ".join(known)


def _pair_rows(pairs: Sequence[Pair]) -> tuple[tuple[str, str], ...]:
    excluded = moments(pair for pair in pairs if pair.excluded)
    count = f"{moments(pairs) - excluded} used, {excluded} excluded" if pairs else ""
    name = f"{pair_word(containers_of(pairs))}s"
    return ((name, count), ("arms", interleaving(pairs)))
