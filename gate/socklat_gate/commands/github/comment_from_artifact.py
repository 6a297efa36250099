"""``socklat-gate github comment-from-artifact``."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import click

from socklat_gate.commands.github.step_options import (
    author_option,
    runner_here,
    token_here,
    variable,
)
from socklat_gate.commands.help import command
from socklat_gate.commands.output import emit
from socklat_gate.errors import Exit, Reason, UsageError

if TYPE_CHECKING:
    from socklat_gate.forge.body import Source
    from socklat_gate.forge.github.api import GitHub
    from socklat_gate.forge.github.artifact import UntrustedResult
    from socklat_gate.forge.github.comment import Thread
    from socklat_gate.forge.github.event import WorkflowRun
    from socklat_gate.forge.github.workflow_job import Job

__all__ = ["comment_from_artifact"]


@command(name="comment-from-artifact")
@click.argument("files", metavar="[ZIP]...", nargs=-1, type=click.Path(path_type=Path))
@click.option(
    "--prefix",
    metavar="NAME",
    default="socklat-gate",
    show_default=True,
    envvar=variable("PREFIX"),
    help="How the names of the artifacts to look at begin.",
)
@author_option
def comment_from_artifact(files: tuple[Path, ...], prefix: str, author: str) -> None:
    """Comment what another workflow run measured, a fork's for instance, from its artifacts.

    The run is that of the workflow_run event, the pull request is looked up at GitHub, and the
    artifacts (downloaded, or ZIP files given) are checked and rendered anew.

    For instance:

        socklat-gate github comment-from-artifact --prefix socklat-gate
    """
    from socklat_gate.forge.github.api import GitHub
    from socklat_gate.forge.github.comment import Thread
    from socklat_gate.forge.github.other_run import pull_request_of, triggering_run
    from socklat_gate.forge.github.workflow_job import job_of

    job = job_of(os.environ)
    run = triggering_run(job)
    token = token_here()
    if not token:
        raise UsageError(
            Reason.BAD_ARGUMENT,
            "GITHUB_TOKEN is not set",
            remedy="give the step `GITHUB_TOKEN: ${{ github.token }}` in its env",
        )
    with GitHub(job.api_url, token) as api:
        pull_request = pull_request_of(api, job, run)
        if pull_request is None:
            _nothing(f"no open pull request has {run.head_sha[:10]} as its head any more")
            return
        thread = Thread(api, job.repository, pull_request.number, author, job.host, warn=_warn)
        try:
            found = _given(files) if files else _download(api, job, run, prefix)
        except UsageError as error:
            _outdate(thread, job, run, error.message, ())
            raise
        if not found:
            _nothing(f"run {run.id} kept no artifact {prefix}*, so nothing was measured")
        written = [_comment(thread, job, run, one) for one in found]
        for address in written:
            emit(address)
        why = f"run {run.id} kept no result of this scenario for {run.head_sha[:12]}"
        _outdate(thread, job, run, why, written)


def _nothing(why: str) -> None:
    """That a pull request moved on, or that nothing was measured, is no failure of this job."""
    runner_here().annotate("notice", "socklat-gate", f"no comment: {why}")


def _warn(text: str) -> None:
    runner_here().annotate("warning", "socklat-gate", text)


class _Found(NamedTuple):
    """What an artifact holds, its address, and what its name tells beside the prefix."""

    measured: UntrustedResult
    address: str
    key: str


def _given(files: tuple[Path, ...]) -> list[_Found]:
    from socklat_gate.forge.github.artifact import MAX_ZIP_BYTES, read_artifact

    found = []
    for path in files:
        try:
            with path.open("rb") as file:
                data = file.read(MAX_ZIP_BYTES + 1)
        except OSError as error:
            raise UsageError(
                Reason.NO_SUCH_FILE,
                f"cannot read {path}: {error.strerror}",
                remedy="give the ZIP file of an artifact",
            ) from error
        found.append(_Found(read_artifact(data), "", ""))
    return found


def _download(api: GitHub, job: Job, run: WorkflowRun, prefix: str) -> list[_Found]:
    """All are checked before anything is written."""
    from socklat_gate.forge.github.artifact import read_artifact
    from socklat_gate.forge.github.key import key_of
    from socklat_gate.forge.github.other_run import artifacts_of, download

    return [
        _Found(
            read_artifact(download(api, job, one)),
            f"{job.runs_url}/{run.id}/artifacts/{one.id}",
            # A name that a stranger chose: this makes a plain word of it.
            key_of(one.name.removeprefix(prefix).lstrip("-"), ""),
        )
        for one in artifacts_of(api, job, run, prefix)
    ]


def _comment(thread: Thread, job: Job, run: WorkflowRun, found: _Found) -> str:
    from dataclasses import replace

    from socklat_gate.forge.body import comment_body
    from socklat_gate.forge.exit_policy import outcome_exit
    from socklat_gate.forge.github.comment import put_comment
    from socklat_gate.forge.verdict_history import entry_of

    source = _source(job, run, found.address, found.key)
    result = found.measured.result
    passed = outcome_exit(result) == Exit.PASS
    if passed and run.conclusion not in (None, "success"):  # then something else was wrong
        source = replace(source, ended=str(run.conclusion))
    entry = entry_of(result, run.head_sha, run.id, run.run_attempt)
    return put_comment(
        thread,
        result.scenario_name,
        lambda old, room: comment_body(found.measured.report, source, entry, old, room),
        found.key,
    )


def _outdate(thread: Thread, job: Job, run: WorkflowRun, why: str, written: Sequence[str]) -> None:
    """Comments of an earlier push, about which this run says nothing."""
    from socklat_gate.forge.github.outdated import outdate_comments

    for address in outdate_comments(thread, _source(job, run, "", ""), why, written=written):
        emit(address)


def _source(job: Job, run: WorkflowRun, address: str, key: str) -> Source:
    from socklat_gate.forge.body import Source

    head = run.head_repository.full_name if run.head_repository else ""
    from_fork = head.lower() != job.repository.lower()
    return Source(job.runs_url, run.head_sha, run.id, address, from_fork, key)
