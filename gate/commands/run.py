"""``socklat-gate run``."""

from __future__ import annotations

import time
from pathlib import Path

import rich_click as click

from gate.commands.options import out_option, quiet_option, seed_option, seed_or_random
from gate.commands.output import emit
from gate.environment import environment_facts
from gate.job.bench import Bench
from gate.job.completeness import completeness_of
from gate.job.progress import Progress
from gate.job.reference import image_under_test
from gate.job.single import measure_campaign
from gate.probe.privilege import check_privilege
from gate.report.headline import headline
from gate.report.sentence import plain
from gate.report.writer import check_writable, discard_reports, write_reports
from gate.result import Result
from gate.scenario_file import load_scenario
from gate.service.client import connect
from gate.service.sweep import sweep

__all__ = ["run"]


@click.command()
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
@out_option
@seed_option
@quiet_option
def run(
    scenario: Path, image: str | None, runs: int, out: Path, seed: int | None, quiet: bool
) -> None:
    """Measure one image alone, without a verdict.

    Each run is a fresh container.  The result can be stored with `socklat-gate baseline save`.

    For instance:

        socklat-gate run socklat.toml --image app:1.4 --runs 5 --out measured
    """
    loaded = load_scenario(scenario)
    check_writable(out)
    discard_reports(out)
    directory = scenario.resolve().parent
    client = connect()
    check_privilege()
    started_s = time.monotonic()
    seed = seed_or_random(seed)
    with Progress(quiet=quiet) as progress:
        for name in sweep(client):
            progress.line(f"removed what an earlier, killed run left: {name}")
        chosen = image_under_test(client, loaded, directory, image, progress.say)
        with Bench(client, loaded, directory, progress.say) as bench:
            campaign = measure_campaign(
                bench, loaded, directory, chosen, runs=runs, seed=seed, progress=progress
            )
            hooks, missed = bench.hooks, bench.missed
    result = Result(
        kind="run",
        scenario_name=loaded.name,
        scenario_hash=campaign.scenario_hash,
        created=campaign.created,
        commit=campaign.commit,
        seed=seed,
        duration_s=time.monotonic() - started_s,
        baseline_image="",
        candidate_image=chosen.reference,
        fingerprint=campaign.fingerprint,
        hooks=hooks,
        pairs=(),
        campaign=campaign,
        completeness=completeness_of(campaign.runs, missed),
        verdict=None,
        environment=environment_facts(campaign.fingerprint, campaign.noise),
        branch=campaign.branch,
    )
    paths = write_reports(result, out)
    emit(plain(headline(result)))
    emit(f"reports in {paths.markdown.parent}")
