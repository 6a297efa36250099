"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path

import click

__all__ = ["allow_option", "baselines_option", "out_option", "quiet_option", "seed_option"]

_PATH = click.Path(path_type=Path)

allow_option = click.option(
    "--allow",
    "allow",
    metavar="WORDS",
    help="In a pull request's job: what its scenario may do beyond its containers, of commands, "
    "mounts, files, privileged, docker-socket, host-namespaces [nothing, or SOCKLAT_ALLOW].",
)
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
