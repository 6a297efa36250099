"""``socklat-gate trace``."""

from __future__ import annotations

import json
import time

import rich_click as click
from rich.console import Console
from rich.live import Live as Display

from gate.commands.output import emit
from gate.errors import Exit, Interrupted, Reason, UsageError
from gate.probe.probe import SocketProbe
from gate.trace.live import Live, Look
from gate.trace.show import as_json, as_tables
from gate.trace.target import Target, of_container, of_pid, of_port

__all__ = ["trace"]


@click.command()
@click.argument("container", required=False)
@click.option(
    "--pid",
    metavar="PID",
    type=click.IntRange(1),
    help="Trace the network of this process instead.",
)
@click.option(
    "--port",
    metavar="PORT",
    type=click.IntRange(1, 65535),
    help="Trace this port of the host instead.",
)
@click.option(
    "--interval",
    metavar="SECONDS",
    type=click.FloatRange(0.1, 60),
    default=1.0,
    show_default=True,
    help="How often to look.",
)
@click.option(
    "--duration", metavar="SECONDS", type=click.FloatRange(0.1), help="Then stop [until Ctrl-C]."
)
@click.option("--full", is_flag=True, help="Also rx_stack, bridge, tx_stack, runq (cost more).")
@click.option("--json", "as_lines", is_flag=True, help="One JSON object a line on stdout.")
def trace(
    container: str | None,
    pid: int | None,
    port: int | None,
    interval: float,
    duration: float | None,
    full: bool,
    as_lines: bool,
) -> int:
    """Watch the latency of a running container, stage by stage; needs no scenario.

    Shows p50, p99 and max of every stage, counters, and the slowest exchanges with their stages.
    Ctrl-C ends it with a summary.

    For instance:

        socklat-gate trace shop-api

        socklat-gate trace --port 8080 --duration 60 --json
    """
    target = _target(container, pid, port)
    stopped: Exit | None = None
    with SocketProbe(detail="full" if full else "headline") as probe:
        live = Live(probe, target)
        ends_s = time.monotonic() + duration if duration else None
        try:
            _follow(live, target, interval, ends_s, as_lines)
        except Interrupted as signal:
            stopped = signal.exit_code
        last = live.look()
    if as_lines:
        emit(json.dumps(as_json(target, last)))
    else:
        Console(highlight=False).print(as_tables(target, last, final=True))
    # Ctrl-C is how a live view ends; a termination from outside keeps its code.
    return int(Exit.SIGTERM if stopped is Exit.SIGTERM else Exit.PASS)


def _target(container: str | None, pid: int | None, port: int | None) -> Target:
    given = [value for value in (container, pid, port) if value is not None]
    if len(given) != 1:
        raise UsageError(
            Reason.BAD_ARGUMENT,
            "give one of CONTAINER, --pid and --port",
            remedy="socklat-gate trace my-container",
        )
    if container is not None:
        return of_container(container)
    return of_pid(pid) if pid is not None else of_port(port or 0)


def _follow(
    live: Live, target: Target, interval_s: float, ends_s: float | None, as_lines: bool
) -> None:
    """Looks every ``interval_s`` until the end; the caller takes the last look."""

    def looks() -> Look | None:
        left_s = interval_s if ends_s is None else min(interval_s, ends_s - time.monotonic())
        if left_s <= 0:
            return None
        time.sleep(left_s)
        return live.look() if ends_s is None or time.monotonic() < ends_s else None

    if as_lines:
        while look := looks():
            emit(json.dumps(as_json(target, look)))
        return
    with Display(console=Console(stderr=True), transient=True, auto_refresh=False) as display:
        while look := looks():
            display.update(as_tables(target, look), refresh=True)
