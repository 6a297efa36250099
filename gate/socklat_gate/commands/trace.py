"""``socklat-gate trace``."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

import click

from socklat_gate.commands.help import command
from socklat_gate.commands.number_range import NumberRange
from socklat_gate.commands.output import emit, emit_data
from socklat_gate.commands.trace_metrics import listen_address, listening, served
from socklat_gate.errors import Exit, Interrupted, Reason, UsageError
from socklat_gate.interrupt import defer_signals, settle_signal

if TYPE_CHECKING:
    from socklat_gate.trace.snapshot import Snapshot
    from socklat_gate.trace.target import Target

__all__ = ["trace"]

_FILE_WIDTH = 160  # columns of a summary that goes to no terminal: everything has room


@command()
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
    help="Trace this port alone: of the container or process, or without either of the host.",
)
@click.option(
    "--interval",
    metavar="SECONDS",
    type=NumberRange(0.1, 60),
    default=1.0,
    show_default=True,
    help="Time between two snapshots.",
)
@click.option(
    "--duration",
    metavar="SECONDS",
    type=NumberRange(0.1),
    default=math.inf,
    help="End after this time [at Ctrl-C].",
)
@click.option("--full", is_flag=True, help="Also rx_stack, bridge, tx_stack, runq (cost more).")
@click.option("--json", "as_lines", is_flag=True, help="One JSON object a line on stdout.")
@click.option(
    "--listen",
    metavar="[ADDR:]PORT",
    help="Also serve the live numbers at /metrics, for Prometheus; without ADDR to this machine "
    "alone.",
)
def trace(
    container: str | None,
    pid: int | None,
    port: int | None,
    interval: float,
    duration: float,
    full: bool,
    as_lines: bool,
    listen: str | None,
) -> int:
    """Watch the latency of a running container, stage by stage; needs no scenario.

    Shows p50, p99 and max of every stage, counters, and the slowest exchanges with their stages.
    Ctrl-C ends it with a summary, and so does the end of the container or process.

    Where the time of an exchange goes: `response`, from the request's first byte to the response's
    last, is `service` (to its first) plus `respond` (the rest was written, `send_wait` of it with
    no room to send).  `service` is `recv_wait` (the request lay in the receive queue) plus `app`
    (the application worked, or waited for others: `depend`), with `upload` in it while a request
    came in pieces.  `deliver` is network and peer, until all of it was acknowledged.

    Of a container that listens on several ports, the one that its image declares comes first, with
    all stages as asked from outside, and then the response times of each other one.  --port chooses
    another.  What the container asks itself on that port is counted apart.

    For instance:

        socklat-gate trace shop-api

        socklat-gate trace shop-api --port 8080

        socklat-gate trace --port 8080 --duration 60 --json > trace.jsonl

        socklat-gate trace shop-api --listen 9464

    A terminal throws away at Ctrl-C what it has not shown yet, and may cut a line of JSON off;
    files and pipes get every line complete.
    """
    from socklat_gate.probe.privilege import drop_capabilities
    from socklat_gate.probe.probe import SocketProbe
    from socklat_gate.trace.lifetime import Lifetime
    from socklat_gate.trace.polling import poll_until
    from socklat_gate.trace.screen import Screen
    from socklat_gate.trace.snapshot import Live, slots_for

    address = listen_address(listen)
    target = _target(container, pid, port)
    stopped: Exit | None = None
    with (
        Lifetime(target.pid) as lifetime,
        listening(address) as server,
        Screen(target, full=full, silent=as_lines) as screen,
    ):
        screen.show_status("loading the probe ...")
        with SocketProbe(detail="full" if full else "headline", targets=slots_for(target)) as probe:
            live = Live(probe, target)
            drop_capabilities(still_works=live.take_snapshot)
            screen.show_status(f"watching {target.label} ...  Ctrl-C ends it with a summary")
            render: Callable[[Snapshot], bool] = screen.draw
            if as_lines:
                render = partial(_emit_line, target)
            if server is not None:
                # Not before: a thread keeps the capabilities that it begins with.
                render = served(server, target, live, render)
            try:
                poll_until(
                    live.take_snapshot, render, lifetime, interval_s=interval, duration_s=duration
                )
            except Interrupted as signal:
                stopped = signal.exit_code
            try:
                # Only now may a signal pass: the summary is what it is sent for.
                with defer_signals():
                    screen.close()
                    last = live.take_snapshot()
                    if as_lines:
                        _emit_line(target, last, final=True)
                    else:
                        _emit_summary(target, last, full=full)
                    if lifetime.wait(0):
                        click.echo(f"{target.label} has ended", err=True)
            except Interrupted as signal:
                stopped = signal.exit_code
            if stopped:
                settle_signal()
    # Ctrl-C is how a live view ends; a termination from outside keeps its code.
    return int(Exit.SIGTERM if stopped is Exit.SIGTERM else Exit.PASS)


def _target(container: str | None, pid: int | None, port: int | None) -> Target:
    from socklat_gate.trace.target import each_port, of_container, of_pid, of_port, on_one_port

    named = [value for value in (container, pid) if value is not None]
    if len(named) > 1 or (not named and port is None):
        raise UsageError(
            Reason.BAD_ARGUMENT,
            "give one of CONTAINER, --pid and --port, or --port with one of the others",
            remedy="socklat-gate trace my-container",
        )
    if not named:
        return of_port(port or 0)
    target = of_container(container) if container is not None else of_pid(pid or 0)
    return each_port(target) if port is None else on_one_port(target, port)


def _emit_line(target: Target, snapshot: Snapshot, *, final: bool = False) -> bool:
    from socklat_gate.trace.json_line import as_json

    return emit_data(json.dumps(as_json(target, snapshot, final=final), allow_nan=False))


def _emit_summary(target: Target, snapshot: Snapshot, *, full: bool) -> None:
    from rich.console import Console

    from socklat_gate.trace.rendering import as_tables

    console = Console(highlight=False, emoji=False)
    if not console.is_terminal:
        console.width = _FILE_WIDTH
    with console.capture() as captured:
        console.print(as_tables(target, snapshot, final=True, full=full, width=console.width))
    emit(captured.get().rstrip("\n"))
