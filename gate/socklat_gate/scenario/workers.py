"""The type of ``load.workers``: a number of processes, or as many as the rate needs."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag

__all__ = ["Workers"]

MOST = 32
"""The probe has room for 64 processes of a load."""


def _kind_of_workers(given: Any) -> str:
    return "auto" if given == "auto" else "number"


Workers = Annotated[
    Annotated[int, Field(ge=1, le=MOST), Tag("number")] | Annotated[Literal["auto"], Tag("auto")],
    Discriminator(_kind_of_workers),
]
