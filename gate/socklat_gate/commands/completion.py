"""``socklat-gate completion``."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from socklat_gate.commands.help import command
from socklat_gate.commands.output import emit_data

__all__ = ["completion"]

SHELLS = ("bash", "zsh", "fish")
VARIABLE = "_SOCKLAT_GATE_COMPLETE"
"""Environment variable by which a shell requests completions: click's name for it."""


@command()
@click.argument("shell", type=click.Choice(SHELLS))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """Print the script that completes commands, options and files in a SHELL.

    For instance, in ~/.bashrc, ~/.zshrc or ~/.config/fish/config.fish:

        eval "$(socklat-gate completion bash)"
        eval "$(socklat-gate completion zsh)"
        socklat-gate completion fish | source
    """
    found = get_completion_class(shell)
    assert found is not None
    root = ctx.find_root()
    emit_data(found(root.command, {}, str(root.info_name), VARIABLE).source())
