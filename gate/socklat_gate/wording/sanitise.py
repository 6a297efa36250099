"""Untrusted text (of servers, processes, stored files) made safe for a terminal."""

from __future__ import annotations

__all__ = ["FOREIGN", "describe_error", "foreign_lines", "strip_control_characters"]

MAX_LENGTH = 300

FOREIGN = "| "
"""How a line of somebody else begins in a job's log, so that it is not taken for ours."""


def strip_control_characters(text: str, instead: str = "\ufffd", *, kept: str = "") -> str:
    """``text`` with something else for control characters, but for those ``kept``.

    Escape sequences steer a terminal, and a line break begins a line that looks like ours.
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c in kept else instead for c in text)


def describe_error(error: BaseException) -> str:
    """The text of an error as one line; it may come from another machine."""
    text = " ".join(str(error).split()) or type(error).__name__
    return strip_control_characters(text, " ")[:MAX_LENGTH]


def foreign_lines(text: str) -> list[str]:
    """Lines of a container's log or a tool's output as a job's log shows them."""
    return [FOREIGN + strip_control_characters(line, " ") for line in text.splitlines()]
