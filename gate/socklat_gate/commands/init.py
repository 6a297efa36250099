"""``socklat-gate init``."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import click

from socklat_gate.commands.help import command
from socklat_gate.commands.options import quiet_option
from socklat_gate.commands.output import emit
from socklat_gate.errors import InvalidMeasurement, Reason, UsageError

if TYPE_CHECKING:
    from socklat_gate.init.source import Source
    from socklat_gate.load.protocols.protocol import DetectedProtocol

__all__ = ["init"]


@command()
@click.argument("source", default=".")
@click.option(
    "--port", metavar="N", type=click.IntRange(1, 65535), help="Where it listens [from the image]."
)
@click.option("--service", metavar="NAME", help="The one under test of a compose file.")
@click.option("--no-start", is_flag=True, help="Do not start the image to detect its protocol.")
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
    service: str | None,
    no_start: bool,
    out: Path,
    force: bool,
    quiet: bool,
) -> None:
    """Write a commented socklat.toml for an image, a Dockerfile or a compose file.

    SOURCE is an image, a compose file, or a directory with either file (default: this one). It is
    built or pulled, started once, and its protocol is detected; rate and length of the load
    follow from its response time.

    For instance:

        socklat-gate init shop-api:dev
        socklat-gate init ./service --port 8080
        socklat-gate init docker-compose.yml --service api
    """
    from socklat_gate.documents.atomic import write_atomic
    from socklat_gate.init.detection import detect, guess
    from socklat_gate.init.scenario_text import scenario_text
    from socklat_gate.init.source import chosen_port, find_source
    from socklat_gate.job.progress import Progress
    from socklat_gate.scenario.loader import load_scenario
    from socklat_gate.service.client import connect

    if out.exists() and not force:
        raise _exists_error(out)
    client = connect()
    with Progress(quiet=quiet) as progress:
        found = find_source(client, source, out.resolve().parent, progress.phase, service)
        at = chosen_port(found, port)
        if no_start:
            detected = guess(at, "--no-start was given")
        else:
            try:
                detected = detect(client, found, at, out.resolve().parent, progress.phase)
            except InvalidMeasurement as error:
                detected = guess(at, "the image did not start alone")
                progress.line(f"{error.message}")
    try:
        write_atomic(out, scenario_text(found, at, detected).encode(), overwrite=force)
    except FileExistsError:
        raise _exists_error(out) from None
    load_scenario(out)
    emit(f"wrote {out}: {_summary(found, at, detected)}")
    for step in _next_steps(found, out, detected):
        emit(step)


def _exists_error(out: Path) -> UsageError:
    return UsageError(
        Reason.OUTPUT_NOT_WRITABLE,
        f"{out} is there already",
        remedy="give another file with --out, or --force to overwrite it",
    )


def _summary(found: Source, port: int, detected: DetectedProtocol) -> str:
    from socklat_gate.load.protocols.http_detection import HTTP

    if not detected.verified:
        return f"{found}, port {port}, {detected.protocol.name} by its number ({detected.problem})"
    took = f", {1000 * detected.latency_s:.3g} ms" if detected.latency_s else ""
    if detected.protocol is HTTP:
        by = f", where {detected.redirected_from} redirects to" if detected.redirected_from else ""
        text = f"GET {detected.path} {detected.status}{took}{by}"
        return f"{found} speaks HTTP on port {port}: {text}"
    return f"{found} speaks {detected.protocol.name} on port {port}{took}"


def _next_steps(found: Source, out: Path, detected: DetectedProtocol) -> list[str]:
    from socklat_gate.load.protocols.http_detection import HTTP
    from socklat_gate.measured.names import BAD_STATUS, REDIRECT

    steps = []
    if detected.protocol is HTTP and detected.status >= BAD_STATUS:
        steps.append(
            f"first: set load.path to one that responds well; {detected.status} counts as an error"
        )
    elif detected.protocol is HTTP and detected.status >= REDIRECT:
        steps.append(
            f"first: set load.path to one that responds itself; {detected.path} responded "
            f"{detected.status}, a redirect that is not followed"
        )
    elif not detected.verified:
        steps.append("first: read [load] and correct what the service does not understand")
    scenario = shlex.quote(str(out))
    reference = shlex.quote(found.image.reference)
    return [
        *steps,
        "then:",
        "  socklat-gate doctor",
        f"  socklat-gate gate {scenario} --baseline-image {reference}",
    ]
