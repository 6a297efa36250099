"""A campaign: runs of one image under one scenario on one machine, as baselines store it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from socklat_gate.measured.names import Mode
from socklat_gate.measured.pair import Noise
from socklat_gate.measured.run import Run

__all__ = ["CONTAINERS", "Campaign", "Fingerprint"]

CONTAINERS = "containers"
"""Of a fingerprint: how many containers shared an arm's load, where they were several."""

BLOCKS = {"2": 2, "4": 4}
"""What a fingerprint may say of them; anything else is one container."""


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """What must be equal for two campaigns to be comparable, and facts worth showing.

    ``must_match`` holds kernel, CPU model and count, hook set, definition version and the like;
    ``facts`` holds the rest (Docker version, load average at start, memory).
    """

    must_match: Mapping[str, str]
    facts: Mapping[str, str] = field(default_factory=dict)

    def differences(self, other: Fingerprint) -> dict[str, tuple[str, str]]:
        """Fields of ``must_match`` that differ, as name -> (ours, theirs)."""
        names = sorted({*self.must_match, *other.must_match})
        return {
            name: (self.must_match.get(name, "absent"), other.must_match.get(name, "absent"))
            for name in names
            if self.must_match.get(name) != other.must_match.get(name)
        }


@dataclass(frozen=True, slots=True)
class Campaign:
    """Runs of one image under one scenario on one machine: the unit a baseline stores.

    ``mode`` is "single" when the image ran alone, "paired" when it shared the machine with the
    other arm; the two are not comparable.  ``created`` is UTC, ISO 8601.  ``commit`` ends in
    "-dirty" when files that git tracks were changed, and is "unknown" without git; ``branch`` is
    that of the commit ("": not known).  ``former_hashes`` are what documents of older versions
    may have as the ``scenario_hash`` of the same scenario.
    """

    scenario_name: str
    scenario_hash: str
    mode: Mode
    created: str
    commit: str
    image: str
    image_id: str
    fingerprint: Fingerprint
    runs: tuple[Run, ...]
    noise: tuple[Noise, ...]
    branch: str = ""
    former_hashes: tuple[str, ...] = ()

    @property
    def hashes(self) -> frozenset[str]:
        """All hashes by which the scenario is known."""
        return frozenset({self.scenario_hash, *self.former_hashes})

    @property
    def containers(self) -> int:
        """How many containers shared the load of the image: each of its runs had a part of it."""
        return BLOCKS.get(self.fingerprint.must_match.get(CONTAINERS, ""), 1)

    def is_of(self, hashes: Collection[str]) -> bool:
        """Whether the scenario is known by one of them."""
        return not self.hashes.isdisjoint(hashes)
