"""Single containers on a private bridge network."""

from __future__ import annotations

import itertools
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import docker
import docker.errors

from socklat_gate.errors import Reason, UnfitEnvironment, UsageError
from socklat_gate.scenario import Service
from socklat_gate.service.arm import ArmSpec
from socklat_gate.service.arm_launcher import Call, PlacedContainer, Started
from socklat_gate.service.call_thread import at_once
from socklat_gate.service.client import daemon_errors, daemon_message
from socklat_gate.service.container_options import container_options
from socklat_gate.service.death import start_error
from socklat_gate.service.docker_types import DockerClient
from socklat_gate.service.owner import ARM_LABEL, OwnerTag

__all__ = ["Containers"]

log = logging.getLogger(__name__)

T = TypeVar("T")


class Containers:
    """`ArmLauncher` of one container an arm."""

    keeps_networks = True

    def __init__(
        self,
        client: DockerClient,
        service: Service,
        directory: Path,
        owner: OwnerTag,
        network: str,
    ) -> None:
        self._client = client
        self._service = service
        self._directory = directory
        self._owner = owner
        self._network = network
        self._serial = itertools.count(1)

    def open(self, call: Call) -> None:
        """Creates the network.  Raises `UnfitEnvironment` (NO_DOCKER) when Docker cannot."""
        labels = self._owner.labels()
        with daemon_errors(f"creating network {self._network}"):
            try:
                call(
                    lambda: self._client.api.create_network(
                        self._network, driver="bridge", labels=labels
                    )
                )
            except docker.errors.APIError as error:
                if "address pool" not in daemon_message(error):
                    raise
                raise UnfitEnvironment(
                    Reason.NO_DOCKER,
                    f"Docker has no addresses left for another network: {daemon_message(error)}",
                    remedy="remove networks that nobody uses (docker network prune), or add "
                    "default-address-pools to the daemon's configuration",
                ) from error

    def place(self, arms: Sequence[ArmSpec], call: Call, started: Started) -> list[PlacedContainer]:
        """Creates all containers at once, then starts them in the order given; a block's at once.

        One after the other they take the daemon 0.3 s each to create, and as long to start; but who
        of a pair starts first is a coin that is recorded.

        Raises `UsageError` (NO_SUCH_IMAGE, BAD_SCENARIO), `InvalidMeasurement` (SERVICE_DIED,
        PORT_TAKEN) in Docker's words, and what ``started`` raises.
        """
        # One call on the worker, which ends when all of its own have ended.
        created = call(lambda: at_once(self._create, arms))
        if any(spec.replicas > 1 for spec in arms):
            return call(lambda: at_once(lambda one: self._start(one, _directly, started), created))
        return [self._start(placed, call, started) for placed in created]

    def end(self) -> None:
        """The daemon's calls are short."""

    def cleared(self) -> None:
        """Containers have nothing beside them."""

    def close(self) -> None:
        """Nothing of it is outside of Docker."""

    def _create(self, spec: ArmSpec) -> PlacedContainer:
        name = f"{self._network}-{spec.name}-{next(self._serial)}"
        service, directory = spec.service or self._service, spec.directory or self._directory
        options = container_options(service, directory, spec)
        labels = {**self._owner.labels(), ARM_LABEL: spec.arm}
        with daemon_errors(f"creating container {name}"):
            try:
                container = self._client.containers.create(
                    name=name, network=self._network, labels=labels, **options
                )
            except docker.errors.ImageNotFound as error:
                raise UsageError(
                    Reason.NO_SUCH_IMAGE,
                    f"image {spec.image.reference} is gone: {daemon_message(error)}",
                    remedy="something removed it meanwhile (docker image prune?); run again",
                ) from error
            except docker.errors.APIError as error:
                if error.is_server_error():
                    raise
                raise UsageError(
                    Reason.BAD_SCENARIO,
                    f"Docker refuses the options of [service]: {daemon_message(error)}",
                    remedy="correct command, volumes, cpus, cpuset or memory in the scenario",
                ) from error
        log.info("created container %s from %s", name, spec.image.reference)
        return PlacedContainer(str(container.id), name, self._network)

    def _start(self, placed: PlacedContainer, call: Call, started: Started) -> PlacedContainer:
        ordered = replace(placed, ordered_ns=time.monotonic_ns())
        with daemon_errors(f"starting container {placed.name}"):
            try:
                call(lambda: self._client.api.start(placed.container_id))
            except docker.errors.APIError as error:
                raise start_error(placed.name, daemon_message(error)) from error
        log.info("started container %s", placed.name)
        started(ordered)
        return ordered


def _directly(call: Callable[[], T], /) -> T:
    return call()
