"""``socklat-gate github preflight``."""

from __future__ import annotations

import os

import click

from socklat_gate.commands.github.step_options import (
    check_option,
    comment_option,
    fail_on_option,
    no_baseline_option,
    runner_here,
    variable,
)
from socklat_gate.commands.help import command
from socklat_gate.errors import Reason, UnfitEnvironment
from socklat_gate.forge.exit_policy import FailOn, OnNoBaseline

__all__ = ["preflight"]


@command()
@click.option(
    "--fork-label",
    metavar="LABEL",
    default="",
    envvar=variable("FORK_LABEL"),
    help="Adding this label allows a fork's code one run on a self-hosted runner.",
)
@fail_on_option
@no_baseline_option
@comment_option
@check_option
def preflight(
    fork_label: str,
    fail_on: FailOn,  # noqa: ARG001 - inputs are checked before minutes are spent on measuring
    on_no_baseline: OnNoBaseline,  # noqa: ARG001 - likewise
    comment: bool,  # noqa: ARG001 - likewise
    check: bool,  # noqa: ARG001 - likewise
) -> None:
    """Check the inputs, and refuse code of forks where it must not run.

    Exits with 3 when it is refused.

    For instance:

        socklat-gate github preflight --fork-label safe-to-measure
    """
    from socklat_gate.forge.github.forks import refusal
    from socklat_gate.forge.github.workflow_job import job_of

    why = refusal(job_of(os.environ), fork_label)
    if not why:
        return
    runner_here().annotate("error", "socklat-gate", f"not measured: {why}")
    raise UnfitEnvironment(
        Reason.FORK_REFUSED,
        f"not measured: {why}",
        remedy="measure it on a runner that GitHub hosts, or read the change and then add the "
        "label that the input fork-label names (docs/howto/github.md)",
    )
