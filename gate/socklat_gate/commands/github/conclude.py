"""``socklat-gate github conclude``."""

from __future__ import annotations

import click

from socklat_gate.commands.github.step_options import fail_on_option, variable
from socklat_gate.commands.help import command
from socklat_gate.commands.output import emit
from socklat_gate.forge.exit_policy import FailOn, job_exit, meaning_of

__all__ = ["conclude"]


@command()
@click.option(
    "--exit-code",
    metavar="N",
    type=click.IntRange(0, 255),
    required=True,
    envvar=variable("EXIT_CODE"),
    help="The gate's exit code.",
)
@fail_on_option
def conclude(exit_code: int, fail_on: FailOn) -> int:
    """End the job as the gate ended, after everything was published.

    Exits with the gate's exit code, or with 0 for 4 (inconclusive) unless --fail-on is
    `inconclusive`.

    For instance:

        socklat-gate github conclude --exit-code 4 --fail-on inconclusive
    """
    emit(f"socklat-gate {meaning_of(exit_code)} (exit code {exit_code})")
    return job_exit(exit_code, fail_on)
