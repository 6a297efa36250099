"""The command ``socklat-gate``: parses, calls, prints, exits.

`main` is the one place where a `GateError` is caught, printed and turned into an exit code.
"""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Sequence
from contextlib import suppress

import click

from socklat_gate import masking
from socklat_gate.errors import Exit, GateError, Reason, UsageError
from socklat_gate.interrupt import follow_lifeline, interruptible
from socklat_gate.refusals import refusal_of
from socklat_gate.stdio import ensure_buffered_stdio

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry point of the console script; always leaves by `SystemExit`."""
    code: object
    ensure_buffered_stdio()
    try:
        with interruptible():
            follow_lifeline()
            code = _run(arguments)
    except GateError as error:
        code = _explain(error)
    except SystemExit as stop:
        # For a reader that went away, click and rich end with 1, which would be a verdict.
        code = Exit.SIGPIPE if stop.code == Exit.REGRESSION else stop.code
    except Exception as error:  # the interpreter's own exit code for it, 1, would be a verdict
        refused = refusal_of(error)
        if refused is None:
            with suppress(OSError):  # else its exit code would be 1 as well
                traceback.print_exc()
        code = Exit.INTERNAL if refused is None else _explain(refused)
    raise SystemExit(code)


def _run(arguments: Sequence[str] | None) -> int:
    # Nothing here needs the threads that numpy's BLAS starts when it is imported: they would keep
    # the capabilities that the main thread drops, and are noise beside what is measured.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    # Whatever fails first may show them: a compose file that is read before Docker is looked for.
    masking.suspect(os.environ)
    masking.register_within(sys.argv[1:] if arguments is None else arguments)
    # Imported here, since it takes a moment in which a signal must be obeyed too.
    from socklat_gate.commands.root import cli  # noqa: PLC0415

    try:
        code = cli.main(args=arguments, prog_name="socklat-gate", standalone_mode=False)
    except click.UsageError as error:
        command = error.ctx.command_path if error.ctx else "socklat-gate"
        raise UsageError(
            Reason.BAD_ARGUMENT,
            error.format_message(),
            remedy=f"`{command} --help` shows what it takes",
        ) from None
    return code if isinstance(code, int) else Exit.PASS


def _explain(error: GateError) -> int:
    """Prints it; its exit code, whatever becomes of that."""
    try:
        _print(error)
    except (Exception, SystemExit):
        # Nobody reads it any more, which rich ends with 1, or no descriptor is left for an import.
        with suppress(OSError):
            sys.stderr.write(f"error: {error.message} [{error.reason.value}]\n")
            sys.stderr.flush()
    return int(error.exit_code)


def _print(error: GateError) -> None:
    from rich.console import Console  # noqa: PLC0415 - as in `_run`
    from rich.markup import escape  # noqa: PLC0415

    from socklat_gate.wording.sanitise import foreign_lines  # noqa: PLC0415

    console = Console(stderr=True, highlight=False, soft_wrap=True, emoji=False)
    console.print(f"[bold red]error[/]: {escape(error.message)} [dim]\\[{error.reason.value}][/]")
    for line in foreign_lines(error.log):
        console.print(escape(line))
    if error.remedy:
        console.print(f"[bold]try[/]: {escape(error.remedy)}")
