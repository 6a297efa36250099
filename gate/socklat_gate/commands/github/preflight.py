"""``socklat-gate github preflight``."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from socklat_gate.commands.github.step_options import (
    check_option,
    comment_option,
    fail_on_option,
    no_baseline_option,
    runner_here,
    token_here,
    variable,
)
from socklat_gate.commands.help import command
from socklat_gate.errors import GateError, Reason, UnfitEnvironment, UsageError
from socklat_gate.forge.exit_policy import FailOn, OnNoBaseline

if TYPE_CHECKING:
    from socklat_gate.forge.github.workflow_job import Job

__all__ = ["preflight"]


@command()
@click.option(
    "--fork-label",
    metavar="LABEL",
    default="",
    envvar=variable("FORK_LABEL"),
    help="Adding this label allows a fork's code one run on a self-hosted runner.",
)
@click.option(
    "--pull-request",
    metavar="NUMBER",
    default="",
    envvar=variable("PULL_REQUEST"),
    help="The pull request that is measured, where the event holds none [of a comment: its own].",
)
@click.option(
    "--scenario",
    metavar="FILE",
    type=click.Path(path_type=Path),
    envvar=variable("SCENARIO"),
    help="In the checkout that is measured.",
)
@click.option(
    "--artifact",
    metavar="NAME",
    default="socklat-gate",
    show_default=True,
    envvar=variable("ARTIFACT"),
    help="How the name of the artifact begins.",
)
@click.option(
    "--key",
    metavar="TEXT",
    default="auto",
    show_default=True,
    envvar=variable("KEY"),
    help="What tells this job from others of the run; auto: its matrix's values; off: nothing.",
)
@click.option(
    "--matrix", metavar="JSON", default="", envvar=variable("MATRIX"), help="The job's matrix."
)
@fail_on_option
@no_baseline_option
@comment_option
@check_option
def preflight(
    fork_label: str,
    pull_request: str,
    scenario: Path | None,
    artifact: str,
    key: str,
    matrix: str,
    fail_on: FailOn,  # noqa: ARG001 - inputs are checked before minutes are spent on measuring
    on_no_baseline: OnNoBaseline,  # noqa: ARG001 - likewise
    comment: bool,  # noqa: ARG001 - likewise
    check: bool,  # noqa: ARG001 - likewise
) -> None:
    """Check the inputs, and refuse code of forks where it must not run.

    Sets the outputs key, artifact (its name), subject (the pull request, where the event holds
    none) and allowed. A pull request that is named by a number or by a comment is looked up with
    GITHUB_TOKEN, and has to be what is checked out. Exits with 3 when it is refused.

    For instance:

        socklat-gate github preflight --fork-label safe-to-measure
    """
    from socklat_gate.forge.github.checkout import check_checkout
    from socklat_gate.forge.github.forks import is_approved_by_label, refusal
    from socklat_gate.forge.github.key import key_of
    from socklat_gate.forge.github.workflow_job import job_of
    from socklat_gate.git import CheckedOut

    runner = runner_here()
    try:
        job = _with_subject(job_of(os.environ), pull_request)
        refused = refusal(job, fork_label)
        if refused is not None:
            raise UnfitEnvironment(
                Reason.FORK_REFUSED, f"not measured: {refused.why}", remedy=refused.remedy
            )
        by_label = job.self_hosted and is_approved_by_label(job, fork_label)
        check_checkout(job, CheckedOut.around(scenario), by_label=by_label)
    except GateError as error:
        remedy = f"; {error.remedy}" if error.remedy else ""
        runner.annotate("error", "socklat-gate", error.message + remedy)
        raise
    word = key_of(key, matrix)
    runner.set_outputs(
        {
            "key": word,
            "artifact": f"{artifact}-{word}" if word else artifact,
            "subject": job.subject.model_dump_json() if job.subject else "",
            "allowed": "yes",
        }
    )


def _with_subject(job: Job, given: str) -> Job:
    from dataclasses import replace

    from socklat_gate.forge.github.api import GitHub
    from socklat_gate.forge.github.subject import author_may_write, look_up, number_of

    number = number_of(job, given)
    if number is None:
        return job
    token = token_here()
    if not token:
        raise UsageError(
            Reason.BAD_ARGUMENT,
            f"pull request {number} cannot be looked up: GITHUB_TOKEN is not set",
            remedy="leave the input token as it is, and give the job pull-requests: read",
        )
    with GitHub(job.api_url, token) as api:
        subject = look_up(api, job, number)
        return replace(job, subject=subject, author_may_write=author_may_write(api, job))
