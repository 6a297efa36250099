"""Start the arms of a run, containers or stacks of them, and leave nothing behind."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import TypeVar

from socklat_gate.errors import InvalidMeasurement
from socklat_gate.interrupt import signal_received
from socklat_gate.scenario import Service
from socklat_gate.service.arm import ArmSpec, RunningArm
from socklat_gate.service.arm_launcher import ArmLauncher, PlacedContainer
from socklat_gate.service.call_thread import CallThread
from socklat_gate.service.client import hurry
from socklat_gate.service.companion_watch import CompanionWatch
from socklat_gate.service.companions import companions
from socklat_gate.service.container_options import LOOPBACK, published_port
from socklat_gate.service.container_process import ContainerProcess
from socklat_gate.service.containers import Containers
from socklat_gate.service.death import death_error
from socklat_gate.service.docker_types import DockerClient
from socklat_gate.service.own_sockets import check_sockets
from socklat_gate.service.owner import OwnerTag
from socklat_gate.service.ready import Try, make_attempt
from socklat_gate.service.ready_exec import ReadyHealthcheck
from socklat_gate.service.remove import remove_run
from socklat_gate.service.stack import Stacks
from socklat_gate.service.starting import Starting
from socklat_gate.service.unhealthy import unhealthy

__all__ = ["ArmSpec", "RunningArm", "ServiceSession"]

LOOK_S = 0.1
HURRY_S = 1.5
"""Whoever sent a signal kills this process some seconds later."""

log = logging.getLogger(__name__)

T = TypeVar("T")


class ServiceSession:
    """Containers of one service on a private network; a context manager.

    Everything is labelled with the owner (`service.owner`).  Calls that create something run
    on a worker thread: an exception raised by a signal handler then interrupts the wait, never
    the call, so that `close` can let the call end and remove what it made.
    """

    def __init__(
        self,
        client: DockerClient,
        service: Service,
        scenario_dir: Path,
        *,
        alone: bool = False,
        attempt: Try | None = None,
    ) -> None:
        """``alone``: one arm runs at a time (`Stacks`).

        ``attempt`` tries whether a container is ready, in place of what ``service`` says.
        """
        self._client = client
        self._attempt = attempt or make_attempt(
            client, service.ready, service.port, in_stack=service.compose is not None
        )
        self._service = service
        self._owner = OwnerTag.current()
        self._network = f"socklat-gate-{self._owner.run}"
        self._launcher: ArmLauncher = (
            Stacks(client, service, scenario_dir, self._owner, alone=alone)
            if service.compose
            else Containers(client, service, scenario_dir, self._owner, self._network)
        )
        self._worker = CallThread("docker")
        self._companions = CompanionWatch(client)
        self._closed = False
        self._gave_up = False
        self._processes: tuple[ContainerProcess, ...] = ()

    @property
    def run_id(self) -> str:
        """The random id in the label of everything that this session creates."""
        return self._owner.run

    @property
    def network(self) -> str:
        """Name of the private network."""
        return self._network

    def __enter__(self) -> ServiceSession:
        """Create the network, or read the compose file; raises as `ArmLauncher.open`."""
        try:
            self._launcher.open(self._call)
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def start(
        self, arms: Sequence[ArmSpec], meanwhile: Callable[[], None] = lambda: None
    ) -> tuple[RunningArm, ...]:
        """Create all containers, start them in the order given, wait until all are ready.

        Each is tried from its own start on, so that its `RunningArm.startup_ns` does not depend on
        the others.  Call `stop` before starting the next ones.  ``meanwhile`` is called several
        times a second while it waits for them.  Whatever is raised, the containers are removed
        first.  Raises what ``meanwhile`` does, and `InvalidMeasurement`: SERVICE_DIED with exit
        code and log (or Docker's words when it could not start), SERVICE_NOT_READY, PORT_TAKEN;
        `UsageError`: BAD_SCENARIO for options that Docker refuses; `UnfitEnvironment` when the
        daemon or its processes cannot be reached.
        """
        assert not self._processes, "stop() comes before the next start()"
        return self.add([arms], meanwhile=meanwhile)

    def add(
        self,
        groups: Sequence[Sequence[ArmSpec]],
        apart_s: float = 0.0,
        *,
        meanwhile: Callable[[], None] = lambda: None,
    ) -> tuple[RunningArm, ...]:
        """As `start`, beside the containers that run already: their `stop` is one.

        Between the starts of two ``groups`` is at least this time.  Whatever is raised, all
        containers are removed.
        """

        def look() -> None:
            self.check_alive()
            meanwhile()

        starting = Starting(self._client, self._service, self._attempt)
        try:
            placed: list[PlacedContainer] = []
            for at, group in enumerate(groups):
                _pause(apart_s if at else 0.0, meanwhile)
                placed += self._launcher.place(group, self._call, starting.begin)
            self._processes += starting.mortal
            moments = starting.wait(look)
            processes = tuple(map(starting.process, placed))
            for process in processes:
                check_sockets(self._client, process, self._service.port)
            self._processes += tuple(one for one in processes if one not in self._processes)
            arms = [spec for group in groups for spec in group]
            for spec, item in zip(arms, placed, strict=True):
                self._companions.begin(spec.name, item.companions, meanwhile)
            startups = [starting.startup_ns(i, moments[i.container_id]) for i in placed]
            return tuple(map(self._running_arm, arms, processes, placed, startups))
        except BaseException as error:
            starting.end()
            if isinstance(error, InvalidMeasurement):
                error.and_beside([*starting.not_well(), *self._launcher.changed])
            self.stop()
            raise

    def ended(self) -> str | None:
        """Name of a container whose process has ended; None while all of them live."""
        return next((item.name for item in self._processes if not item.is_alive()), None)

    def check_alive(self) -> None:
        """Raise `InvalidMeasurement` (SERVICE_DIED) when a container's process has ended.

        The message has the exit code, the OOM flag and the last log lines.  Raises it too when
        another container of a stack has failed.  Costs one read in /proc per container while they
        live.
        """
        for item in self._processes:
            if not item.is_alive():
                log.info("container %s died", item.name)
                raise death_error(self._client, item.container_id, item.name)
        self._companions.check()

    def unhealthy(self, arms: Sequence[RunningArm]) -> Mapping[str, Sequence[str]]:
        """By `RunningArm.label`: containers of its stack that live and fail their health checks.

        None in single containers, where Docker runs none.
        """
        if not self._service.compose:
            return {}
        stacks = {
            arm.label: [
                (str(self._service.service), arm.container_id),
                *self._companions.containers_of(arm.label),
            ]
            for arm in arms
        }
        return unhealthy(self._client, stacks)

    def stop(self) -> None:
        """Kill and remove the current containers with their anonymous volumes.

        Leftovers are logged, never raised, and swept by a later run.
        """
        self._processes = ()
        self._companions.forget()
        if not self._closed:
            self._settle()
            kept = self._launcher.keeps_networks
            remove_run(self._client, self._owner.run, networks=not kept)
            self._launcher.cleared()

    def close(self) -> None:
        """Remove everything that this session created, the network too; may be called again.

        An exception from a signal handler meanwhile is raised only after a second attempt.
        """
        try:
            self._remove_all()
        except BaseException:
            self._remove_all()
            raise

    def _remove_all(self) -> None:
        self._processes = ()
        self._closed = True
        self._settle()
        self._worker.end()
        remove_run(self._client, self._owner.run, networks=True)
        self._launcher.close()

    def _settle(self) -> None:
        """Until no call is under way; after a signal not for long, nor a second time."""
        self._launcher.end()
        if not signal_received():
            self._worker.wait()
            return
        hurry(self._client)
        if not self._gave_up and not self._worker.wait(HURRY_S):
            self._gave_up = True
            log.warning("the daemon does not respond: what it still makes is left to a later run")

    def _running_arm(
        self,
        spec: ArmSpec,
        process: ContainerProcess,
        placed: PlacedContainer,
        startup_ns: int,
    ) -> RunningArm:
        publish = published_port(self._service, spec)
        return RunningArm(
            arm=spec.arm,
            container_id=process.container_id,
            name=process.name,
            pid=process.pid,
            netns_inode=process.netns_inode,
            host=LOOPBACK if publish else process.address,
            port=publish or self._service.port,
            image=spec.image,
            companions=tuple(companions(self._client, placed.companions, process.netns_inode)),
            replica=spec.replica,
            replicas=spec.replicas,
            # Else a candidate would start faster by a check that asks for less.
            startup_ns=startup_ns if self._same_test() else 0,
        )

    def _same_test(self) -> bool:
        """Whether all containers so far were held to one: health checks are the images' own."""
        return not (isinstance(self._attempt, ReadyHealthcheck) and self._attempt.differ)

    def _call(self, call: Callable[[], T]) -> T:
        """Run a creating call on the worker and wait for its result."""
        return self._worker.submit(call).result()


def _pause(seconds: float, meanwhile: Callable[[], None]) -> None:
    until_s = time.monotonic() + seconds
    while (left_s := until_s - time.monotonic()) > 0:
        meanwhile()
        time.sleep(min(LOOK_S, left_s))
