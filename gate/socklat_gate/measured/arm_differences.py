"""What differs between the arms of a gate beside the code in their images."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from socklat_gate.measured.facts import Note

__all__ = ["ArmDifference", "ArmDifferences", "DifferenceKind"]

DifferenceKind = Literal[
    "image", "command", "environment", "mounts", "compose", "file", "source", "build"
]
"""What differs: "compose" is a key of the compose file, "file" one that is mounted, "source" one
that the image is built from, "build" a key of how it is built."""

OF_IMAGE: frozenset[DifferenceKind] = frozenset({"image", "source", "build"})


@dataclass(frozen=True, slots=True)
class ArmDifference:
    """One thing that is not the same in both arms.

    ``name`` is a file, a variable or a key of the compose file ("" where the kind says it all).
    ``baseline`` and ``candidate`` are what each arm has: "absent" where that is nothing, and ""
    where it is not said, since there is too much of it or a secret may be in it.
    """

    kind: DifferenceKind
    name: str = ""
    baseline: str = ""
    candidate: str = ""


@dataclass(frozen=True, slots=True)
class ArmDifferences:
    """All that was ``found``, ``more`` of them left out, and what is ``not_known`` to be alike."""

    found: tuple[ArmDifference, ...] = ()
    more: int = 0
    not_known: tuple[Note, ...] = ()

    @property
    def beside_image(self) -> bool:
        """Whether one image in both arms would still be two different services."""
        return any(one.kind not in OF_IMAGE for one in self.found)
