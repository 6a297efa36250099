"""``socklat-gate github publish``."""

from __future__ import annotations

import os
from collections.abc import Collection
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import click

from socklat_gate.commands.github.step_options import (
    author_option,
    check_option,
    comment_option,
    fail_on_option,
    key_option,
    no_baseline_option,
    runner_here,
    subject_option,
    token_here,
    variable,
)
from socklat_gate.commands.help import command
from socklat_gate.errors import Exit
from socklat_gate.forge.exit_policy import FailOn, OnNoBaseline, meaning_of, outcome_exit

if TYPE_CHECKING:
    from socklat_gate.forge.finding import Finding

__all__ = ["publish"]

_PATH = click.Path(path_type=Path)


@command()
@click.argument("result_dir", type=_PATH, envvar=variable("OUT"))
@click.option(
    "--exit-code",
    metavar="N",
    type=click.IntRange(0, 255),
    envvar=variable("EXIT_CODE"),
    help="The gate's exit code [from the result].",
)
@click.option(
    "--log",
    metavar="FILE",
    type=_PATH,
    envvar=variable("LOG"),
    help="The end of the gate's output, shown when there is no result.",
)
@click.option(
    "--scenario",
    metavar="FILE",
    type=_PATH,
    envvar=variable("SCENARIO"),
    help="Names the comment when there is no result.",
)
@click.option(
    "--artifact-url",
    metavar="URL",
    default="",
    envvar=variable("ARTIFACT_URL"),
    help="Where the full report was uploaded.",
)
@click.option(
    "--prepared",
    metavar="OUTCOME",
    default="",
    envvar=variable("PREPARED"),
    help="How the step before measuring ended (success, failure, cancelled, skipped).",
)
@click.option(
    "--measured",
    metavar="OUTCOME",
    default="",
    envvar=variable("MEASURED"),
    help="How the measuring step ended, where it has no exit code: then nothing was measured.",
)
@click.option(
    "--check-name",
    metavar="NAME",
    default="",
    envvar=variable("CHECK_NAME"),
    help="Name of the check run [socklat-gate: NAME OF THE SCENARIO].",
)
@subject_option
@key_option
@fail_on_option
@no_baseline_option
@comment_option
@check_option
@author_option
def publish(
    result_dir: Path,
    exit_code: int | None,
    log: Path | None,
    scenario: Path | None,
    artifact_url: str,
    prepared: str,
    measured: str,
    check_name: str,
    subject: str,
    key: str,
    fail_on: FailOn,
    on_no_baseline: OnNoBaseline,
    comment: bool,
    check: bool,
    author: str,
) -> None:
    """Show the reports in RESULT_DIR: outputs, summary, annotation, comment and check run.

    Exits with 0 whatever the verdict is: `conclude` fails the job.  The token comes from
    GITHUB_TOKEN; what it may not do is a warning. Where a step failed before anything was measured,
    that is what comment and check say, in place of an older verdict.

    For instance:

        socklat-gate github publish socklat-out --no-check --fail-on inconclusive
    """
    from socklat_gate import masking
    from socklat_gate.forge.github.api import GitHub
    from socklat_gate.forge.github.checkout import about_checkout, commits_of
    from socklat_gate.forge.github.publishing import Wanted, artifact_address
    from socklat_gate.forge.github.publishing import publish as show
    from socklat_gate.forge.github.target import target_of
    from socklat_gate.forge.github.workflow_job import job_of, with_subject
    from socklat_gate.git import CheckedOut

    masking.suspect(os.environ)
    here = CheckedOut.around(scenario)
    job = about_checkout(with_subject(job_of(os.environ), subject), here)
    address = artifact_address(job, artifact_url)
    base = target_of(os.environ, subject).ref
    if exit_code is None and (prepared or measured):
        finding = _not_measured(prepared, measured, scenario, base)
    else:
        commits = commits_of(job, here)
        finding = _finding(result_dir, exit_code, log, scenario, base, commits)
    runner = runner_here()
    token = token_here()
    wanted = Wanted(fail_on, comment, check, author, on_no_baseline, key, check_name)
    with ExitStack() as stack:
        api = stack.enter_context(GitHub(job.api_url, token)) if token else None
        show(runner, job, api, finding, result_dir, wanted, address)
    if not token and (comment or check):
        runner.annotate("notice", "socklat-gate", "no token was given: no comment, no check")


def _finding(
    directory: Path,
    exit_code: int | None,
    log: Path | None,
    scenario: Path | None,
    base: str,
    commits: Collection[str],
) -> Finding:
    from socklat_gate.baseline.campaigns import result_at
    from socklat_gate.forge.finding import finding_of

    if exit_code is None:
        exit_code = outcome_exit(result_at(directory))
    return finding_of(directory, exit_code, log, scenario, base, commits)


def _not_measured(prepared: str, measured: str, scenario: Path | None, base: str) -> Finding:
    from socklat_gate.forge.finding import not_measured

    if "cancelled" in (prepared, measured):
        why = f"the job {meaning_of(Exit.SIGINT)}"
    elif prepared == "failure":
        why = "the commands of `prepare` failed"
    else:
        why = "the measuring step failed"
    return not_measured(f"{why}; see the job's log", scenario, base)
