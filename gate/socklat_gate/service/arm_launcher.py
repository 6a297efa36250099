"""How arms are launched: single containers or whole stacks, behind one interface."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

from socklat_gate.service.arm import ArmSpec

__all__ = ["ArmLauncher", "Call", "PlacedContainer"]

T = TypeVar("T")


class Call(Protocol):
    """Runs what creates something, so that a signal interrupts the wait for it and not the call."""

    def __call__(self, call: Callable[[], T], /) -> T:
        """The result of ``call``."""


@dataclass(frozen=True, slots=True)
class PlacedContainer:
    """A container under test that was started, and the network on which it is reached.

    ``companions`` are name and container id of the others in its stack.
    """

    container_id: str
    name: str
    network: str
    companions: tuple[tuple[str, str], ...] = ()


class ArmLauncher(Protocol):
    """Everything that it creates carries the owner's labels, by which it is removed."""

    @property
    def keeps_networks(self) -> bool:
        """Whether the network outlives the containers on it."""

    def open(self, call: Call) -> None:
        """What is needed once, before anything is placed."""

    def place(self, arms: Sequence[ArmSpec], call: Call) -> list[PlacedContainer]:
        """Creates all, then starts them in the order given."""

    def end(self) -> None:
        """Ends what is under way, from another thread."""

    def close(self) -> None:
        """Gives up what is not Docker's."""
