"""``socklat-gate init``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from socklat_gate.commands.help import command
from socklat_gate.commands.options import quiet_option
from socklat_gate.commands.output import emit
from socklat_gate.errors import Reason, UsageError

if TYPE_CHECKING:
    from socklat_gate.init.traffic.proposal import Proposal
    from socklat_gate.job.progress import Progress

__all__ = ["init"]

PATH = click.Path(path_type=Path)


@command()
@click.argument("source", default=".")
@click.option(
    "--port",
    metavar="N",
    type=click.IntRange(1, 65535),
    help="Where it listens [from the image, or seen].",
)
@click.option(
    "--path", metavar="PATH", help="The path to load [one that responds well: /, or a usual one]."
)
@click.option("--service", metavar="NAME", help="The one under test of a compose file.")
@click.option("--no-start", is_flag=True, help="Do not start the image to try anything.")
@click.option(
    "--from-openapi", metavar="FILE", type=PATH, help="Requests: the operations of OpenAPI 2 or 3."
)
@click.option(
    "--from-har", metavar="FILE", type=PATH, help="Requests: those of a browser's recording."
)
@click.option(
    "--from-access-log",
    metavar="FILE",
    type=PATH,
    help="Requests: those of a log (common, combined, nginx, Caddy's or Envoy's JSON).",
)
@click.option(
    "--max-requests",
    metavar="N",
    type=click.IntRange(1, 100),
    default=30,
    show_default=True,
    help="Most requests to list; rarer ones are left out.",
)
@click.option(
    "--out",
    metavar="FILE",
    type=click.Path(path_type=Path, dir_okay=False),
    default=Path("socklat.toml"),
    show_default=True,
    help="Where the scenario goes.",
)
@click.option("--force", is_flag=True, help="Overwrite a scenario that is there.")
@quiet_option
def init(
    source: str,
    port: int | None,
    path: str | None,
    service: str | None,
    no_start: bool,
    max_requests: int,
    out: Path,
    force: bool,
    quiet: bool,
    **files: Path | None,
) -> None:
    """Write a commented socklat.toml for an image, a Dockerfile or a compose file.

    SOURCE is an image, a compose file, or a directory with either file (default: this one). It is
    built or pulled, started once, and its protocol is detected; rate and length of the load
    follow from its response time.

    What is sent comes from a file with --from-..., else from what the service offers: its OpenAPI
    document or the links of its page. Values in paths, queries and bodies are replaced, and
    secrets are left out: read the list before you commit it.

    For instance:

        socklat-gate init shop-api:dev
        socklat-gate init ./service --port 8080
        socklat-gate init docker-compose.yml --service api
        socklat-gate init shop-api:dev --from-access-log access.log
    """
    from socklat_gate.documents.atomic import write_atomic
    from socklat_gate.init.look import Wanted, look_at
    from socklat_gate.init.said import said
    from socklat_gate.init.scenario_text import scenario_text
    from socklat_gate.job.progress import Progress
    from socklat_gate.scenario.loader import load_scenario

    if path is not None and not path.startswith("/"):
        raise UsageError(
            Reason.BAD_ARGUMENT,
            f"--path {path!r} is no path of a URL",
            remedy="begin it with a slash: --path /orders",
        )
    if out.exists() and not force:
        raise _exists_error(out)
    with Progress(quiet=quiet) as progress:
        proposal = _read(files, max_requests, progress)
        beside = out.resolve().parent
        wanted = Wanted(source, beside, port, service, not no_start, max_requests, path)
        found, at, finding = look_at(wanted, proposal, progress)
    text = scenario_text(found, finding)
    try:
        write_atomic(out, text.encode(), overwrite=force)
    except FileExistsError:
        raise _exists_error(out) from None
    load_scenario(out)
    for line in said(found, at, finding, out):
        emit(line)


def _read(files: Mapping[str, Path | None], most: int, progress: Progress) -> Proposal | None:
    """The requests of the file that is given, if one is."""
    from socklat_gate.init.traffic.registry import read_proposal

    sizes = [path.stat().st_size for path in files.values() if path is not None and path.is_file()]
    progress.phase("reading requests")

    def on_bytes(done: int) -> None:
        progress.phase(f"reading requests: {done / 1e6:,.0f} of {sum(sizes) / 1e6:,.0f} MB")

    return read_proposal(files, most, on_bytes)


def _exists_error(out: Path) -> UsageError:
    return UsageError(
        Reason.OUTPUT_NOT_WRITABLE,
        f"{out} is there already",
        remedy="give another file with --out, or --force to overwrite it",
    )
