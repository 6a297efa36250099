"""Results that have every part, and a way to put a text into every text of one."""

from __future__ import annotations

import itertools
import types
import typing
from collections.abc import Collection, Mapping, Sequence
from dataclasses import fields, is_dataclass, replace
from enum import Enum
from functools import lru_cache
from typing import Any, Literal, TypeVar

from socklat_gate.documents.decoding import hints_of
from socklat_gate.measured.attribution import StageShare
from socklat_gate.measured.facts import Drift
from socklat_gate.measured.histogram import Histogram
from socklat_gate.measured.pair import ARMS
from socklat_gate.measured.result import Result
from socklat_gate.measured.run import Bands
from socklat_gate.measured.verdict import Outcome, Waived
from socklat_gate.scenario.gating import Gate, Metric, Stage
from socklat_gate.verdict.decide import decide
from tests.unit.factories import (
    make_answers,
    make_campaign,
    make_pair,
    make_result,
    make_spike_verdict,
    with_answers,
    with_correction,
    worded,
)
from tests.unit.named_results import (
    attributed_to,
    disagreeing,
    make_named_metric,
    with_names,
)
from tests.unit.watches import make_growth, make_stops, make_watch

__all__ = ["KNOWN", "full_result", "poisoned"]

Kind = TypeVar("Kind")

GATE = Gate(
    metrics=[
        Metric(quantile=0.5, tolerance=0.02, regression_threshold=0.05),
        Metric(stage="cpu", tolerance=0.01, regression_threshold=0.03),
    ]
)
KNOWN = frozenset({"", *typing.get_args(Stage), "cpu"})
"""Texts that the code looks for: names of stages, and none at all."""


@lru_cache(maxsize=16)
def full_result(
    kind: Literal["gate", "run"] = "gate", outcome: Outcome = Outcome.REGRESSION
) -> Result:
    """A result that has every part that its kind can have."""
    if kind == "run":
        return replace(make_result("run"), campaign=make_campaign(1))
    answers = make_answers({"200": 1900, "503": 100}, lost=2000)
    pair = with_answers(make_pair(0, 1.2), make_answers(), answers)
    beside = replace(pair.baseline, internal={"9000": pair.baseline.histograms["service"]})
    pairs = (
        with_correction(replace(pair, baseline=beside)),
        make_pair(1, excluded="noisy"),
    )
    judged = decide(pairs, GATE)
    named = {arm: with_names(pairs[0].arm(arm), {"cart": 1.0}, join=disagreeing()) for arm in ARMS}
    pairs = (replace(pairs[0], **named), pairs[1])
    result = make_result("gate", outcome)
    depend = StageShare("depend", 2e6, 2.5e6, 0.9)
    waived = Waived(0.3, "2026-12-31", "https://tracker.example/1")
    verdict = replace(
        judged,
        outcome=outcome,
        reasons=result.verdict.reasons[:1],
        metrics=(
            *(replace(metric, waived=waived) for metric in judged.metrics),
            make_named_metric("cart", "response_p99", Outcome.REGRESSION, 0.2),
        ),
        attribution=(
            *(
                replace(part, depend=depend, internal={"9000": replace(depend, stage="internal")})
                for part in judged.attribution
            ),
            *attributed_to("cart"),
        ),
        spikes=replace(make_spike_verdict(candidate=2), notes=(worded("a note"),), waived=waived),
        stops=replace(make_stops(failed=True, candidate=5), waived=waived),
        growth=make_growth(failed=True),
    )
    return replace(
        result,
        verdict=verdict,
        pairs=pairs,
        drift=Drift(0, 0, text="drift"),
        calibration=worded("calibrated"),
        watch=replace(make_watch({("candidate", 1): (20.1,)}), notes=(worded("of the fleet"),)),
    )


def poisoned(value: Kind, *texts: str, kept: Collection[str] = KNOWN) -> Kind:
    """The same object with a text for every text in it but ``kept``, and beside every key.

    Several texts take turns, the same one for what was the same.  What has a closed list of values
    stays.
    """
    found: Kind = _poisoned(value, type(value), Texts(texts), kept)
    return found


class Texts:
    """Texts that take turns in place of others."""

    def __init__(self, texts: Sequence[str]) -> None:
        self._turns = itertools.cycle(texts)
        self._given: dict[str, str] = {}

    def instead_of(self, text: str) -> str:
        """Of equal texts equal ones, so that what is looked up by its name is found."""
        if text not in self._given:
            self._given[text] = next(self._turns)
        return self._given[text]


def _poisoned(value: Any, hint: Any, texts: Texts, kept: Collection[str]) -> Any:
    if value is None or isinstance(value, (Enum, Histogram, Bands)):
        return value
    origin, arms = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        (hint, *more) = (arm for arm in arms if arm is not type(None))
        return _poisoned(value, None if more else hint, texts, kept)
    if isinstance(value, str):
        return value if origin is Literal or value in kept else texts.instead_of(value)
    if isinstance(value, Mapping):
        found = {name: _poisoned(item, None, texts, kept) for name, item in value.items()}
        # Mappings of the same names have the further one in common, too.
        further = texts.instead_of(" and ".join(map(str, found)))
        return {**found, further: next(iter(found.values()))} if found else found
    if isinstance(value, tuple):
        if len(arms) == 2 and arms[1] is Ellipsis:
            arms = (arms[0],) * len(value)
        return tuple(_poisoned(one, of, texts, kept) for one, of in zip(value, arms, strict=True))
    if is_dataclass(value) and not isinstance(value, type):
        hints = hints_of(type(value))
        changed = {
            f.name: _poisoned(getattr(value, f.name), hints[f.name], texts, kept)
            for f in fields(value)
        }
        value = replace(value, **changed)  # type: ignore[type-var]
    return value
