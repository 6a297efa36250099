"""Options that several commands share."""

from __future__ import annotations

import os
from pathlib import Path

import click

__all__ = [
    "OUT_DIR",
    "allow_option",
    "baselines_option",
    "out_option",
    "quiet_option",
    "seed_option",
]


class _NamedPath(click.Path):
    """A path that has a name: that of a variable which nothing sets would be the directory here."""

    def convert(
        self,
        value: str | os.PathLike[str],
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> str | bytes | os.PathLike[str]:
        """Refuses an empty one; "." is the directory here."""
        if not os.fspath(value):
            self.fail('it is empty (a variable that is not set?); "." is the directory here', param)
        return super().convert(value, param, ctx)


OUT_DIR = _NamedPath(path_type=Path)
"""Where reports go: those of an earlier run there are removed."""

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
    type=OUT_DIR,
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
