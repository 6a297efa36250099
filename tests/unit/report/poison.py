"""A result in which every text that its types allow is hostile, and 500 texts for it."""

from __future__ import annotations

import random
import typing
from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from enum import Enum
from typing import Any

from socklat_gate.documents.codec import hints_of
from socklat_gate.errors import Reason
from socklat_gate.measured.histogram import Histogram
from socklat_gate.measured.result import Result
from socklat_gate.measured.run import Bands
from socklat_gate.measured.verdict import Outcome, StageShare, Waived
from socklat_gate.scenario.gating import Gate, Metric, Stage
from socklat_gate.verdict.decide import decide
from tests.unit.factories import (
    make_campaign,
    make_pair,
    make_result,
    make_spike_verdict,
    with_correction,
    worded_reasons,
)
from tests.unit.report.hostile import TEXTS

__all__ = ["full_result", "hostile_texts", "poisoned"]

GATE = Gate(
    metrics=[
        Metric(quantile=0.5, tolerance=0.02, regression_threshold=0.05),
        Metric(stage="cpu", tolerance=0.01, regression_threshold=0.03),
    ]
)
KNOWN = {"", *typing.get_args(Stage), "cpu"}

FRAGMENTS = [
    *TEXTS,
    *("</script>", "</style>", "</title>", "</textarea>", "<!--", "-->", "<![CDATA[", "]]>"),
    *('"', "'", "`", "&quot;", "&#x27;", "&#0;", "\\", "\\u003c", "\u2028", "\u2029"),
    *('" onload="alert(1)', "' onfocus='alert(1)' autofocus='", "<svg/onload=alert(1)>"),
    *("<iframe src=//e.example>", "<base href=//e.example>", "<meta http-equiv=refresh content=0>"),
    *(
        "javascript:alert(1)",
        "data:text/html,x",
        "url(//e.example)",
        "expression(x)",
        "@import 'x'",
    ),
    *("{{ 7*7 }}", "{% include 'x' %}", "${7*7}", "<%= 7 %>", "%0A::error::x", "::set-output x=y"),
    *("__proto__", "constructor", "NaN", "null", "# EOF", '"} 1\nother 2', "\n# TYPE x gauge"),
    *("\x00", "\x01", "\x08", "\x0b", "\x0c", "\x1b[2J", "\x1b]0;title\x07", "\x7f", "\x9b31m"),
    *(
        "\ufffe",
        "\uffff",
        "\U0001f468\u200d\U0001f469",
        "\u202e",
        "\u2066",
        "\ud83d",
        "e\u0301" * 40,
    ),
    *("<?xml version='1.0'?>", "<!DOCTYPE x [<!ENTITY e SYSTEM 'file:///etc/passwd'>]>", "&e;"),
]


def hostile_texts(count: int = 500, seed: int = 5) -> list[str]:
    """Fragments alone and in random company, and one of a megabyte."""
    rng = random.Random(seed)
    found = dict.fromkeys([*FRAGMENTS, "<b>&\n" * 200_000])
    while len(found) < count:
        found["".join(rng.choice(FRAGMENTS) for _ in range(rng.randint(2, 6)))] = None
    return list(found)


def full_result(kind: typing.Literal["gate", "run"] = "gate") -> Result:
    """A result that has every part that its kind can have."""
    if kind == "run":
        return replace(make_result("run"), campaign=make_campaign(1))
    pairs = (with_correction(make_pair(0, 1.2)), make_pair(1, excluded="noisy"))
    judged = decide(pairs, GATE)
    depend = StageShare("depend", 2e6, 2.5e6, 0.9)
    waived = Waived(0.3, "2026-12-31", "https://tracker.example/1")
    verdict = replace(
        judged,
        outcome=Outcome.REGRESSION,
        reasons=worded_reasons((Reason.REGRESSION, "slow")),
        metrics=tuple(replace(metric, waived=waived) for metric in judged.metrics),
        attribution=tuple(replace(part, depend=depend) for part in judged.attribution),
        spikes=replace(make_spike_verdict(candidate=2), notes=("a note",), waived=waived),
    )
    return replace(
        make_result(), verdict=verdict, pairs=pairs, drift="drift", calibration="calibrated"
    )


def poisoned(result: Result, text: str, *, stages: bool = False) -> Result:
    """The same with ``text`` for every text, and beside every name that the code looks up.

    With ``stages`` also for those of the verdict, without which its evidence is not redrawn.
    """
    kept = {""} if stages else KNOWN
    found = _of(result, Result, text, kept)
    assert isinstance(found, Result)
    return found


def _of(value: Any, hint: Any, text: str, kept: set[str]) -> Any:
    if value is None or isinstance(value, (Enum, Histogram, Bands)):
        return value
    if isinstance(value, str):
        closed = typing.get_origin(hint) is typing.Literal
        return value if closed or value in kept else text
    if isinstance(value, Mapping):
        found = {name: _of(item, None, text, kept) for name, item in value.items()}
        return {**found, text: next(iter(found.values()))} if found else found
    if isinstance(value, tuple):
        arms = typing.get_args(hint)
        if len(arms) == 2 and arms[1] is Ellipsis:
            arms = (arms[0],) * len(value)
        return tuple(_of(one, of, text, kept) for one, of in zip(value, arms, strict=True))
    if is_dataclass(value) and not isinstance(value, type):
        hints = hints_of(type(value))
        changed = {
            f.name: _of(getattr(value, f.name), hints[f.name], text, kept) for f in fields(value)
        }
        return replace(value, **changed)
    return value
