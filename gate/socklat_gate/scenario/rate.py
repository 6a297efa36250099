"""The types of ``load.rate``: a number, steps of it, or a rate that is still to be found."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag

__all__ = ["Rate"]

PerSecond = Annotated[float, Field(gt=0, le=200_000)]
Step = Annotated[list[Annotated[float, Field(ge=0, le=200_000)]], Field(min_length=2, max_length=2)]


def _kind_of_rate(given: Any) -> str:
    if given == "auto":
        return "auto"
    return "steps" if isinstance(given, list) else "number"


Rate = Annotated[
    Annotated[PerSecond, Tag("number")]
    | Annotated[list[Step], Tag("steps")]
    | Annotated[Literal["auto"], Tag("auto")],
    Discriminator(_kind_of_rate),
]
