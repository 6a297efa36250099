"""``socklat-gate gate``."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click

from socklat_gate.commands.help import command
from socklat_gate.commands.options import (
    allow_option,
    baselines_option,
    out_option,
    quiet_option,
    seed_option,
)
from socklat_gate.commands.output import emit, emit_data
from socklat_gate.errors import Reason, UsageError

if TYPE_CHECKING:
    from socklat_gate.measured.result import GateResult

__all__ = ["gate"]


@command()
@click.argument("scenario", type=click.Path(path_type=Path))
@click.option("--baseline-image", metavar="IMAGE", help="Reference [from the scenario or store].")
@click.option(
    "--baseline-ref",
    metavar="REF",
    help="Reference: build service.build as of the merge base of HEAD and this branch, tag or "
    "commit.",
)
@click.option(
    "--nightly",
    is_flag=True,
    help="Compare with the pinned release (baseline.release, --baseline-ref or --baseline-image), "
    "watch for at least 20 minutes, and store the estimates for the drift series.",
)
@click.option(
    "--gate-from",
    metavar="REF",
    help="Limits, waivers and reference of the scenario as this branch, tag or commit has them.",
)
@click.option("--candidate-image", metavar="IMAGE", help="Image under test [from the scenario].")
@allow_option
@baselines_option
@out_option
@seed_option
@click.option("--max-pairs", metavar="N", type=int, help="Budget of pairs [from the scenario].")
@click.option(
    "--max-minutes", metavar="N", type=float, help="Budget of minutes [from the scenario]."
)
@click.option(
    "--allow-same-image",
    is_flag=True,
    help="Measure one image against itself, instead of saying that nothing is compared.",
)
@click.option("--json", "as_json", is_flag=True, help="Print verdict.json on stdout.")
@quiet_option
def gate(
    scenario: Path,
    baseline_image: str | None,
    baseline_ref: str | None,
    nightly: bool,
    gate_from: str | None,
    candidate_image: str | None,
    allow: str | None,
    baselines: str | None,
    out: Path,
    seed: int | None,
    max_pairs: int | None,
    max_minutes: float | None,
    allow_same_image: bool,
    as_json: bool,
    quiet: bool,
) -> int:
    """Measure, compare, report; the exit code is the verdict.

    Starts reference and candidate side by side in fresh containers, pair by pair, until the
    evidence is in or the budget is spent, and writes verdict.json, result.json and the reports:
    report.html, report.md, junit.xml, metrics.txt and openmetrics.txt.

    With --nightly: main beside a pinned release, and the result joins the drift series that
    `baseline history` and `baseline drift` show.

    For instance:

        socklat-gate gate socklat.toml --baseline-image app:1.4 --out reports
    """
    from socklat_gate.forge.github.own_code import check_own_code
    from socklat_gate.forge.github.target import merge_group_base
    from socklat_gate.job.entry import gate_job
    from socklat_gate.job.gate_from import planned_scenario
    from socklat_gate.job.nightly import nightly_scenario, release_of
    from socklat_gate.job.powers import powers_in
    from socklat_gate.job.progress import Progress
    from socklat_gate.job.settings import baselines_at, seed_or_random, with_limits
    from socklat_gate.report.formats.registry import FORMATS
    from socklat_gate.report.writer import check_writable, discard_reports, write_reports
    from socklat_gate.wording.sentence import plain

    check_writable(out)
    # First of all: a job that fails by its scenario must not leave the verdict of an earlier one.
    discard_reports(out)
    if baseline_image and baseline_ref:
        raise UsageError(
            Reason.BAD_ARGUMENT,
            "--baseline-image and --baseline-ref both name the reference",
            remedy="give one of them",
        )
    allowed = None if allow is None else powers_in(allow)
    if baseline_ref == "":
        baseline_ref = merge_group_base(os.environ) or _refuse_empty_ref()
    if gate_from == "":
        # Else limits that the group itself loosened would hold.
        gate_from = merge_group_base(os.environ)
    if nightly:
        check_own_code()
    planned, notes = planned_scenario(scenario, gate_from)
    release = None
    if nightly:
        planned = nightly_scenario(planned)
        release = baseline_image or release_of(planned, baseline_ref)
    loaded = with_limits(planned, max_pairs=max_pairs, max_minutes=max_minutes)
    with Progress(quiet=quiet) as progress:
        result = gate_job(
            scenario,
            loaded,
            baselines=baselines_at(baselines, scenario),
            seed=seed_or_random(seed),
            progress=progress,
            candidate_image=candidate_image,
            baseline_image=baseline_image,
            baseline_ref=baseline_ref,
            allow_same_image=allow_same_image,
            notes=notes,
            release=release,
            allowed=allowed,
        )
    report = write_reports(result, out)
    if as_json:
        emit_data(FORMATS["json"].render(report).removesuffix("\n"))
    else:
        emit(f"{result.verdict.outcome.value}: {plain(report.head.headline)}")
        emit(f"reports in {out}")
    if nightly:
        _keep_night(result, baselines_at(baselines, scenario))
    return int(result.verdict.outcome.exit_code)


def _refuse_empty_ref() -> NoReturn:
    raise UsageError(
        Reason.BAD_ARGUMENT,
        "--baseline-ref is empty",
        remedy="name a branch, tag or commit, such as main; GITHUB_BASE_REF is set in jobs of pull "
        "requests only. Leave the option out to compare with what is stored",
    )


def _keep_night(result: GateResult, baselines: str) -> None:
    """Store its estimates, whatever the verdict: a red night is a part of the series as well."""
    from socklat_gate.baseline.links import link_of, save_link
    from socklat_gate.baseline.open_store import open_store

    link = link_of(result, nightly=True)
    if link is None:
        why = "nothing was measured between two ends that are known: a commit, and a release"
        click.echo(f"the drift series has no link of this night: {why}", err=True)
        return
    with open_store(baselines) as store:
        name = save_link(store.place, link)
        click.echo(f"stored for the drift series: {store.place.display_name(name)}", err=True)
