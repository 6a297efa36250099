"""A command that is imported when it is called, not when it is listed."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import click

from socklat_gate.commands.help import HelpCommand

__all__ = ["LazyCommand"]


class LazyCommand(HelpCommand):
    """Stands for the command ``NAME`` of ``socklat_gate.commands.NAME``, or of another ``module``.

    ``summary`` is the first sentence of its help, for the list of commands, which leaves out what
    is ``hidden``.  The command has the name of its module there, which may need an underscore.
    """

    def __init__(
        self, name: str, summary: str, *, module: str | None = None, hidden: bool = False
    ) -> None:
        super().__init__(name=name, short_help=summary, hidden=hidden)
        self.module = module or f"socklat_gate.commands.{name}"

    def load(self) -> click.Command:
        """The command itself; its module imports what it works with, scipy for instance."""
        name = self.module.rpartition(".")[2]
        found: click.Command = getattr(import_module(self.module), name)
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
