"""What `init` finds out about a service that it has started."""

from __future__ import annotations

from dataclasses import dataclass

from socklat_gate.init.traffic.proposal import Proposal
from socklat_gate.load.protocols.protocol import DetectedProtocol

__all__ = ["Finding"]


@dataclass(frozen=True, slots=True)
class Finding:
    """What a service speaks on ``port``, and what to send it: None for what the protocol suggests.

    Of the proposed requests ``asked`` were tried and ``failed`` did not respond well.
    ``other_ports`` take connections too.  ``startup_s`` is how long it took until it responded as
    it does (0: not known); ``ipv6``: it listens on no other address.  ``path_given``: by the user.
    """

    protocol: DetectedProtocol
    port: int
    proposal: Proposal | None = None
    asked: int = 0
    failed: int = 0
    other_ports: tuple[int, ...] = ()
    startup_s: float = 0.0
    ipv6: bool = False
    path_given: bool = False

    @property
    def is_stand_in(self) -> bool:
        """Whether the load only stands in for a real one: nobody has said what it is to be."""
        protocol = self.protocol.protocol
        meant = self.path_given and not self.protocol.is_refused
        return self.proposal is None and not meant and protocol.stand_in
