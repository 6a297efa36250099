"""Writes the man pages, one a command, from the same help that ``--help`` prints.

python ci/man.py docs/man
"""

from __future__ import annotations

import sys
from pathlib import Path

import click
from click_man.core import write_man_pages

from socklat_gate.commands.lazy import LazyCommand
from socklat_gate.commands.root import cli
from socklat_gate.version import __version__

EXIT_STATUS = ".SH EXIT STATUS\n{}\n"


def loaded(command: click.Command) -> click.Command:
    """The command itself, and those of a group, without the ones that are not listed."""
    found = command.load() if isinstance(command, LazyCommand) else command
    assert found.help is not None
    found.short_help = found.help.partition("\n\n")[0].replace("\n", " ").rstrip(".")
    if not isinstance(found, click.Group):
        return found
    listed = {name: sub for name, sub in found.commands.items() if not sub.hidden}
    whole = click.Group(found.name, params=found.params, help=found.help)
    for name, sub in listed.items():
        whole.add_command(loaded(sub), name)
    whole.short_help = found.short_help
    return whole


def main() -> None:
    """Replaces what is in the directory."""
    target = Path(sys.argv[1])
    target.mkdir(parents=True, exist_ok=True)
    for old in target.glob("*.1"):
        old.unlink()
    whole = loaded(cli)
    write_man_pages(
        "socklat-gate", whole, version="socklat-gate", date=__version__, target_dir=str(target)
    )
    first = target / "socklat-gate.1"
    assert cli.epilog is not None
    codes = cli.epilog.removeprefix("Exit codes: ")
    first.write_text(first.read_text("utf-8") + EXIT_STATUS.format(codes), "utf-8")


if __name__ == "__main__":
    main()
