"""The driver process: ``python -m socklat_gate.load.worker``, JSON lines on stdin and stdout.

Its own process, because the gate's other work (reading histograms, talking to Docker) must not
delay a request.  The messages, with all times in ns of CLOCK_MONOTONIC::

    <- {"load": {...}, "secrets": [...], "endpoints": [[host, port], ...], "seed": 7,
        "interleave": "request", "slice_ms": 100.0, "sent_fd": null,
        "share": null, "saved": null, "hands_over": false}
    -> {"event": "unprepared", "error": ..., "remedy": ...}  if no request can be written, or else
    -> {"event": "prepared", "saved": [{...}, ...], "descriptors": ..., "secrets": [...]}
                                                            if it ``hands_over``, and then
    -> {"event": "connected", "secrets": [...]}
       or {"event": "refused", "endpoint": ..., ...}
       or {"event": "unready", "arm": 0, "error": ...}     when the setup failed
    <- {"start_ns": 123}
    -> {"event": "progress", "sent": 10, "responded": 9}     at most once a second
    -> {"event": "unprepared", ...}                         when a later one cannot be written
    <- {"end_ns": 456}                                      at most once, to end early
    -> {"event": "done", "arms": [{...}, ...]}              see socklat_gate.load.worker_json

Into the descriptor ``sent_fd``, if there is one, it writes rows of `measured.records.SENT` before.

Of several workers each has a ``share`` (worker, workers, connections of all; see `load.share`), and
its connections stand in ``load``.  The first ``hands_over`` what it learnt from the service before
the load, which the others are given as ``saved`` (variables by arm) and within ``load``.

It ends when stdin closes, so it cannot outlive the process that started it, and on SIGTERM.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import resource
import signal
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from socklat_gate import masking
from socklat_gate.errors import Exit
from socklat_gate.load.clock import Clock
from socklat_gate.load.dialer import ConnectFailed, Network
from socklat_gate.load.driver import Driver
from socklat_gate.load.preparation import prepare, row_text
from socklat_gate.load.request_log import MAX_ERROR_TEXT
from socklat_gate.load.setup_run import SetupFailed
from socklat_gate.load.unprepared import Unprepared, unsendable_ends
from socklat_gate.load.values import Values
from socklat_gate.load.worker_json import part_to_json
from socklat_gate.load.worker_task import Task
from socklat_gate.refusals import refusal_of

if TYPE_CHECKING:
    from socklat_gate.scenario import Load

__all__ = ["Event", "main", "serve"]

Event = Mapping[str, object]
WriteEvent = Callable[[Event], None]

MAX_LINE = 256 << 20
"""The load comes with the rows of its feeder."""


def main() -> int:
    """Drive the load that stdin asks for.

    The exit code is 0, 3 where the system refused what the driver needs, and else that of a defect.
    """
    _raise_descriptor_limit()
    try:
        import uvloop  # noqa: PLC0415 - an extra
    except ImportError:
        run = asyncio.run
    else:
        run = uvloop.run
    try:
        return run(_main())
    except BrokenPipeError:
        # The parent is gone; without this the interpreter complains when it flushes stdout.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:
        refused = refusal_of(error)
        if refused is None:
            raise
        sys.stderr.write(f"{refused.message}\n")
        return Exit.UNFIT_ENVIRONMENT


async def _main() -> int:
    loop = asyncio.get_running_loop()
    commands = asyncio.StreamReader(limit=MAX_LINE)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(commands), sys.stdin)
    session = asyncio.ensure_future(serve(commands, _write_event))
    loop.add_signal_handler(signal.SIGTERM, session.cancel)
    broken: list[BaseException] = []

    def on_bug(_: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        # Callbacks that raise would otherwise be logged and the load go on without them.
        error = context.get("exception")
        if error is not None and not isinstance(error, OSError):
            broken.append(error)
            session.cancel()

    loop.set_exception_handler(on_bug)
    with suppress(asyncio.CancelledError):
        await session
    if broken:
        raise broken[0]
    return 0


async def serve(
    commands: asyncio.StreamReader,
    write_event: WriteEvent,
    clock: Clock | None = None,
    network: Network | None = None,
) -> None:
    """One task from ``commands`` to its counts; events go to ``write_event``."""
    first = await commands.readline()
    if not first:
        return
    task = asyncio.current_task()
    assert task is not None
    given = Task.from_json(json.loads(first))
    if given.saved is None:
        try:
            await prepare(given.load, given.endpoints, network)
        except Unprepared as error:
            write_event(_unprepared(error))
            return
    portion = given.portion()
    driver = Driver(given.load, given.endpoints, portion, given.seed, clock, network)
    with unsendable_ends(task) as unsendable:
        try:
            await _drive(driver, commands, task, write_event, given)
        except asyncio.CancelledError:
            if not unsendable:
                raise
            values = Values(given.seed, given.load.rows, numbers=portion.numbers)
            row = values.row_of(unsendable[0].request or 0)
            write_event(_unprepared(unsendable[0].filled_by(row_text(row))))


async def _drive(
    driver: Driver,
    commands: asyncio.StreamReader,
    task: asyncio.Task[object],
    write_event: WriteEvent,
    given: Task,
) -> None:
    """From connecting to the counts; ``task`` ends with the ``commands``."""
    begun = asyncio.Event()

    async def listen() -> None:
        while line := await commands.readline():
            order = json.loads(line)
            if "start_ns" in order:
                driver.begin(order["start_ns"])
                begun.set()
            else:
                driver.end_at(order["end_ns"])
        task.cancel()

    listener = asyncio.ensure_future(listen())
    try:
        saved = await driver.set_up() if given.saved is None else given.saved
        if given.hands_over:
            write_event(_prepared(given.load, saved, driver.secrets()))
        await driver.connect(saved)
        masking.be_ready()
        write_event({"event": "connected", "secrets": driver.secrets()})
        await begun.wait()
        counts = await driver.run(
            lambda sent, responded: write_event(
                {"event": "progress", "sent": sent, "responded": responded}
            )
        )
        await driver.close()
        if given.sent_fd is not None:
            with open(given.sent_fd, "wb", closefd=False) as sent:
                sent.write(driver.sent().tobytes())
        write_event({"event": "done", "arms": [part_to_json(arm) for arm in counts]})
    except ConnectFailed as refusal:
        write_event(
            {
                "event": "refused",
                "endpoint": refusal.endpoint,
                "error": masking.mask(refusal.error),
                "remedy": refusal.remedy,
            }
        )
    except SetupFailed as failure:
        text = masking.mask_cut(failure.error)[:MAX_ERROR_TEXT]
        write_event({"event": "unready", "arm": failure.arm, "error": text})
    finally:
        listener.cancel()


def _unprepared(error: Unprepared) -> Event:
    text = masking.mask(str(error))
    return {"event": "unprepared", "error": text, "remedy": error.remedy}


def _prepared(load: Load, saved: list[dict[str, str]], secrets: list[str]) -> Event:
    """What other workers need as well."""
    descriptors = base64.b64encode(load.descriptors).decode()
    return {"event": "prepared", "saved": saved, "descriptors": descriptors, "secrets": secrets}


def _write_event(event: Event) -> None:
    sys.stdout.write(json.dumps(event, separators=(",", ":")) + "\n")
    sys.stdout.flush()


def _raise_descriptor_limit() -> None:
    """Each connection is a descriptor; the usual soft limit of 1024 would end the pool early."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


if __name__ == "__main__":
    sys.exit(main())
