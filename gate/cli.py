"""The command ``socklat-gate``: parses, calls, prints, exits.

`main` is the one place where a `GateError` is caught, printed and turned into an exit code.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

import click
import rich_click
from rich.console import Console
from rich.markup import escape

from gate import __version__
from gate.commands.baseline import baseline
from gate.commands.compare import compare
from gate.commands.doctor import doctor
from gate.commands.gate import gate
from gate.commands.report import report
from gate.commands.run import run
from gate.commands.schema import schema
from gate.errors import Exit, GateError
from gate.interrupt import interruptible

__all__ = ["main"]

_EPILOG = (
    "Exit codes: 0 pass, 1 regression, 2 usage error, 3 this machine cannot measure, "
    "4 inconclusive, 5 no usable baseline, 6 invalid measurement."
)


@rich_click.group(
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog=_EPILOG,
)
@click.version_option(__version__, prog_name="socklat-gate")
def cli() -> None:
    """Fail a build when a service's latency got worse, and say in which layer.

    Starts the service in Docker, drives open-loop load against it, traces every socket in the
    kernel with eBPF and compares the distribution with a baseline.

    Try `socklat-gate doctor`, then `socklat-gate gate socklat.toml --baseline-image app:released`.
    """


for command in (doctor, gate, run, compare, baseline, report, schema):
    cli.add_command(command)


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry point of the console script; always leaves by `SystemExit`."""
    try:
        with interruptible():
            code = cli.main(args=arguments, prog_name="socklat-gate", standalone_mode=False)
    except GateError as error:
        sys.exit(_explain(error))
    except click.exceptions.Exit as stop:
        sys.exit(stop.exit_code)
    except click.Abort:
        sys.exit(Exit.SIGINT)
    except click.ClickException as error:
        error.show()
        sys.exit(Exit.USAGE)
    sys.exit(code if isinstance(code, int) else Exit.PASS)


def _explain(error: GateError) -> int:
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    console.print(f"[bold red]error[/]: {escape(error.message)} [dim]\\[{error.reason.value}][/]")
    if error.remedy:
        console.print(f"[bold]try[/]: {escape(error.remedy)}")
    return int(error.exit_code)
