"""Replicas of both arms are started: two of a number together, in the order of a coin."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import TracebackType

from socklat_gate.errors import InvalidMeasurement
from socklat_gate.interrupt import obey_signal
from socklat_gate.job.starting_order import pair_seed, starting_order
from socklat_gate.scenario import Service
from socklat_gate.service.container_process import monotonic_ns
from socklat_gate.service.docker_types import DockerClient
from socklat_gate.service.free_networks import NetworkRoom, network_room
from socklat_gate.service.owner import start_ticks
from socklat_gate.service.session import ArmSpec, RunningArm, ServiceSession
from socklat_gate.wording.progress_lines import STARTING_REPLICAS, replica_ended

__all__ = ["FleetLaunch", "started_ns"]

COINS = 2_000_000
"""No pair and no round has this index: a replica's coin says nothing about theirs."""

MANY = 2
"""Of an arm: so its containers have numbers, and start at once."""

APART_S = 0.9
"""Between the starts of two numbers: what comes at one age of their processes is not one event."""


class FleetLaunch:
    """Context manager: a session of its own, beside that of the pairs, until all are removed.

    ``specs`` are in the order of ARMS.
    """

    def __init__(
        self,
        client: DockerClient,
        service: Service,
        directory: Path,
        specs: Sequence[ArmSpec],
        seed: int,
    ) -> None:
        self._client = client
        self._service = _unpublished(service)
        self._specs = [
            replace(spec, service=spec.service and _unpublished(spec.service)) for spec in specs
        ]
        self._seed = seed
        self._session = ServiceSession(client, self._service, directory)

    def __enter__(self) -> FleetLaunch:
        self._session.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._session.__exit__(kind, value, trace)

    def start(self, count: int, up: int, meanwhile: Callable[[], None]) -> list[RunningArm]:
        """The next ``count`` of each arm beside the ``up`` ones, ready, in the order of starting.

        ``meanwhile`` is called several times a second.  Raises `InvalidMeasurement` as
        `ServiceSession.add` does, with all of them removed.
        """
        obey_signal()
        groups = []
        for number in range(up, up + count):
            # Whoever starts first, and which CPUs each gets, is a coin's choice for each two.
            _, order = starting_order(self.seed_of(number), self._specs, self._service)
            groups.append([replace(spec, replica=number, replicas=MANY) for spec in order])
        try:
            return list(self._session.add(groups, APART_S, meanwhile=meanwhile))
        except InvalidMeasurement as error:
            raise error.while_at(STARTING_REPLICAS) from error

    def networks(self) -> NetworkRoom | None:
        """Those of stacks, and how many more there can be; None: no stacks, or not known."""
        if self._service.compose is None:
            return None
        return network_room(self._client, self._session.run_id)

    def check_alive(self, started: Callable[[], Mapping[str, int]]) -> None:
        """Raises `InvalidMeasurement` (SERVICE_DIED) for one that has ended, with its age.

        ``started`` gives the moments at which the processes began, by the containers' names.
        """
        ended = self._session.ended()
        if ended is None:
            return
        since_ns = started().get(ended)
        age_s = None if since_ns is None else (time.monotonic_ns() - since_ns) / 1e9
        try:
            self._session.check_alive()
        except InvalidMeasurement as error:
            raise error.while_at(replica_ended(age_s)) from error

    def stop(self) -> None:
        """Removes all of them."""
        self._session.stop()

    def seed_of(self, number: int) -> int:
        """Of what is by chance for the two of a number."""
        return pair_seed(self._seed, COINS + number)


def started_ns(pid: int) -> int:
    """When a process began (CLOCK_MONOTONIC), to 10 ms; now when it has ended already."""
    ticks = start_ticks(pid)
    return time.monotonic_ns() if ticks is None else monotonic_ns(ticks)


def _unpublished(service: Service) -> Service:
    """The ports on 127.0.0.1 are the pairs'."""
    return service.model_copy(update={"publish": None})
