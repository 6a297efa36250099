"""Lists of facts with their names: the machine during the measurement, hooks, the fingerprint."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from socklat_gate.measured.facts import Scalar
from socklat_gate.wording.machine_facts import LABELS, environment_texts

__all__ = ["Facts", "environment_section", "facts_of"]


@dataclass(frozen=True, slots=True)
class Facts:
    """Name and value of each."""

    rows: tuple[tuple[str, str], ...]


def facts_of(facts: Mapping[str, str]) -> Facts | None:
    """Facts in their order; None when there are none."""
    return Facts(tuple(facts.items())) if facts else None


def environment_section(environment: Mapping[str, Scalar]) -> Facts | None:
    """The machine during the measurement, under names for people."""
    texts = environment_texts(environment)
    rows = tuple((LABELS.get(name, name), text) for name, text in texts.items())
    return Facts(rows) if rows else None
