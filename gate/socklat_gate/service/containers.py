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
import requests

from socklat_gate.errors import Reason, UnfitEnvironment, UsageError
from socklat_gate.scenario import Service
from socklat_gate.service.arm import ArmSpec
from socklat_gate.service.arm_launcher import Call, PlacedContainer, Started
from socklat_gate.service.call_thread import at_once
from socklat_gate.service.client import daemon_errors, daemon_message
from socklat_gate.service.container_options import container_options
from socklat_gate.service.death import start_error
from socklat_gate.service.docker_types import DockerClient
from socklat_gate.service.networks import ipv6_options
from socklat_gate.service.owner import ARM_LABEL, RUN_LABEL, OwnerTag
from socklat_gate.service.patience import patiently
from socklat_gate.service.runtimes import DAEMON, check_runtime

__all__ = ["Containers"]

log = logging.getLogger(__name__)

CONFLICT = 409

T = TypeVar("T")


class Containers:
    """`ArmLauncher` of one container an arm."""

    keeps_networks = True
    changed = ()

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
        """Creates the network.

        Raises `UnfitEnvironment` (NO_DOCKER) when Docker cannot, or when its runtime's containers
        have a kernel of their own.
        """
        with daemon_errors("asking for the daemon's runtime"):
            check_runtime(self._client.info(), None, DAEMON)
        with daemon_errors(f"creating network {self._network}"):
            try:
                call(lambda: patiently(self._create_network))
            except docker.errors.APIError as error:
                if "address pool" not in daemon_message(error):
                    raise
                raise UnfitEnvironment(
                    Reason.NO_DOCKER,
                    f"Docker has no addresses left for another network: {daemon_message(error)}",
                    remedy="remove networks that nobody uses (docker network prune), or add "
                    "default-address-pools to the daemon's configuration",
                ) from error

    def _create_network(self) -> None:
        """Once, whatever became of an earlier attempt."""
        labels = self._owner.labels()
        try:
            self._client.api.create_network(
                self._network,
                driver="bridge",
                labels=labels,
                check_duplicate=True,
                **(ipv6_options() if self._service.ipv6 else {}),
            )
        except docker.errors.APIError:
            chosen = {"label": f"{RUN_LABEL}={self._owner.run}"}
            found = self._client.api.networks(filters=chosen)
            if not any(network.get("Name") == self._network for network in found):
                raise

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

        def create() -> str:
            try:
                container = self._client.containers.create(
                    name=name, network=self._network, labels=labels, **options
                )
            except docker.errors.APIError as error:
                # The name is this run's own: an earlier attempt made it, and the response got lost.
                if error.status_code != CONFLICT:
                    raise
                return self._made_before(name)
            return str(container.id)

        with daemon_errors(f"creating container {name}"):
            try:
                container_id = patiently(create)
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
        return PlacedContainer(container_id, name, self._network)

    def _made_before(self, name: str) -> str:
        """Id of the container; raises `requests.Timeout` while the daemon is still at it."""
        try:
            return self._client.api.inspect_container(name)["Id"]
        except docker.errors.NotFound as error:
            raise requests.Timeout(f"{name} is being created") from error

    def _start(self, placed: PlacedContainer, call: Call, started: Started) -> PlacedContainer:
        ordered_ns: list[int] = []

        def start() -> None:
            ordered_ns.append(time.monotonic_ns())
            self._client.api.start(placed.container_id)

        with daemon_errors(f"starting container {placed.name}"):
            try:
                call(lambda: patiently(start))
            except docker.errors.APIError as error:
                raise start_error(placed.name, daemon_message(error)) from error
        ordered = replace(placed, ordered_ns=ordered_ns[0], orders=len(ordered_ns))
        log.info("started container %s", placed.name)
        started(ordered)
        return ordered


def _directly(call: Callable[[], T], /) -> T:
    return call()
