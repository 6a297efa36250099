"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path

import click

__all__ = ["baselines_option", "out_option", "quiet_option", "seed_option"]

_PATH = click.Path(path_type=Path)

baselines_option = click.option(
    "--baselines",
    metavar="LOCATION",
    help="Stored baselines: a directory, git+branch:NAME[@REMOTE] or s3://BUCKET/PREFIX "
    "[baselines/ beside the scenario].",
)
out_option = click.option(
    "--out",
    metavar="DIR",
    type=_PATH,
    default=Path("socklat-out"),
    show_default=True,
    help="Where reports go.",
)
seed_option = click.option(
    "--seed",
    metavar="N",
    type=click.IntRange(0, 2**63 - 1),
    help="Seed of all coin flips [random, recorded].",
)
quiet_option = click.option("--quiet", is_flag=True, help="No progress on stderr.")
