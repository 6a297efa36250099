"""Whether both arms respond alike: a faster response of another kind is no improvement.

Only a pass is kept away by this, so no part of alpha is spent; but chance must not do it.  What is
compared is a share of the responses: of each status, and of those that are smaller (larger) than a
size.  A difference counts as far as it exceeds its noise, the larger of two: that of a binomial
share at `SIGMAS` standard errors, and what the baseline's runs scatter (Student's t).  How the
candidate's scatter is no excuse: one that responds otherwise in one start of five would have it.
Below the tolerance, what the baseline never does counts all the same: a status that it never had,
or a size beyond all of its own (`verdict.new_responses`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from socklat_gate.errors import Reason
from socklat_gate.measured.facts import ReasonFact, Scalar
from socklat_gate.measured.histogram import BUCKETS, Histogram, bucket_edges_ns
from socklat_gate.measured.load_counts import Answers
from socklat_gate.measured.names import BAD_STATUS, named
from socklat_gate.measured.run_values import request_names
from socklat_gate.verdict.new_responses import SHIFT, beyond_all, is_new
from socklat_gate.verdict.share_noise import Chance, beyond_noise
from socklat_gate.verdict.tls_versions import older_tls

if TYPE_CHECKING:
    from socklat_gate.measured.run import Run
    from socklat_gate.scenario.gating import Gate

__all__ = ["SHIFT", "TOLERANCE", "answer_differences", "answers_differ"]

TOLERANCE = 0.01
"""Share of the responses that may be of another kind: the total variation distance."""

WITH_STATUS = ("bad_status", "unexpected_status", "unexpected_size", "unexpected_body")
"""Kinds of failed requests whose responses have been counted by status."""

ERROR_REPLY = "-"
"""Status of a reply that reports an error, of a protocol without numbers."""

MAX_NAMED = 5
"""Differences of named requests that are listed at most."""


def answer_differences(
    baseline: Sequence[Run], candidate: Sequence[Run], gate: Gate, *, errors: bool | None = None
) -> list[ReasonFact]:
    """ANSWERS_DIFFER about ``statuses``, ``sizes`` and ``tls`` (`verdict.tls_versions`).

    But for what ``gate.accept_answers`` has.

    Runs of which it is not known what came back are left out.  Numbers of ``statuses``: counts by
    ``baseline STATUS`` and ``candidate STATUS``; of ``sizes``: ``baseline_bytes`` and
    ``candidate_bytes``, the medians, and ``larger``, 1 or 0, with ``beyond_bytes`` for a share that
    is within the tolerance, whose sizes go beyond that and the baseline's do not by far; of both
    ``share``, how many of the responses are others.  Failed requests are among the statuses unless
    ``errors`` are judged beside (None: as the gate says).

    Each named request is looked at by itself too, ``statuses[cart]``, as what differs in one of
    twenty is little of the whole: the `MAX_NAMED` with the largest shares, and in ``more`` of the
    last of them how many others.
    """
    mix_of = _mix_of(gate, errors)
    found = _differences(
        [run.load.answers for run in baseline],
        [run.load.answers for run in candidate],
        gate,
        Chance(),
        mix_of,
    )
    names = request_names([*baseline, *candidate])
    of_names: list[ReasonFact] = []
    for name in names:
        ours, theirs = (
            [run.load.requests[name].answers for run in runs if name in run.load.requests]
            for runs in (candidate, baseline)
        )
        of_names += (
            replace(fact, subject=named(fact.subject, name))
            for fact in _differences(theirs, ours, gate, Chance.of(len(names)), mix_of)
        )
    of_names.sort(key=lambda fact: -_share(fact))
    listed = of_names[:MAX_NAMED]
    if more := len(of_names) - len(listed):
        listed[-1] = replace(listed[-1], numbers={**listed[-1].numbers, "more": more})
    told = {fact.subject.partition("[")[0] for fact in listed}
    # Of so few of the whole, a request of which they are more says all.
    whole = [one for one in found if not (one.subject in told and _share(one) <= TOLERANCE)]
    return [*whole, *listed]


def _share(fact: ReasonFact) -> float:
    return float(fact.numbers.get("share") or 0.0)


def answers_differ(
    baseline: Mapping[str, Sequence[Answers]],
    candidate: Mapping[str, Sequence[Answers]],
    gate: Gate,
) -> bool:
    """The same of answers by the requests' names, without saying which."""
    names = baseline.keys() & candidate.keys()
    chance, mix_of = Chance.of(max(1, len(names))), _mix_of(gate)
    return any(
        _differences(baseline[name], candidate[name], gate, chance, mix_of) for name in names
    )


def _differences(
    baseline: Iterable[Answers | None],
    candidate: Iterable[Answers | None],
    gate: Gate,
    chance: Chance,
    mix_of: Callable[[Answers], Mapping[str, int]],
) -> list[ReasonFact]:
    theirs, ours = ([one for one in arm if one is not None] for arm in (baseline, candidate))
    if not (theirs and ours):
        return []
    found = []
    if "statuses" not in gate.accept_answers:
        mixes = [[mix_of(one) for one in arm] for arm in (theirs, ours)]
        found.append(_statuses(mixes, chance))
    if "sizes" not in gate.accept_answers:
        found.append(_sizes(theirs, ours, chance))
    if "tls" not in gate.accept_answers:
        found.append(older_tls(theirs, ours))
    return [fact for fact in found if fact is not None]


