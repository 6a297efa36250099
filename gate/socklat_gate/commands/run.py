"""``socklat-gate run``."""

from __future__ import annotations

from pathlib import Path

import click

from socklat_gate.commands.help import command
from socklat_gate.commands.options import (
    allow_option,
    baselines_option,
    out_option,
    quiet_option,
    seed_option,
)
from socklat_gate.commands.output import emit

__all__ = ["run"]


@command()
@click.argument("scenario", type=click.Path(path_type=Path))
@click.option("--image", metavar="IMAGE", help="Image to measure [from the scenario].")
@click.option(
    "--runs",
    metavar="N",
    type=click.IntRange(1, 1000),
    default=5,
    show_default=True,
    help="Fresh containers to measure.",
)
@allow_option
@baselines_option
@out_option
@seed_option
@quiet_option
def run(
    scenario: Path,
    image: str | None,
    runs: int,
    allow: str | None,
    baselines: str | None,
    out: Path,
    seed: int | None,
    quiet: bool,
) -> None:
    """Measure one image alone, without a verdict.

    Each run is a fresh container.  The result can be stored with `socklat-gate baseline save`.
    What is stored is read for the rate of `load.rate = "auto"`, and for nothing else.

    For instance:

        socklat-gate run socklat.toml --image app:1.4 --runs 5 --out measured
    """
    from socklat_gate.job.entry import run_job
    from socklat_gate.job.powers import powers_in
    from socklat_gate.job.progress import Progress
    from socklat_gate.job.settings import seed_or_random
    from socklat_gate.report.writer import check_writable, discard_reports, write_reports
    from socklat_gate.scenario.loader import load_scenario
    from socklat_gate.wording.sentence import plain

    check_writable(out)
    # First of all: a job that fails by its scenario must not leave the numbers of an earlier one.
    discard_reports(out)
    allowed = None if allow is None else powers_in(allow)
    loaded = load_scenario(scenario)
    with Progress(quiet=quiet) as progress:
        result = run_job(
            scenario,
            loaded,
            runs=runs,
            seed=seed_or_random(seed),
            progress=progress,
            image=image,
            baselines=baselines,
            allowed=allowed,
        )
    report = write_reports(result, out)
    emit(plain(report.head.headline))
    emit(f"reports in {out}")
