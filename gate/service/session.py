"""Start the arms of a run in containers on a network of their own, and leave nothing behind."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import TypeVar

import docker
import docker.errors

from gate.errors import Reason, UnfitEnvironment, UsageError
from gate.scenario import Service
from gate.service.arms import ArmSpec, RunningArm
from gate.service.client import daemon_errors, explain
from gate.service.death import died, refused_start
from gate.service.options import LOOPBACK, container_options, published_port
from gate.service.owner import PREFIX, OwnerTag
from gate.service.ready import wait_ready
from gate.service.remove import remove_run
from gate.service.watch import Watched, watch

__all__ = ["ArmSpec", "RunningArm", "ServiceSession"]

ARM_LABEL = PREFIX + "arm"

T = TypeVar("T")


class ServiceSession:
    """Containers of one service on a private bridge network; a context manager.

    Everything is labelled with the owner (`gate.service.owner`).  Calls that create something run
    on a worker thread: an exception raised by a signal handler then interrupts the wait, never
    the call, so that `close` can let the call end and remove what it made.
    """

    def __init__(self, client: docker.DockerClient, service: Service, scenario_dir: Path) -> None:
        self._client = client
        self._service = service
        self._scenario_dir = scenario_dir
        self._owner = OwnerTag.current()
        self._network = f"socklat-gate-{self._owner.run}"
        self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="docker")
        self._closed = False
        self._watched: tuple[Watched, ...] = ()
        self._serial = itertools.count(1)

    @property
    def run_id(self) -> str:
        """The random id in the label of everything that this session creates."""
        return self._owner.run

    @property
    def network(self) -> str:
        """Name of the private network."""
        return self._network

    def __enter__(self) -> ServiceSession:
        """Create the network.  Raises `UnfitEnvironment` (NO_DOCKER) when Docker cannot."""
        try:
            self._create_network()
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

    def start(self, arms: Sequence[ArmSpec]) -> tuple[RunningArm, ...]:
        """Create all containers, start them in the order given, wait until all are ready.

        Call `stop` before starting the next ones.  Whatever is raised, the containers are removed
        first.  Raises `InvalidMeasurement`: SERVICE_DIED with exit code and log (or Docker's words
        when it could not start), SERVICE_NOT_READY, PORT_TAKEN; `UsageError`: BAD_SCENARIO for
        options that Docker refuses; `UnfitEnvironment` when the daemon or its processes cannot be
        reached.
        """
        assert not self._watched, "stop() comes before the next start()"
        try:
            created = [(spec, *self._create(spec)) for spec in arms]
            for _, container_id, name in created:
                self._start(container_id, name)
            self._watched = tuple(
                watch(self._client, self._network, container_id, name)
                for _, container_id, name in created
            )
            ready, port = self._service.ready, self._service.port
            wait_ready(self._client, self._watched, ready, port, self.check_alive)
        except BaseException:
            self.stop()
            raise
        return tuple(map(self._running, arms, self._watched))

    def check_alive(self) -> None:
        """Raise `InvalidMeasurement` (SERVICE_DIED) when a container's process has ended.

        The message has the exit code, the OOM flag and the last log lines.  Costs one read in
        /proc per container while they live.
        """
        for item in self._watched:
            if not item.is_alive():
                raise died(self._client, item.container_id, item.name)

    def stop(self) -> None:
        """Kill and remove the current containers with their anonymous volumes.

        Leftovers are logged, never raised, and swept by a later run.
        """
        self._watched = ()
        if not self._closed:
            # The worker takes calls in order: once this one is done, none is under way.
            self._worker.submit(int).result()
            remove_run(self._client, self._owner.run, networks=False)

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
        self._watched = ()
        self._closed = True
        self._worker.shutdown(wait=True)
        remove_run(self._client, self._owner.run, networks=True)

    def _create_network(self) -> None:
        labels = self._owner.labels()
        with daemon_errors(f"creating network {self._network}"):
            try:
                self._call(
                    lambda: self._client.api.create_network(
                        self._network, driver="bridge", labels=labels
                    )
                )
            except docker.errors.APIError as error:
                if "address pool" not in explain(error):
                    raise
                raise UnfitEnvironment(
                    Reason.NO_DOCKER,
                    f"Docker has no addresses left for another network: {explain(error)}",
                    remedy="remove networks that nobody uses (docker network prune), or add "
                    "default-address-pools to the daemon's configuration",
                ) from error

    def _create(self, spec: ArmSpec) -> tuple[str, str]:
        """Id and name of the new container of an arm."""
        name = f"{self._network}-{spec.arm}-{next(self._serial)}"
        options = container_options(self._service, self._scenario_dir, spec)
        labels = {**self._owner.labels(), ARM_LABEL: spec.arm}
        with daemon_errors(f"creating container {name}"):
            try:
                container = self._call(
                    lambda: self._client.containers.create(
                        name=name, network=self._network, labels=labels, **options
                    )
                )
            except docker.errors.ImageNotFound as error:
                raise UsageError(
                    Reason.NO_SUCH_IMAGE,
                    f"image {spec.image.reference} is gone: {explain(error)}",
                    remedy="something removed it meanwhile (docker image prune?); run again",
                ) from error
            except docker.errors.APIError as error:
                if error.is_server_error():
                    raise
                raise UsageError(
                    Reason.BAD_SCENARIO,
                    f"Docker refuses the options of [service]: {explain(error)}",
                    remedy="correct command, volumes, cpus, cpuset or memory in the scenario",
                ) from error
        return str(container.id), name

    def _start(self, container_id: str, name: str) -> None:
        with daemon_errors(f"starting container {name}"):
            try:
                self._call(lambda: self._client.api.start(container_id))
            except docker.errors.APIError as error:
                raise refused_start(name, explain(error)) from error

    def _running(self, spec: ArmSpec, watched: Watched) -> RunningArm:
        publish = published_port(self._service, spec.arm)
        return RunningArm(
            arm=spec.arm,
            container_id=watched.container_id,
            name=watched.name,
            pid=watched.pid,
            netns_inode=watched.netns_inode,
            host=LOOPBACK if publish else watched.address,
            port=publish or self._service.port,
            image=spec.image,
        )

    def _call(self, call: Callable[[], T]) -> T:
        """Run a creating call on the worker and wait for its result."""
        return self._worker.submit(call).result()
