"""``socklat-gate capacity``."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import click

from socklat_gate.commands.help import command
from socklat_gate.commands.number_range import NumberRange
from socklat_gate.commands.options import allow_option, out_option, quiet_option, seed_option
from socklat_gate.commands.output import emit
from socklat_gate.errors import Exit, Reason, UsageError

__all__ = ["capacity"]

_FILE = "capacity.json"


@command()
@click.argument("scenario", type=click.Path(path_type=Path))
@click.option("--baseline-image", metavar="IMAGE", help="Reference [from the scenario].")
@click.option("--candidate-image", metavar="IMAGE", help="Image under test [from the scenario].")
@click.option(
    "--within-ms",
    metavar="N",
    type=NumberRange(0, 600_000, min_open=True),
    help="A response counts if it comes within this [10 times the baseline's p99 at a low rate].",
)
@click.option(
    "--share",
    metavar="X",
    type=NumberRange(0.5, 0.999),
    default=0.99,
    show_default=True,
    help="Part of the requests that must get one for a rate to count as carried.",
)
@click.option(
    "--tolerance",
    metavar="X",
    type=NumberRange(0, 0.5, min_open=True),
    default=0.05,
    show_default=True,
    help="Loss of capacity that is accepted.",
)
@click.option(
    "--threshold",
    metavar="X",
    type=NumberRange(0, 0.9, min_open=True),
    default=0.15,
    show_default=True,
    help="Loss of capacity that must fail.",
)
@click.option(
    "--minutes",
    metavar="N",
    type=NumberRange(0, 1440, min_open=True),
    default=5.0,
    show_default=True,
    help="Begin no round after this time.",
)
@click.option(
    "--allow-same-image",
    is_flag=True,
    help="Measure one image against itself, instead of saying that nothing is compared.",
)
@allow_option
@out_option
@seed_option
@quiet_option
def capacity(
    scenario: Path,
    baseline_image: str | None,
    candidate_image: str | None,
    within_ms: float | None,
    share: float,
    tolerance: float,
    threshold: float,
    minutes: float,
    allow_same_image: bool,
    allow: str | None,
    out: Path,
    seed: int | None,
    quiet: bool,
) -> int:
    """Compare the highest rates that two images carry; the exit code is the verdict.

    Climbs one staircase an arm, step by step in turns: the rate doubles until it is not carried,
    then the bracket is halved.  Rounds on fresh containers go on until the evidence is in.  Needs
    Docker, no BPF.

    For instance:

        socklat-gate capacity socklat.toml --baseline-image app:1.4
    """
    from socklat_gate.documents.capacity import write_capacity
    from socklat_gate.job.capacity_job import CapacityJob
    from socklat_gate.job.entry import docker_client
    from socklat_gate.job.images import image_under_test
    from socklat_gate.job.powers import powers_in
    from socklat_gate.job.progress import Progress
    from socklat_gate.job.require_inputs import require_inputs
    from socklat_gate.job.same_image import same_image
    from socklat_gate.job.settings import seed_or_random
    from socklat_gate.report.writer import check_writable, discard
    from socklat_gate.scenario.loader import load_scenario
    from socklat_gate.service.built_images import BuiltImages
    from socklat_gate.service.image import resolve_image
    from socklat_gate.wording.capacity_text import capacity_lines
    from socklat_gate.wording.same_image_text import same_image_text

    if threshold <= tolerance:
        raise UsageError(
            Reason.BAD_ARGUMENT,
            f"--threshold {threshold:g} is not above --tolerance {tolerance:g}",
            remedy="raise the first or lower the second",
        )
    loaded = load_scenario(scenario)
    require_inputs(scenario, loaded, None if allow is None else powers_in(allow))
    if loaded.load.driver == "command":
        raise UsageError(
            Reason.BAD_SCENARIO,
            f'{scenario}: load.driver = "command" cannot be sent at other rates',
            remedy='use a driver of our own, "http" or "tcp"',
        )
    reference = baseline_image or loaded.baseline.image
    if reference is None:
        raise UsageError(
            Reason.BAD_ARGUMENT,
            "no reference is named",
            remedy="give --baseline-image, or baseline.image in the scenario",
        )
    check_writable(out)
    discard(out / _FILE)
    directory = scenario.resolve().parent
    with Progress(quiet=quiet) as progress, ExitStack() as keep:
        client = docker_client(progress)
        built = keep.enter_context(BuiltImages(client))
        always = loaded.baseline.pull == "always"
        baseline = resolve_image(client, reference, progress.phase, always=always)
        candidate = image_under_test(
            client, loaded, directory, candidate_image, progress.phase, built
        )
        alike = same_image(loaded, baseline, candidate)
        if alike is not None and not allow_same_image:
            emit(f"inconclusive: {same_image_text(alike.numbers)}")
            return int(Exit.INCONCLUSIVE)
        job = CapacityJob(
            client=client,
            scenario=loaded,
            directory=directory,
            baseline=baseline,
            candidate=candidate,
            seed=seed_or_random(seed),
            progress=progress,
            within_ms=within_ms,
            share=share,
            tolerance=tolerance,
            threshold=threshold,
            minutes=minutes,
        )
        result = job.run()
    write_capacity(out / _FILE, result)
    for line in capacity_lines(result):
        emit(line)
    emit(f"written to {out / _FILE}")
    return int(result.verdict.outcome.exit_code)
