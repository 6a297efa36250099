"""Containers that are being started: their processes until each is ready."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping

from socklat_gate.scenario import Service
from socklat_gate.service.arm_launcher import PlacedContainer
from socklat_gate.service.container_process import ContainerProcess, find_process
from socklat_gate.service.docker_types import DockerClient
from socklat_gate.service.ready import Try
from socklat_gate.service.ready_watch import ReadyMoment, ReadyWatch
from socklat_gate.service.restarts import find_restarted, restarts, wait_running
from socklat_gate.service.stack_errors import companion_states

__all__ = ["Starting", "startup_ns"]

log = logging.getLogger(__name__)


class Starting:
    """Each container is tried from its own start on; one that Docker starts again may end first."""

    def __init__(self, client: DockerClient, service: Service, attempt: Try) -> None:
        self._client = client
        self._ipv6 = service.ipv6
        self._within_s = service.ready.timeout_s
        self._watch = ReadyWatch(client, service.ready, service.port, attempt)
        self._found: dict[str, ContainerProcess] = {}
        self._begun: list[PlacedContainer] = []

    def begin(self, item: PlacedContainer) -> None:
        """Finds the process of one that was just started.

        Raises as `find_process` and `wait_running` do.
        """
        self._begun.append(item)

        def find() -> ContainerProcess | None:
            return self._find(item)

        process = find() or wait_running(
            self._client, item.container_id, item.name, find, self._within_s
        )
        again = find if item.may_restart else None
        self._watch.begin(process, item.ordered_ns or process.started_ns(), again)

    @property
    def mortal(self) -> tuple[ContainerProcess, ...]:
        """Processes whose end is the end of their container."""
        return tuple(self._found[i.container_id] for i in self._begun if not i.may_restart)

    def wait(self, check_alive: Callable[[], None]) -> Mapping[str, ReadyMoment]:
        """By container id, when each was ready; raises as `ReadyWatch.wait` does."""
        return self._watch.wait(check_alive)

    def process(self, item: PlacedContainer) -> ContainerProcess:
        """Its process, the last one if there were several."""
        return self._found[item.container_id]

    def startup_ns(self, item: PlacedContainer, moment: ReadyMoment) -> int:
        """As of the function; from its creation where Docker has started it several times."""
        if item.may_restart:
            times, created_ns = restarts(self._client, item.container_id, item.name)
            if times:
                log.warning("%s was restarted %d times before it was ready", item.name, times)
                return moment.at_ns - created_ns
        return startup_ns(self.process(item), item, moment)

    def end(self) -> None:
        """No further attempts."""
        self._watch.end()

    def not_well(self) -> list[str]:
        """What has become of the other containers of the stacks, where that may be a cause."""
        return [
            f"beside {item.name}: {line}"
            for item in self._begun
            for line in companion_states(self._client, item.companions)
        ]

    def _find(self, item: PlacedContainer) -> ContainerProcess | None:
        """Finds the container's process and notes it; None while Docker starts it again."""
        find = find_restarted if item.may_restart else find_process
        process = find(
            self._client,
            item.network,
            item.container_id,
            item.name,
            item.address_of,
            ipv6=self._ipv6,
        )
        if process is not None:
            self._found[item.container_id] = process
        return process


def startup_ns(process: ContainerProcess, placed: PlacedContainer, ready: ReadyMoment) -> int:
    """From the order to start it; of a stack's container from when Docker made its process.

    0 where nobody knows since when: it was ready before the stack's own command returned, or a busy
    daemon was told more than once.
    """
    if placed.orders > 1:
        return 0
    if placed.ordered_ns:
        return ready.at_ns - placed.ordered_ns
    return ready.at_ns - process.started_ns() if ready.attempt > 1 else 0
