"""Sentences as tuples of text in which identifiers are marked; each format shows those its way."""

from __future__ import annotations

from socklat_gate.wording.sanitise import strip_control_characters
from socklat_gate.wording.units import NARROW_SPACE

__all__ = ["Name", "Sentence", "plain"]


class Name(str):
    """An identifier in a sentence: a metric, a stage, an image, an option, a command."""

    __slots__ = ()


Sentence = tuple[str, ...]


def plain(sentence: Sentence) -> str:
    """The sentence as bare text in one line, fit for a terminal: identifiers can be anybody's."""
    return strip_control_characters("".join(sentence), kept=NARROW_SPACE)
