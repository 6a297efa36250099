"""Texts in measured objects that somebody else may have written, without secrets.

Identifiers (metrics, stages, images, commits, hashes) are left as they are: something is looked up
by them, and no secret of a scenario gets there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from typing import Any, TypeVar

from socklat_gate import masking
from socklat_gate.measured.arm_differences import ArmDifference
from socklat_gate.measured.facts import Drift, Note, ReasonFact
from socklat_gate.measured.histogram import Histogram
from socklat_gate.measured.load_counts import LoadCounts
from socklat_gate.measured.run import Bands

__all__ = ["FREE_TEXT", "masked"]

FREE_TEXT: Mapping[type, frozenset[str]] = {
    ArmDifference: frozenset({"name", "baseline", "candidate"}),
    Drift: frozenset({"text"}),
    LoadCounts: frozenset({"first_error"}),
    Note: frozenset({"subject", "numbers"}),
    ReasonFact: frozenset({"numbers"}),
}
"""Fields by type; ``numbers`` hold texts as well."""

NUMBERS_ALONE = (Histogram, Bands, str, bytes, int, float, bool, type(None))

T = TypeVar("T")


def masked(value: T) -> T:
    """The same object without secrets; itself where it has none.

    These texts may repeat what a service or a tool said, so what looks secret goes as well.
    """
    if not masking.anything_known():
        return value
    found: T = _masked(value)
    return found


def _masked(value: Any) -> Any:
    if isinstance(value, NUMBERS_ALONE):
        return value
    if is_dataclass(value) and not isinstance(value, type):
        free = FREE_TEXT.get(type(value), frozenset())
        changed = {}
        for field in fields(value):
            had = getattr(value, field.name)
            now = _texts(had) if field.name in free else _masked(had)
            if now is not had:
                changed[field.name] = now
        return replace(value, **changed) if changed else value
    return _each(value, _masked)


def _texts(value: Any) -> Any:
    if isinstance(value, str):
        text = masking.mask_foreign(value)
        return value if text == value else text
    return _each(value, _texts)


def _each(value: Any, change: Any) -> Any:
    if isinstance(value, Mapping):
        pairs = {key: change(inner) for key, inner in value.items()}
        return pairs if any(pairs[key] is not value[key] for key in pairs) else value
    if isinstance(value, (tuple, list)):
        items = [change(inner) for inner in value]
        same = all(new is old for new, old in zip(items, value, strict=True))
        return value if same else type(value)(items)
    return value
