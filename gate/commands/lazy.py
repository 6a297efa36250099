"""A command that is imported when it is called, not when it is listed."""

from __future__ import annotations

import builtins
from importlib import import_module
from typing import Any

import rich_click as click

__all__ = ["LazyCommand"]


class LazyCommand(click.RichCommand):
    """Stands for the command ``NAME`` of ``PACKAGE.NAME``.

    ``summary`` is the first sentence of its help, for the list of commands.  A name that Python has
    a use for itself has an underscore after it there.
    """

    def __init__(self, name: str, summary: str, package: str = "gate.commands") -> None:
        super().__init__(name=name, short_help=summary)
        self._package = package

    def load(self) -> click.Command:
        """The command itself; its module imports what it works with, scipy for instance."""
        name = f"{self.name}_" if self.name in vars(builtins) else str(self.name)
        found: click.Command = getattr(import_module(f"{self._package}.{name}"), name)
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
