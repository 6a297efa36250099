"""``socklat-gate trace``."""

from __future__ import annotations

import json
import time
from collections.abc import Callable

import rich_click as click
from rich.console import Console
from rich.live import Live as Display
from rich.text import Text

from gate.commands.output import emit
from gate.errors import Exit, Interrupted, Reason, UsageError
from gate.interrupt import settle_signal, shielded
from gate.probe.privilege import drop_capabilities
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
    ends_s: float | None = None
    stopped: Exit | None = None
    with SocketProbe(detail="full" if full else "headline") as probe:
        live = Live(probe, target)
        drop_capabilities(still_works=live.look)
        if duration:
            ends_s = time.monotonic() + duration
        try:
            _follow(live, target, interval, ends_s, as_lines)
        except Interrupted as signal:
            stopped = signal.exit_code
        last, stopped = _last_look(live, stopped)
    if stopped:
        settle_signal()
    if as_lines:
        _emit_line(target, last)
    else:
        Console(highlight=False).print(as_tables(target, last, final=True))
    if target.ended:
        click.echo(f"{target.label} has ended", err=True)
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
    """Looks every ``interval_s`` until the end; the caller takes the last look.

    Raises `Interrupted`.
    """
    if as_lines:
        _repeat(live, target, interval_s, ends_s, lambda look: _emit_line(target, look))
        return
    console = Console(stderr=True, highlight=False)
    waiting = Text(f"watching {target.label} ...")
    with Display(waiting, console=console, transient=True, auto_refresh=False) as display:

        def draw(look: Look) -> bool:
            display.update(as_tables(target, look, height=console.height), refresh=True)
            return True

        display.refresh()
        _repeat(live, target, interval_s, ends_s, draw)


def _repeat(
    live: Live,
    target: Target,
    interval_s: float,
    ends_s: float | None,
    show: Callable[[Look], bool],
) -> None:
    """Until ``show`` says that nobody reads it, the target ends or the time is over."""
    while True:
        left_s = interval_s if ends_s is None else min(interval_s, ends_s - time.monotonic())
        if left_s <= 0:
            return
        time.sleep(left_s)
        if target.ended or (ends_s is not None and time.monotonic() >= ends_s):
            return
        # A signal would cut a line off half-way, or get lost in the callback for the spikes.
        with shielded():
            if not show(live.look()):
                return


def _last_look(live: Live, stopped: Exit | None) -> tuple[Look, Exit | None]:
    """The look of the summary, and the signal that has come, were it meanwhile."""
    look: Look | None = None
    try:
        with shielded():
            look = live.look()
    except Interrupted as signal:
        stopped = signal.exit_code
    assert look is not None
    return look, stopped


def _emit_line(target: Target, look: Look) -> bool:
    return emit(json.dumps(as_json(target, look), allow_nan=False))
