"""A waiver as a verdict carries it."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Waived"]


@dataclass(frozen=True, slots=True)
class Waived:
    """A waiver in force: changes up to ``ceiling`` are accepted until ``expires`` (ISO date).

    ``baseline`` is the commit or image that it was given for ("" in older documents).
    """

    ceiling: float
    expires: str
    link: str
    baseline: str = ""
