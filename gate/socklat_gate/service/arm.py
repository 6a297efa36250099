"""What is to be started for an arm, and what is running for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from socklat_gate.measured.pair import Arm
from socklat_gate.scenario import Service
from socklat_gate.service.image import ImageRef

__all__ = ["ArmSpec", "Companion", "RunningArm"]


@dataclass(frozen=True, slots=True)
class ArmSpec:
    """One arm to start.

    ``command`` None takes the scenario's command, and without one the image's; ``env`` is laid
    over the scenario's.  ``cpuset`` None takes the scenario's CPUs, the first set of two.
    ``directory`` and ``service`` are those of the scenario as another commit has it; None for what
    is here.  ``replica`` (from 0) numbers the ``replicas`` of an arm that run at the same time.
    """

    arm: Arm
    image: ImageRef
    command: str | list[str] | None = None
    env: Mapping[str, str] = field(default_factory=dict)
    cpuset: str | None = None
    directory: Path | None = None
    service: Service | None = None
    replica: int = 0
    replicas: int = 1

    @property
    def name(self) -> str:
        """In messages: the arm, ``candidate``, or which of its containers, ``candidate-2``."""
        return container_name(self.arm, self.replica, self.replicas)


@dataclass(frozen=True, slots=True)
class Companion:
    """Another container of an arm's stack; ``ports`` are those that it listens on.

    ``pid`` is its first process as this machine counts.
    """

    name: str
    netns_inode: int
    ports: tuple[int, ...]
    pid: int = 0


@dataclass(frozen=True, slots=True)
class RunningArm:
    """One started, ready container.

    ``pid`` is its first process as this machine counts, ``netns_inode`` the inode of that
    process's network namespace, ``host`` and ``port`` where the load goes; ``companions`` are the
    other containers of its stack that run.  ``replica`` and ``replicas`` as in `ArmSpec`, ``label``
    its name in messages.  ``startup_ns`` is the time from the order to start it until it was ready
    (0: not known).
    """

    arm: Arm
    container_id: str
    name: str
    pid: int
    netns_inode: int
    host: str
    port: int
    image: ImageRef
    companions: tuple[Companion, ...] = ()
    replica: int = 0
    replicas: int = 1
    startup_ns: int = 0

    @property
    def label(self) -> str:
        """As `ArmSpec.name`."""
        return container_name(self.arm, self.replica, self.replicas)


def container_name(arm: Arm, replica: int, replicas: int) -> str:
    """The arm's own name where it has one container, else with a number from 1 on."""
    return arm if replicas == 1 else f"{arm}-{replica + 1}"
