"""``socklat-gate publish``."""

from __future__ import annotations

import os
from pathlib import Path

import click

from socklat_gate.commands.help import command
from socklat_gate.commands.output import emit, emit_utf8
from socklat_gate.forge.exit_policy import FailOn, OnNoBaseline, job_exit, level_of

__all__ = ["publish"]

_PATH = click.Path(path_type=Path)
STDOUT = Path("-")


@command()
@click.argument("result_dir", type=_PATH)
@click.option(
    "--exit-code",
    metavar="N",
    type=click.IntRange(0, 255),
    required=True,
    help="The gate's exit code: what it left behind counts only if it says the same.",
)
@click.option(
    "--scenario", metavar="FILE", type=_PATH, help="Names the comment when there is no result."
)
@click.option(
    "--log",
    metavar="FILE",
    type=_PATH,
    help="The gate's output, whose end is shown when there is no result.",
)
@click.option(
    "--host",
    type=click.Choice(["auto", "gitlab", "forgejo", "gitea", "github", "buildkite", "none"]),
    default="auto",
    show_default=True,
    help="Where to publish; auto: on the host whose CI this job is of.",
)
@click.option("--url", metavar="URL", default="", help="Address of the host's API [from the CI].")
@click.option(
    "--repository",
    metavar="NAME",
    default="",
    help="Owner and name, on GitLab group and project or its number [from the CI].",
)
@click.option(
    "--number",
    metavar="N",
    type=click.IntRange(1),
    help="Pull request or merge request to comment on [from the CI].",
)
@click.option(
    "--token-variable",
    metavar="NAME",
    default="",
    help="Environment variable with the token [GITLAB_TOKEN, FORGEJO_TOKEN, GITEA_TOKEN, "
    "GITHUB_TOKEN].",
)
@click.option(
    "--author", metavar="LOGIN", default="", help="Account of the token [the host is asked]."
)
@click.option(
    "--key",
    metavar="TEXT",
    default="auto",
    show_default=True,
    help="Tells jobs apart that measure the same scenario, on two machines say: each has a comment "
    "of its own; auto: what the CI says of parallel jobs; off: nothing.",
)
@click.option(
    "--artifact-url", metavar="URL", default="", help="Where the full report was uploaded."
)
@click.option(
    "--body",
    metavar="FILE",
    type=_PATH,
    help="Also write the comment's markdown to FILE (- for stdout), for any other host.",
)
@click.option(
    "--fail-on",
    type=click.Choice([one.value for one in FailOn]),
    default=FailOn.REGRESSION.value,
    show_default=True,
    help="What fails the job: a regression and what could not be judged, only a regression, or all "
    "that is inconclusive; without a verdict it always fails.",
)
@click.option(
    "--on-no-baseline",
    type=click.Choice([one.value for one in OnNoBaseline]),
    default=OnNoBaseline.FAIL.value,
    show_default=True,
    help="What it means that there is nothing to compare with yet.",
)
def publish(
    result_dir: Path,
    exit_code: int,
    scenario: Path | None,
    log: Path | None,
    host: str,
    url: str,
    repository: str,
    number: int | None,
    token_variable: str,
    author: str,
    key: str,
    artifact_url: str,
    body: Path | None,
    fail_on: str,
    on_no_baseline: str,
) -> int:
    """Show a gate's end on a code host, then end the job as the gate ended.

    One comment a scenario on the merge request or pull request (GitLab, Forgejo, Gitea, GitHub),
    updated in place; on Buildkite an annotation. What the host refuses is a warning: nothing but
    the gate decides about the job. Exits with the gate's exit code; with 0 for 4 (inconclusive)
    where the budget was not enough and --fail-on is not `inconclusive`, and for 5 where there is no
    baseline yet and --on-no-baseline is `neutral`; and with 6 for a 0 or 4 that the result in
    RESULT_DIR does not bear out. In GitHub Actions the action does all of this.

    For instance:

        socklat-gate publish socklat-out --exit-code 1 --scenario socklat.toml
    """
    from socklat_gate.ci_variables import ci_run
    from socklat_gate.errors import HostFailure, UsageError
    from socklat_gate.forge.finding import finding_of
    from socklat_gate.forge.hosts import (
        Given,
        Host,
        commits_of,
        heads_of,
        mask_tokens,
        source_of,
    )
    from socklat_gate.forge.publication import Publication
    from socklat_gate.forge.sticky_note import MAX_NOTE
    from socklat_gate.git import CheckedOut

    named = Host(host) if host not in ("auto", "none") else None
    given = Given(named, url, repository, number or 0, token_variable, author)
    mask_tokens(given, os.environ)
    run = ci_run(os.environ)
    here = CheckedOut.around(scenario)
    commits = commits_of(run, here)
    finding = finding_of(result_dir, exit_code, log, scenario, run.target, commits)
    policy = FailOn(fail_on), OnNoBaseline(on_no_baseline)
    commit = finding.result.commit.partition("-")[0] if finding.result else run.commit
    source = source_of(run, commit, artifact_url, key, changed=finding.changed)
    level, heads = level_of(finding.ending, *policy), heads_of(run, here)
    shown = Publication(finding, source, level, heads, run.job)
    if body is not None:
        _write(body, shown.body("", MAX_NOTE))
    if body != STDOUT:
        emit(f"{finding.scenario or 'socklat-gate'}: {finding.sentence}")
    if host != "none":
        try:
            done = shown.show(given, run, os.environ)
        except (HostFailure, UsageError) as error:
            remedy = f"\n  {error.remedy}" if error.remedy else ""
            click.echo(f"warning: nothing was published: {error.message}{remedy}", err=True)
        else:
            click.echo(done, err=True)
            for warning in shown.warnings:
                click.echo(f"warning: {warning}", err=True)
    return job_exit(finding.ending, *policy)


def _write(path: Path, text: str) -> None:
    from socklat_gate.documents.atomic import write_atomic

    if path == STDOUT:
        emit_utf8(text)
    else:
        write_atomic(path, text.encode("utf-8", "replace"), overwrite=True)
