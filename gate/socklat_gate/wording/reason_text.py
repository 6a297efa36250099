"""What a reason code means and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["ReasonText"]


@dataclass(frozen=True, slots=True)
class ReasonText:
    """Why a reason code is given, and what to do then; markdown."""

    cause: str
    remedy: str
