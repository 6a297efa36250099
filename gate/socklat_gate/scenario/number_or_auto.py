"""Members that are a number or "auto": an error is about whichever of the two was meant."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Discriminator, Tag

__all__ = ["NUMBER", "NUMBER_OR_AUTO", "Auto"]


def _kind(given: Any) -> str:
    return "auto" if given == "auto" else "number"


NUMBER = Tag("number")
"""Of the member of the union that is one."""

Auto = Annotated[Literal["auto"], Tag("auto")]

NUMBER_OR_AUTO = Discriminator(_kind)
