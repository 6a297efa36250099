"""Dollars in compose files: what compose reads twice is literal only when it is doubled."""

from __future__ import annotations

__all__ = ["doubled", "single"]


def doubled(text: str) -> str:
    """A text that compose will read as it is given here."""
    return text.replace("$", "$$")


def single(text: str) -> str:
    """A text of a document that compose has written, as it is meant."""
    return text.replace("$$", "$")
