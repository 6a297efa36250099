"""How arms are launched: single containers or whole stacks, behind one interface."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

from socklat_gate.service.arm import ArmSpec

__all__ = ["ArmLauncher", "Call", "PlacedContainer", "Started"]

T = TypeVar("T")


class Call(Protocol):
    """Runs what creates something, so that a signal interrupts the wait for it and not the call."""

    def __call__(self, call: Callable[[], T], /) -> T:
        """The result of ``call``."""


@dataclass(frozen=True, slots=True)
class PlacedContainer:
    """A container under test that was started, and the network on which it is reached.

    ``ordered_ns`` is when Docker was told to start it (CLOCK_MONOTONIC; 0: with the rest of a
    stack, so that its own moment is not known), first of ``orders`` times: a busy daemon is told
    again, and nobody knows which of them it obeyed.  ``companions`` are name and container id of
    the others in its stack; ``address_of`` is the container whose address it has ("": its own), and
    ``may_restart`` says that Docker starts it again when it ends.
    """

    container_id: str
    name: str
    network: str
    ordered_ns: int = 0
    companions: tuple[tuple[str, str], ...] = ()
    orders: int = 1
    address_of: str = ""
    may_restart: bool = False


Started = Callable[[PlacedContainer], None]
"""Called as soon as a container was started, on whichever thread started it."""


class ArmLauncher(Protocol):
    """Everything that it creates carries the owner's labels, by which it is removed."""

    @property
    def keeps_networks(self) -> bool:
        """Whether the network outlives the containers on it."""

    @property
    def changed(self) -> Sequence[str]:
        """A line on each thing that an arm has otherwise than its files say: a possible cause."""

    def open(self, call: Call) -> None:
        """What is needed once, before anything is placed."""

    def place(self, arms: Sequence[ArmSpec], call: Call, started: Started) -> list[PlacedContainer]:
        """Creates all, then starts them in the order given; ``started`` hears of each at once."""

    def end(self) -> None:
        """Ends what is under way, from another thread."""

    def cleared(self) -> None:
        """All containers are gone: gives up what only they needed."""

    def close(self) -> None:
        """Gives up what is not Docker's."""
