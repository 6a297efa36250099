"""All that a step shows of a gate: outputs, summary, annotation, comment, check.

Nothing of it changes the verdict: what GitHub refuses is a warning that says what to do.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from socklat_gate.documents.reading import RESULT_FILE
from socklat_gate.errors import GitHubFailure, Reason, UsageError
from socklat_gate.forge.body import Source, comment_body, origin
from socklat_gate.forge.exit_policy import (
    FailOn,
    OnNoBaseline,
    conclusion_of,
    latency_change,
    level_of,
)
from socklat_gate.forge.finding import Finding
from socklat_gate.forge.github.api import GitHub
from socklat_gate.forge.github.check_run import (
    Check,
    check_name,
    create_check,
)
from socklat_gate.forge.github.comment import Thread, put_comment
from socklat_gate.forge.github.outdated import outdate_comments
from socklat_gate.forge.github.runner import Runner
from socklat_gate.forge.github.subject import look_up
from socklat_gate.forge.github.workflow_job import Job
from socklat_gate.forge.shortening import shorten
from socklat_gate.forge.verdict_history import Entry, entry_of, history_in
from socklat_gate.measured.result import RunResult
from socklat_gate.report.formats.registry import FORMATS

__all__ = ["Wanted", "artifact_address", "publish"]

REPORTS = {
    "report": FORMATS["markdown"].file,
    "result-json": RESULT_FILE,
    "verdict-json": FORMATS["json"].file,
}
"""Outputs of the step that are paths."""
ARTIFACT_PATH = re.compile(r"/[0-9]{1,20}/artifacts/[0-9]{1,20}")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to publish beside outputs, summary and annotation, and what fails the job.

    ``key`` tells this job from others of the run; ``check_name`` is empty for the usual one.
    """

    fail_on: FailOn
    comment: bool
    check: bool
    author: str = ""
    on_no_baseline: OnNoBaseline = OnNoBaseline.FAIL
    key: str = ""
    check_name: str = ""


def publish(
    runner: Runner,
    job: Job,
    api: GitHub | None,
    finding: Finding,
    directory: Path,
    wanted: Wanted,
    artifact_url: str,
) -> None:
    """Show a finding; ``api`` None leaves comment and check out.

    Raises `UsageError` (OUTPUT_NOT_WRITABLE) when the runner's files cannot be written.
    """
    report = finding.report
    source = Source(
        job.runs_url,
        job.head_sha,
        job.run_id,
        artifact_url,
        key=wanted.key,
        changed=finding.changed,
    )
    runner.set_outputs(_outputs(finding, directory))
    where = f"\n{origin(source)}\n"
    room = runner.summary_room() - _bytes(where)
    if room > 0:
        runner.add_summary(shorten(report, room, _bytes) + where)
    title = f"socklat-gate: {finding.scenario}" if finding.scenario else "socklat-gate"
    level = level_of(finding.ending, wanted.fail_on, wanted.on_no_baseline)
    what_to_change = f". {finding.advice}" if finding.ending.is_unjudged(wanted.fail_on) else ""
    runner.annotate(level, title, finding.sentence + what_to_change)
    if api is None:
        return
    if wanted.comment and job.pull_request is not None:
        number = job.pull_request.number
        if _is_newest(api, job, number):
            thread = Thread(
                api,
                job.repository,
                number,
                wanted.author,
                job.host,
                warn=lambda text: runner.annotate("warning", "socklat-gate", text),
            )
            _comment(runner, thread, job, finding, source)
        else:
            why = "no comment: somebody has pushed since, and the next run is about that"
            runner.annotate("notice", "socklat-gate", why)
    if wanted.check:
        check = Check(
            name=check_name(finding.scenario, wanted.key, wanted.check_name),
            head_sha=source.commit,
            conclusion=conclusion_of(finding.ending, wanted.fail_on, wanted.on_no_baseline),
            title=finding.sentence,
            report=report,
            details_url=source.artifact_url or source.run_url,
            job=job.of_run,
        )
        _check(runner, api, job, check)


def artifact_address(job: Job, text: str) -> str:
    """The address if it is one of an artifact of this repository, or empty.

    Raises `UsageError` (BAD_ARGUMENT) for any other: it goes into markdown.
    """
    runs = job.runs_url
    if text and not (text.startswith(runs) and ARTIFACT_PATH.fullmatch(text[len(runs) :])):
        raise UsageError(
            Reason.BAD_ARGUMENT,
            f"{text[:200]!r} is not the address of an artifact of {job.repository}",
            remedy="give the artifact-url output of actions/upload-artifact, or nothing",
        )
    return text


def _outputs(finding: Finding, directory: Path) -> dict[str, str]:
    result = finding.result
    verdict = None if result is None or isinstance(result, RunResult) else result.verdict
    outputs = {"verdict": verdict.outcome.value if verdict else ""}
    for name, quantile in (("change-p50", 0.5), ("change-p99", 0.99)):
        change = latency_change(verdict, quantile) if verdict else None
        outputs[name] = "" if change is None else f"{change:.6f}"
    for name, file in REPORTS.items():
        outputs[name] = str(directory / file) if result else ""
    return outputs


def _is_newest(api: GitHub, job: Job, number: int) -> bool:
    """Whether the pull request is still at the commit that was measured.

    An older run that is repeated, or ends late, has nothing to say about what was pushed since.
    """
    try:
        return look_up(api, job, number).head.sha == job.head_sha
    except GitHubFailure:  # a token that may comment need not be one that may look
        return True


def _comment(runner: Runner, thread: Thread, job: Job, finding: Finding, source: Source) -> None:
    if not finding.scenario:  # so that it is not known which comment is meant
        try:
            outdate_comments(thread, source, finding.sentence)
        except GitHubFailure as error:
            _warn(runner, "no comment was updated", error)
        return
    result, earlier = finding.result, list[Sequence[Entry]]()
    entry = (
        entry_of(result, source.commit, source.run_id, job.attempt, job.name) if result else None
    )

    def compose(old: str, room: int) -> str:
        earlier.append(history_in(old))
        return comment_body(finding.report, source, entry, old, room)

    try:
        url = put_comment(thread, finding.scenario, compose, source.key)
    except GitHubFailure as error:
        _warn(runner, "no comment was written", error)
        return
    runner.set_outputs({"comment-url": url})
    other = _other_job(job, earlier[-1])
    if other:
        runner.annotate(
            "warning",
            "socklat-gate",
            f"jobs {other} and {job.name} of this run write the same comment and the same check: "
            "the later one replaces the other's. Give each the input key",
        )


def _other_job(job: Job, entries: Sequence[Entry]) -> str:
    """A job of this very run that wrote the comment before; empty without one."""
    names = (
        entry.job
        for entry in entries
        if (entry.run, entry.attempt) == (job.run_id, job.attempt) and entry.job != job.name
    )
    return next((name for name in names if name and job.name), "")


def _check(runner: Runner, api: GitHub, job: Job, check: Check) -> None:
    try:
        create_check(api, job.repository, check, job.host)
    except GitHubFailure as error:
        _warn(runner, "no check was written", error)


def _warn(runner: Runner, what: str, error: GitHubFailure) -> None:
    remedy = f"; {error.remedy}" if error.remedy else ""
    runner.annotate("warning", "socklat-gate", f"{what}: {error.message}{remedy}")


def _bytes(text: str) -> int:
    return len(text.encode("utf-8"))
