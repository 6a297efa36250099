"""The workers get their tasks and open their connections."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import astuple
from typing import Any

from socklat_gate import masking
from socklat_gate.errors import InvalidMeasurement, Reason
from socklat_gate.load.load_driver import Endpoint
from socklat_gate.load.load_json import load_to_json
from socklat_gate.load.share import Share
from socklat_gate.load.worker_group import WorkerGroup
from socklat_gate.scenario import Load

__all__ = ["CONNECT_WITHIN_S", "check_begun", "connect_workers"]

CONNECT_WITHIN_S = 60.0
"""A worker itself gives up connecting after 5 s; the rest is for a slow start of Python."""


def connect_workers(
    group: WorkerGroup,
    load: Load,
    endpoints: Sequence[Endpoint],
    task: Mapping[str, object],
    sent_fds: Sequence[int],
    now_ns: Callable[[], int],
) -> None:
    """Give each its task, and wait until all connections are open.

    What has to be asked of the service before that (``load.setup``, types of gRPC messages) the
    first worker asks; the others get it from here.  ``task`` is the part of the first message that
    is the same for all, ``sent_fds`` are the descriptors that they began with, if any.  Raises
    `InvalidMeasurement` (LOAD_REFUSED, SETUP_FAILED, LOAD_DRIVER_FAILED), and `UsageError`
    (BAD_SECRET).
    """
    # Revealed here and by stdin alone: neither argument nor environment, and nothing is kept.
    document = load_to_json(load)
    everyone = range(len(group))
    hands_over = len(everyone) > 1 and bool(load.steps or load.driver == "grpc")

    def begin(workers: Sequence[int], saved: object, within_s: float) -> None:
        for at in workers:
            share = Share(at, len(everyone), load.connections)
            group.send(
                at,
                load={**document, **(share.limits(load) if len(everyone) > 1 else {})},
                secrets=masking.registered(),
                **task,
                sent_fd=sent_fds[at] if sent_fds else None,
                share=astuple(share) if len(everyone) > 1 else None,
                saved=saved,
                hands_over=hands_over and at == 0,
            )
        group.expect(workers)
        group.deadline_s = now_ns() / 1e9 + within_s

    of_setup_s = len(load.steps) * (CONNECT_WITHIN_S + load.timeout_s)
    begin(everyone[:1] if hands_over else everyone, None, CONNECT_WITHIN_S + of_setup_s)
    while group.awaited:
        at, event = group.receive()
        check_begun(event, endpoints, f" (load worker {at + 1} of {len(everyone)})" if at else "")
        for value in event["secrets"]:
            masking.register(value)
        if event["event"] == "prepared":
            document["descriptors"] = event["descriptors"]
            begin(everyone[1:], event["saved"], CONNECT_WITHIN_S)
        else:
            group.finished(at)


def check_begun(event: Mapping[str, Any], endpoints: Sequence[Endpoint], who: str = "") -> None:
    """Raises `InvalidMeasurement` for what keeps a worker, called ``who``, from its load."""
    if event["event"] == "unprepared":
        raise InvalidMeasurement(Reason.LOAD_REFUSED, event["error"], remedy=event["remedy"])
    if event["event"] == "unready":
        arm = endpoints[event["arm"]]
        raise InvalidMeasurement(
            Reason.SETUP_FAILED,
            f"{arm.name or f'{arm.host}:{arm.port}'}: load.setup: {event['error']}",
            remedy="send the request by hand and compare its response with what load.setup "
            "expects and saves of it",
        )
    if event["event"] == "refused":
        raise InvalidMeasurement(
            Reason.LOAD_REFUSED,
            f"the service at {event['endpoint']} did not take the load's connections{who}: "
            f"{event['error']}",
            remedy=event["remedy"]
            or "check service.port, that the service listens on all addresses (0.0.0.0) "
            "and that it allows load.connections clients",
        )
