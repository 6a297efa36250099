"""``socklat-gate calibrate``."""

from __future__ import annotations

from pathlib import Path

import click

from socklat_gate.commands.help import command
from socklat_gate.commands.number_range import NumberRange
from socklat_gate.commands.options import (
    allow_option,
    baselines_option,
    out_option,
    quiet_option,
    seed_option,
)
from socklat_gate.commands.output import align, emit

__all__ = ["calibrate"]

_FILE = "calibration.json"
MIN_PAIRS = 6  # as of `verdict.resampling`, which imports scipy


@command()
@click.argument("scenario", type=click.Path(path_type=Path))
@click.option("--image", metavar="IMAGE", help="Image to measure [from the scenario].")
@click.option(
    "--pairs",
    metavar="N",
    type=click.IntRange(MIN_PAIRS, 1000),
    default=20,
    show_default=True,
    help="Pairs to measure; more of them bound the false-alarm rate closer.",
)
@click.option(
    "--minutes",
    metavar="N",
    type=NumberRange(0, 1440, min_open=True),
    default=60.0,
    show_default=True,
    help="Begin no pair after this time.",
)
@allow_option
@baselines_option
@out_option
@seed_option
@quiet_option
def calibrate(
    scenario: Path,
    image: str | None,
    pairs: int,
    minutes: float,
    allow: str | None,
    baselines: str | None,
    out: Path,
    seed: int | None,
    quiet: bool,
) -> None:
    """Study this runner: its noise, the gate's false-alarm rate and minimum detectable effect.

    Measures pairs of one image and itself (A/A) and resamples gate jobs from them.  Later gates
    with the same scenario on this runner quote the study.

    For instance:

        socklat-gate calibrate socklat.toml --pairs 30
    """
    from socklat_gate.baseline.calibrations import save_calibration, write_calibration
    from socklat_gate.baseline.open_store import open_store
    from socklat_gate.job.aa_job import CalibrationJob
    from socklat_gate.job.entry import ready_client
    from socklat_gate.job.images import image_under_test
    from socklat_gate.job.powers import powers_in
    from socklat_gate.job.progress import Progress
    from socklat_gate.job.require_inputs import require_inputs
    from socklat_gate.job.settings import baselines_at, seed_or_random
    from socklat_gate.job.stored_rate import stored_rate
    from socklat_gate.report.writer import check_writable, discard
    from socklat_gate.scenario.loader import load_scenario
    from socklat_gate.service.built_images import BuiltImages
    from socklat_gate.wording.calibration_text import calibration_lines, calibration_rows

    loaded = load_scenario(scenario)
    require_inputs(scenario, loaded, None if allow is None else powers_in(allow))
    check_writable(out)
    discard(out / _FILE)
    directory = scenario.resolve().parent
    location = baselines_at(baselines, scenario)
    with Progress(quiet=quiet) as progress:
        client = ready_client(progress)
        with open_store(location, progress.line) as store, BuiltImages(client) as built:
            # A place that cannot be reached is better known now than after an hour.
            store.has(loaded.name)
            job = CalibrationJob(
                client=client,
                scenario=loaded,
                directory=directory,
                image=image_under_test(client, loaded, directory, image, progress.phase, built),
                pairs=pairs,
                minutes=minutes,
                seed=seed_or_random(seed),
                progress=progress,
                known_rate=stored_rate(store, loaded),
            )
            found = job.run()
            write_calibration(out / _FILE, found)
            stored = store.place.display_name(save_calibration(store.place, found))
    first, *others = calibration_lines(found, loaded.gate)
    for text in (first, align(calibration_rows(found)), *others):
        emit(text)
    emit(f"stored as {stored} and {out / _FILE}")
