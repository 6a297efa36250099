"""What the pairs of a gate ask of the replicas beside them, and the answer where there are none."""

from __future__ import annotations

from typing import Protocol

from socklat_gate.measured.watch import Watch

__all__ = ["NO_FLEET", "Watching"]


class Watching(Protocol):
    """See `job.fleet.Fleet`."""

    @property
    def missing(self) -> bool:
        """Whether there will be no replicas, though a pass needs them."""

    def grow(self) -> None:
        """Starts the next replicas, if there are more to come."""

    def renew(self) -> None:
        """Replaces all replicas by new ones, where that is possible."""

    def watch(self) -> Watch | None:
        """All that is known now; None where nothing is watched."""

    def wait(self, seconds: float) -> None:
        """Watches on while nothing is measured."""

    def finish(self) -> None:
        """Ends the loads, so that `watch` has the driver's counts."""


class _NoFleet:
    missing = False

    def grow(self) -> None:
        pass

    def renew(self) -> None:
        pass

    def watch(self) -> None:
        pass

    def wait(self, seconds: float) -> None:
        pass

    def finish(self) -> None:
        pass


NO_FLEET: Watching = _NoFleet()
