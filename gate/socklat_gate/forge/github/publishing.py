"""All that a step shows of a gate: outputs, summary, annotation, comment, check.

Nothing of it changes the verdict: what GitHub refuses is a warning that says what to do.
"""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from pathlib import Path

from socklat_gate.errors import GitHubFailure, Reason, UsageError
from socklat_gate.forge.body import Source, comment_body, origin
from socklat_gate.forge.exit_policy import FailOn, conclusion_of, level_of, service_change
from socklat_gate.forge.finding import Finding
from socklat_gate.forge.github.api import GitHub
from socklat_gate.forge.github.check_run import Check, create_check
from socklat_gate.forge.github.comment import Thread, put_comment
from socklat_gate.forge.github.runner import Runner
from socklat_gate.forge.github.workflow_job import Job
from socklat_gate.forge.shortening import shorten
from socklat_gate.forge.verdict_history import Entry
from socklat_gate.measured.result import Result

__all__ = ["Wanted", "artifact_address", "entry_of", "publish"]

REPORTS = {"report": "report.md", "result-json": "result.json", "verdict-json": "verdict.json"}
ARTIFACT_PATH = re.compile(r"/[0-9]{1,20}/artifacts/[0-9]{1,20}")
BIGGEST_CHANGE = 1e9


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to publish beside outputs, summary and annotation, and what fails the job."""

    fail_on: FailOn
    comment: bool
    check: bool
    author: str


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
    source = Source(job, job.head_sha, job.run_id, artifact_url)
    runner.set_outputs(_outputs(finding, directory))
    where = f"\n{origin(source)}\n"
    room = runner.summary_room() - _bytes(where)
    if room > 0:
        runner.add_summary(shorten(finding.report, room, _bytes) + where)
    title = f"socklat-gate: {finding.scenario}" if finding.scenario else "socklat-gate"
    level = level_of(finding.exit_code, wanted.fail_on)
    runner.annotate(level, title, finding.sentence)
    if api is None:
        return
    if wanted.comment and finding.scenario and job.event.pull_request is not None:
        thread = Thread(api, job.repository, job.event.pull_request.number, wanted.author)
        _comment(runner, thread, finding, source)
    if wanted.check:
        _check(runner, api, finding, source, wanted.fail_on)


def artifact_address(job: Job, text: str) -> str:
    """The address if it is one of an artifact of this repository, or empty.

    Raises `UsageError` (BAD_ARGUMENT) for any other: it goes into markdown.
    """
    runs = f"{job.server_url}/{job.repository}/actions/runs"
    if text and not (text.startswith(runs) and ARTIFACT_PATH.fullmatch(text[len(runs) :])):
        raise UsageError(
            Reason.BAD_ARGUMENT,
            f"{text[:200]!r} is not the address of an artifact of {job.repository}",
            remedy="give the artifact-url output of actions/upload-artifact, or nothing",
        )
    return text


def entry_of(result: Result, commit: str, run_id: int, attempt: int) -> Entry | None:
    """The line of a result in a comment's history; None without a verdict."""
    if result.verdict is None:
        return None
    p50, p99 = (service_change(result, q) for q in (0.5, 0.99))
    return Entry(
        commit=commit,
        at_s=int(time.time()),
        verdict=result.verdict.outcome,
        p50=_bounded(p50),
        p99=_bounded(p99),
        run=run_id,
        attempt=attempt,
    )


def _outputs(finding: Finding, directory: Path) -> dict[str, str]:
    result = finding.result
    verdict = result.verdict.outcome.value if result and result.verdict else ""
    outputs = {"verdict": verdict}
    for name, quantile in (("change-p50", 0.5), ("change-p99", 0.99)):
        change = service_change(result, quantile) if result else None
        outputs[name] = "" if change is None else f"{change:.6f}"
    for name, file in REPORTS.items():
        outputs[name] = str(directory / file) if result else ""
    return outputs


def _comment(runner: Runner, thread: Thread, finding: Finding, source: Source) -> None:
    entry = None
    if finding.result is not None:
        entry = entry_of(finding.result, source.commit, source.run_id, source.job.attempt)
    report = finding.report
    try:
        url = put_comment(
            thread,
            finding.scenario,
            lambda old, room: comment_body(report, source, entry, old, room),
        )
    except GitHubFailure as error:
        _warn(runner, "no comment was written", error)
    else:
        runner.set_outputs({"comment-url": url})


def _check(runner: Runner, api: GitHub, finding: Finding, source: Source, fail_on: FailOn) -> None:
    check = Check(
        scenario=finding.scenario,
        head_sha=source.commit,
        conclusion=conclusion_of(finding.exit_code, fail_on),
        title=finding.sentence,
        report=finding.report,
        details_url=source.artifact_url or source.run_url,
    )
    try:
        create_check(api, source.job.repository, check)
    except GitHubFailure as error:
        _warn(runner, "no check was written", error)


def _warn(runner: Runner, what: str, error: GitHubFailure) -> None:
    remedy = f"; {error.remedy}" if error.remedy else ""
    runner.annotate("warning", "socklat-gate", f"{what}: {error.message}{remedy}")


def _bounded(change: float | None) -> float | None:
    return None if change is None else max(-1.0, min(change, BIGGEST_CHANGE))


def _bytes(text: str) -> int:
    return len(text.encode("utf-8"))
