"""``socklat-gate github conclude``."""

from __future__ import annotations

import os
from pathlib import Path

import click

from socklat_gate.commands.github.step_options import (
    fail_on_option,
    no_baseline_option,
    subject_option,
    variable,
)
from socklat_gate.commands.help import command
from socklat_gate.commands.output import emit
from socklat_gate.forge.exit_policy import FailOn, OnNoBaseline, job_exit, meaning_of

__all__ = ["conclude"]


@command()
@click.argument("result_dir", type=click.Path(path_type=Path), envvar=variable("OUT"))
@click.option(
    "--exit-code",
    metavar="N",
    type=click.IntRange(0, 255),
    required=True,
    envvar=variable("EXIT_CODE"),
    help="The gate's exit code.",
)
@click.option(
    "--scenario",
    metavar="FILE",
    type=click.Path(path_type=Path),
    envvar=variable("SCENARIO"),
    help="Of which the reports have to be.",
)
@subject_option
@fail_on_option
@no_baseline_option
def conclude(
    result_dir: Path,
    exit_code: int,
    scenario: Path | None,
    subject: str,
    fail_on: FailOn,
    on_no_baseline: OnNoBaseline,
) -> int:
    """End the job as the gate ended, after everything was published.

    Exits with the gate's exit code; with 0 for 4 (inconclusive) where the budget was not enough and
    --fail-on is not `inconclusive`, and for 5 where there is no baseline yet and --on-no-baseline
    is `neutral`; and with 6 for a 0 or 4 that the result in RESULT_DIR does not bear out.

    For instance:

        socklat-gate github conclude socklat-out --exit-code 4 --fail-on inconclusive
    """
    from socklat_gate.forge.finding import finding_of
    from socklat_gate.forge.github.checkout import about_checkout, commits_of
    from socklat_gate.forge.github.target import target_of
    from socklat_gate.forge.github.workflow_job import job_of, with_subject
    from socklat_gate.git import CheckedOut

    base, commits = "", frozenset[str]()
    if os.environ.get("GITHUB_EVENT_PATH"):
        here = CheckedOut.around(scenario)
        job = about_checkout(with_subject(job_of(os.environ), subject), here)
        base, commits = target_of(os.environ, subject).ref, frozenset(commits_of(job, here))
    finding = finding_of(result_dir, exit_code, None, scenario, base, commits)
    said = f"socklat-gate {meaning_of(exit_code)} (exit code {exit_code})"
    emit(finding.problem or said)
    return job_exit(finding.ending, fail_on, on_no_baseline)
