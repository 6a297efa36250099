"""The other containers of stacks: one that fails makes another stack of it, in silence."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import docker.errors

from socklat_gate.errors import InvalidMeasurement, Reason
from socklat_gate.service.client import daemon_errors
from socklat_gate.service.container_process import monotonic_ns
from socklat_gate.service.docker_documents import ContainerState
from socklat_gate.service.docker_types import DockerClient
from socklat_gate.service.logs import tail
from socklat_gate.service.owner import start_ticks
from socklat_gate.service.patience import patiently
from socklat_gate.service.restarts import restarts

__all__ = ["CompanionWatch"]

SETTLED_S = 2.0
"""One that was started again and lives for so long has come up."""

LEAST_PATIENCE_S = 5.0
PAUSE_S = 0.1


@dataclass(slots=True)
class _Watched:
    arm: str
    name: str
    container_id: str
    pid: int
    start: int | None
    since_s: float


class CompanionWatch:
    """Watches them from when their service is ready until `forget`.

    One that ended with code 0 has done its work.  One that had failed by then fails in every stack
    of both arms, or nothing can be compared.  One that Docker starts again is waited for: Docker's
    own pause before it is at most as long as all of it has taken until then.
    """

    def __init__(self, client: DockerClient) -> None:
        self._client = client
        self._watched: list[_Watched] = []
        self._failed: dict[str, tuple[bool, str]] = {}

    def begin(
        self,
        arm: str,
        containers: Sequence[tuple[str, str]],
        meanwhile: Callable[[], None] = lambda: None,
    ) -> None:
        """Watches those of name and container id that run.

        ``meanwhile`` is called while it waits.  Raises `InvalidMeasurement` (SERVICE_DIED) when one
        has failed and did not elsewhere, or did elsewhere and has not.
        """
        for name, container_id in containers:
            patient = not self._failed.get(name, (False, ""))[0]
            state = self._settled(name, container_id, meanwhile, patient=patient)
            pid = int(state.get("Pid") or 0)
            failed = bool(state.get("Restarting") or (not pid and state.get("ExitCode")))
            before, where = self._failed.setdefault(name, (failed, arm))
            if before != failed:
                here, there = (arm, where) if failed else (where, arm)
                raise self._error(
                    f"{name} failed in a stack of the {here} and not in one of the {there}",
                    container_id,
                )
            if pid:
                since_s = time.time()
                self._watched.append(
                    _Watched(arm, name, container_id, pid, start_ticks(pid), since_s)
                )

    def check(self) -> None:
        """Raises `InvalidMeasurement` (SERVICE_DIED) when one has failed since.

        Costs one read in /proc for each while they live.
        """
        for one in list(self._watched):
            if start_ticks(one.pid) == one.start:
                continue
            state = self._state(one.name, one.container_id)
            code = self._exit_code(one, state)
            if code:
                raise self._error(
                    f"{one.name}, in the stack of the {one.arm}, ended with code {code} while "
                    "that was measured",
                    one.container_id,
                )
            one.pid = int(state.get("Pid") or 0)
            one.start = start_ticks(one.pid) if one.pid else None
            if not one.pid:
                self._watched.remove(one)

    def containers_of(self, arm: str) -> list[tuple[str, str]]:
        """Name and container id of those of one stack that run."""
        return [(one.name, one.container_id) for one in self._watched if one.arm == arm]

    def forget(self) -> None:
        """They are removed."""
        self._watched.clear()

    def _settled(
        self, name: str, container_id: str, meanwhile: Callable[[], None], *, patient: bool
    ) -> ContainerState:
        """Its state once it has ended, or has lived for a while since Docker started it again.

        Of one that comes to neither: as between two starts, whatever it is at this moment.
        """
        until_s = 0.0
        while True:
            state = self._state(name, container_id)
            restarting, pid = bool(state.get("Restarting")), int(state.get("Pid") or 0)
            if not restarting and (not pid or _age_s(pid) >= SETTLED_S):
                return state
            times, created_ns = restarts(self._client, container_id, name)
            if not times and not restarting:
                return state
            now_s = time.monotonic()
            until_s = until_s or now_s + max(LEAST_PATIENCE_S, now_s - created_ns / 1e9)
            if not patient or now_s > until_s:
                return {**state, "Restarting": True, "Pid": 0}
            meanwhile()
            time.sleep(PAUSE_S)

    def _state(self, name: str, container_id: str) -> ContainerState:
        with daemon_errors(f"inspecting container {name}"):
            try:
                return self._client.api.inspect_container(container_id)["State"]
            except docker.errors.NotFound:
                return {"Pid": 0, "ExitCode": 0}

    def _exit_code(self, one: _Watched, state: ContainerState) -> int:
        """Of one that runs again it is only in the daemon's events."""
        if not state.get("Running") and not state.get("Restarting"):
            return int(state.get("ExitCode") or 0)
        with daemon_errors(f"asking how container {one.name} ended"):
            codes = patiently(lambda: self._exit_codes(one))
        return next(filter(None, codes), 0)

    def _exit_codes(self, one: _Watched) -> list[int]:
        events = self._client.api.events(
            since=int(one.since_s),
            until=int(time.time()) + 1,
            filters={"container": one.container_id, "event": "die"},
            decode=True,
        )
        return [int(event["Actor"]["Attributes"].get("exitCode", 0)) for event in events]

    def _error(self, message: str, container_id: str) -> InvalidMeasurement:
        return InvalidMeasurement(
            Reason.SERVICE_DIED,
            message,
            remedy="read its last log lines in the job's log, or bring the stack up by hand",
        ).with_log(tail(self._client, container_id))


def _age_s(pid: int) -> float:
    """Seconds that a process has lived; 0 when it is gone."""
    start = start_ticks(pid)
    return 0.0 if start is None else (time.monotonic_ns() - monotonic_ns(start)) / 1e9