def _statuses(mixes_of: Sequence[Sequence[Mapping[str, int]]], chance: Chance) -> ReasonFact | None:
    """``mixes_of`` baseline and candidate: counts by status of each run."""
    names = sorted({name for arm in mixes_of for mix in arm for name in mix})
    counts = [
        np.array([[mix.get(name, 0) for name in names] for mix in arm], np.float64)
        for arm in mixes_of
    ]
    known = [arm[arm.sum(axis=1) > 0] for arm in counts]
    if not all(arm.size for arm in known):
        return None
    first, second = known
    totals = first.sum(axis=1), second.sum(axis=1)
    # Half the sum over all kinds is the distance: what one has more, others have less.
    apart = sum(
        beyond_noise(first[:, at], second[:, at], *totals, chance) for at in range(len(names))
    )
    new = any(
        # What the kernel could not read is no status of its own.
        name and is_new(first[:, at], second[:, at], *totals, chance)
        for at, name in enumerate(names)
    )
    if apart / 2.0 <= TOLERANCE and not new:
        return None
    theirs, ours = (arm.sum(axis=0) / arm.sum() for arm in known)
    share = float(np.abs(ours - theirs).sum()) / 2.0
    mixes: dict[str, Scalar] = {
        f"{arm} {name}": int(number)
        for arm, found in zip(("baseline", "candidate"), known, strict=True)
        for name, number in zip(names, found.sum(axis=0), strict=True)
        if number
    }
    return ReasonFact(Reason.ANSWERS_DIFFER, "statuses", {"share": share, **mixes})


def _mix_of(gate: Gate, errors: bool | None = None) -> Callable[[Answers], Mapping[str, int]]:
    judged = gate.errors if errors is None else errors
    return _without_failures if judged else _with_failures


def _with_failures(answers: Answers) -> Mapping[str, int]:
    """Counts by status, and of what has none by how it failed, where errors are not judged.

    Else a candidate that fails whatever it is asked would have nothing that could differ.
    """
    without = {kind: n for kind, n in answers.errors.items() if kind not in WITH_STATUS}
    return {**answers.statuses, **without}


def _without_failures(answers: Answers) -> Mapping[str, int]:
    """Counts by status without those of failed requests, which are judged as errors."""
    failed = sum(answers.errors.get(kind, 0) for kind in ("bad_status", "unexpected_status"))
    bad = {
        name
        for name in answers.statuses
        if name == ERROR_REPLY or (name.isdecimal() and int(name) >= BAD_STATUS)
    }
    if sum(answers.statuses[name] for name in bad) > failed:
        return answers.statuses  # the scenario expects some of them
    return {name: count for name, count in answers.statuses.items() if name not in bad}


def _rejected(answers: Answers) -> int:
    """Responses that count as failed requests."""
    return sum(answers.errors.get(kind, 0) for kind in WITH_STATUS)


def _sizes(
    baseline: Sequence[Answers], candidate: Sequence[Answers], chance: Chance
) -> ReasonFact | None:
    arms = [[one.sizes for one in arm if one.sizes.total] for arm in (baseline, candidate)]
    if not all(arms):
        return None
    theirs, ours = arms
    smaller = _moved(theirs, ours, chance, baseline_first=True)
    larger = _moved(ours, theirs, chance, baseline_first=False)
    share, beyond = max(smaller, larger), dict[str, Scalar]()
    if not share:
        failed = [_rejected(one) for one in candidate if one.sizes.total]
        smaller, smallest = beyond_all(theirs, ours, failed, chance)
        larger, largest = beyond_all(theirs, ours, failed, chance, larger=True)
        share = max(smaller, larger)
        beyond = {"beyond_bytes": largest if larger > smaller else smallest}
    if not share:
        return None
    medians = [Histogram.merged(arm).quantile_ns(0.5) for arm in arms]
    numbers: dict[str, Scalar] = {
        "share": share,
        "baseline_bytes": float(medians[0]),
        "candidate_bytes": float(medians[1]),
        "larger": int(larger > smaller),
        **beyond,
    }
    return ReasonFact(Reason.ANSWERS_DIFFER, "sizes", numbers)


def _moved(
    upper: Sequence[Histogram],
    lower: Sequence[Histogram],
    chance: Chance,
    *,
    baseline_first: bool,
) -> float:
    """Share of responses that are smaller in ``lower`` by more than `SHIFT`; 0 when chance is.

    The largest F_lower(x) - F_upper(SHIFT x): a median that moved by more shows in it, and so
    does every other part of the distribution.
    """
    edges = np.asarray(bucket_edges_ns(), np.float64)
    # The last bucket of which all is at most SHIFT times the upper edge of each.
    shifted = np.searchsorted(edges[1:], SHIFT * edges[1:], side="left").clip(0, BUCKETS - 1)
    below = [
        np.cumsum([one.counts for one in arm], axis=1, dtype=np.float64) for arm in (upper, lower)
    ]
    above = below[0][:, shifted]
    totals = [arm[:, -1] for arm in below]
    pooled = below[1].sum(axis=0) / totals[1].sum() - above.sum(axis=0) / totals[0].sum()
    at = int(np.argmax(pooled))
    if pooled[at] <= TOLERANCE:
        return 0.0
    theirs, ours = (above[:, at], totals[0]), (below[1][:, at], totals[1])
    if not baseline_first:
        theirs, ours = ours, theirs
    beyond = beyond_noise(theirs[0], ours[0], theirs[1], ours[1], chance)
    return float(pooled[at]) if beyond > TOLERANCE else 0.0
