"""A command that is imported when it is called, not when it is listed."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import rich_click as click

__all__ = ["LazyCommand"]


class LazyCommand(click.RichCommand):
    """Stands for the command ``NAME`` of ``gate.commands.NAME``.

    ``summary`` is the first sentence of its help, for the list of commands.
    """

    def __init__(self, name: str, summary: str) -> None:
        super().__init__(name=name, short_help=summary)

    def load(self) -> click.Command:
        """The command itself; its module imports what it works with, scipy for instance."""
        found: click.Command = getattr(import_module(f"gate.commands.{self.name}"), str(self.name))
        return found

    def make_context(
        self,
        info_name: str | None,
        args: list[str],
        parent: click.Context | None = None,
        **extra: Any,
    ) -> click.Context:
        """The context of the command itself: whatever follows is done by it."""
        return self.load().make_context(info_name, args, parent, **extra)
