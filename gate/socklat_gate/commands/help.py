"""How help is formatted, and the decorators `command` and `group` that use it.

Plain click and no rich-click: it imports rich, markdown-it and pygments for any help, which takes
as long as all the rest of a help or a completion.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from functools import partial
from typing import Any, cast

import click

__all__ = ["HelpCommand", "HelpGroup", "command", "group"]

_BLOCK = re.compile(r"(?m)^ {4}")


class HelpFormatter(click.HelpFormatter):
    """Keeps the lines of indented blocks, which are commands to copy, and marks headings."""

    def write_text(self, text: str) -> None:
        """Paragraphs wrapped, indented blocks line by line."""
        for number, paragraph in enumerate(text.split("\n\n")):
            if number:
                self.write_paragraph()
            if _BLOCK.match(paragraph):
                for line in paragraph.splitlines():
                    self.write(f"{'':{self.current_indent}}{_style(line, fg='cyan')}\n")
            else:
                super().write_text(paragraph)

    def write_heading(self, heading: str) -> None:
        """The heading of a section, in bold on a terminal."""
        super().write_heading(_style(heading, bold=True))


class HelpContext(click.Context):
    """A context whose help `HelpFormatter` formats."""

    formatter_class = HelpFormatter


class HelpCommand(click.Command):
    """A command whose help `HelpFormatter` formats."""

    context_class = HelpContext


class HelpGroup(click.Group):
    """A group whose help `HelpFormatter` formats."""

    context_class = HelpContext


command = cast(
    Callable[..., Callable[[Callable[..., Any]], click.Command]],
    partial(click.command, cls=HelpCommand),
)
group = cast(
    Callable[..., Callable[[Callable[..., Any]], click.Group]],
    partial(click.group, cls=HelpGroup),
)


def _style(text: str, **style: Any) -> str:
    """``text`` in this style; click leaves the style out where the output is no terminal."""
    plain = "NO_COLOR" in os.environ or os.environ.get("TERM") == "dumb"
    return text if plain else click.style(text, **style)
