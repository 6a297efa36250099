"""Start the arms of a run in containers on a network of their own, and leave nothing behind."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

import docker
import docker.errors
import docker.types

from gate.errors import InvalidMeasurement, Reason, UnfitEnvironment, UsageError
from gate.scenario import Service
from gate.service.arms import ArmSpec, RunningArm
from gate.service.client import explain, lost_daemon
from gate.service.options import LOOPBACK, container_options, published_port
from gate.service.owner import PREFIX, OwnerTag
from gate.service.ready import wait_ready
from gate.service.remove import remove_run
from gate.service.watch import Watched, died, netns_inode_of, process_of, refused_start

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
        self._calls: list[Future[Any]] = []
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
            with lost_daemon(f"creating network {self._network}"):
                self._call(
                    lambda: self._client.api.create_network(
                        self._network, driver="bridge", labels=self._owner.labels()
                    )
                )
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
            self._watched = tuple(self._observe(*item) for item in created)
            service = self._service
            wait_ready(self._client, self._watched, service.ready, service.port, self.check_alive)
        except BaseException:
            self.stop()
            raise
        return tuple(item.arm for item in self._watched)

    def check_alive(self) -> None:
        """Raise `InvalidMeasurement` (SERVICE_DIED) when a container's process has ended.

        The message has the exit code, the OOM flag and the last log lines.  Costs one read in
        /proc per container while they live.
        """
        for item in self._watched:
            if not item.is_alive():
                raise died(self._client, item.arm.container_id, item.arm.name)

    def stop(self) -> None:
        """Kill and remove the current containers with their anonymous volumes; never raises."""
        self._watched = ()
        self._settle()
        remove_run(self._client, self._owner.run, networks=False)

    def close(self) -> None:
        """Remove everything that this session created, the network too; may be called again."""
        self._watched = ()
        self._settle()
        self._worker.shutdown(wait=True)
        remove_run(self._client, self._owner.run, networks=True)

    def _create(self, spec: ArmSpec) -> tuple[str, str]:
        """Id and name of the new container of an arm."""
        name = f"{self._network}-{spec.arm}-{next(self._serial)}"
        options = container_options(self._service, self._scenario_dir, spec)
        labels = {**self._owner.labels(), ARM_LABEL: spec.arm}
        try:
            container = self._call(
                lambda: self._client.containers.create(
                    name=name, network=self._network, labels=labels, **options
                )
            )
        except docker.errors.ImageNotFound as error:
            raise UsageError(
                Reason.NO_SUCH_IMAGE,
                f"image {spec.image.reference} ({spec.image.id}) is gone: {explain(error)}",
                remedy="something removed it meanwhile (docker image prune?); run again",
            ) from error
        except docker.errors.APIError as error:
            if error.is_server_error():
                raise InvalidMeasurement(
                    Reason.SERVICE_DIED, f"container {name} cannot be created: {explain(error)}"
                ) from error
            raise UsageError(
                Reason.BAD_SCENARIO,
                f"Docker refuses the options of [service]: {explain(error)}",
                remedy="correct command, volumes, cpus, cpuset or memory in the scenario",
            ) from error
        return str(container.id), name

    def _start(self, container_id: str, name: str) -> None:
        try:
            with lost_daemon(f"starting container {name}"):
                self._call(lambda: self._client.api.start(container_id))
        except UnfitEnvironment as error:
            if isinstance(error.__cause__, docker.errors.APIError):
                raise refused_start(name, explain(error.__cause__)) from error.__cause__
            raise

    def _observe(self, spec: ArmSpec, container_id: str, name: str) -> Watched:
        """The process, namespace and address of a container that was just started."""
        with lost_daemon(f"inspecting container {name}"):
            facts = self._client.api.inspect_container(container_id)
        pid = int(facts["State"]["Pid"])
        address = str(facts["NetworkSettings"]["Networks"][self._network]["IPAddress"])
        if not facts["State"]["Running"] or not pid:
            raise died(self._client, container_id, name)
        publish = published_port(self._service, spec.arm)
        try:
            start, netns = process_of(pid, name), netns_inode_of(pid, name)
        except UnfitEnvironment:
            # It may also have ended just now: then that is the news.
            with lost_daemon(f"inspecting container {name}"):
                still = self._client.api.inspect_container(container_id)["State"]["Running"]
            if still:
                raise
            raise died(self._client, container_id, name) from None
        arm = RunningArm(
            arm=spec.arm,
            container_id=container_id,
            name=name,
            pid=pid,
            netns_inode=netns,
            host=LOOPBACK if publish else address,
            port=publish or self._service.port,
            image=spec.image,
        )
        return Watched(arm, address, start)

    def _call(self, call: Callable[[], T]) -> T:
        """Run a creating call on the worker and wait for its result."""
        future = self._worker.submit(call)
        self._calls.append(future)
        return future.result()

    def _settle(self) -> None:
        """Wait until no creating call is under way; its outcome has been seen or is not needed."""
        for call in self._calls:
            call.cancel()
        wait(self._calls)
        self._calls.clear()
