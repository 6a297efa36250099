"""``socklat-gate trace --listen``: the live numbers for whoever scrapes them."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from socklat_gate.trace.serving import Address, MetricsServer
    from socklat_gate.trace.snapshot import Live, Snapshot
    from socklat_gate.trace.target import Target

__all__ = ["listen_address", "listening", "served"]


def listen_address(listen: str | None) -> Address | None:
    """Where to listen; None: nowhere.  Raises as `address_of`."""
    if listen is None:
        return None
    from socklat_gate.trace.serving import address_of

    return address_of(listen)


def listening(address: Address | None) -> AbstractContextManager[MetricsServer | None]:
    """A server that answers nobody yet; says where it will.  Raises `UsageError`."""
    if address is None:
        return nullcontext()
    from socklat_gate.trace.serving import MetricsServer

    server = MetricsServer(address)
    who = ", which everybody can read who reaches it" if server.is_public else ""
    click.echo(f"metrics at {server.url}{who}", err=True)
    return server


def served(
    server: MetricsServer, target: Target, live: Live, render: Callable[[Snapshot], bool]
) -> Callable[[Snapshot], bool]:
    """``render`` for snapshots that the server has from then on, too."""
    from socklat_gate.trace.exposition import LiveMetrics

    metrics = LiveMetrics(target, live.take_snapshot())
    server.start(metrics.render)

    def both(snapshot: Snapshot) -> bool:
        metrics.add(snapshot)
        return render(snapshot)

    return both
