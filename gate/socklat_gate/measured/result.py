"""The result of one command: everything measured and decided, ready to be reported."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from socklat_gate.measured.campaign import Campaign, Fingerprint
from socklat_gate.measured.facts import Drift, Note
from socklat_gate.measured.pair import Pair
from socklat_gate.measured.verdict import Verdict

__all__ = ["Completeness", "Result"]


@dataclass(frozen=True, slots=True)
class Completeness:
    """Kernel-side balance over all runs: ``seen`` equals the sum of all other exchange counts.

    ``seen = recorded + filtered + no_response + pending + dropped``; ``missed`` counts probe
    invocations that the kernel missed; ``responded_by_driver`` is the load driver's own count
    (None for external load commands), ``mismatch`` the largest relative difference in one run.
    """

    seen: int
    recorded: int
    filtered: int
    no_response: int
    pending: int
    dropped: int
    missed: int
    overlapped: int
    responded_by_driver: int | None
    mismatch: float

    @property
    def balanced(self) -> bool:
        """Whether the identity holds exactly."""
        parts = self.recorded + self.filtered + self.no_response + self.pending + self.dropped
        return self.seen == parts


@dataclass(frozen=True, slots=True)
class Result:
    """One `gate` (pairs), `run` (campaign, no verdict) or `compare` (stored; verdict only).

    ``environment`` holds display facts (steal, PSI, CPU, kernel, Docker) as text; ``drift`` is the
    comparison of the stored baseline's numbers with today's baseline arm, ``calibration`` what is
    known of this gate on this runner.
    ``branch`` is that of ``commit`` ("": not known).  ``baseline_commit`` is the commit that was
    compared with ("": not known), ``baseline_choice`` why that one.
    """

    kind: Literal["gate", "run", "compare"]
    scenario_name: str
    scenario_hash: str
    created: str
    commit: str
    seed: int
    duration_s: float
    baseline_image: str
    candidate_image: str
    fingerprint: Fingerprint
    hooks: Mapping[str, str]
    pairs: tuple[Pair, ...]
    campaign: Campaign | None
    completeness: Completeness | None
    verdict: Verdict | None
    environment: Mapping[str, str]
    drift: Drift | None = None
    calibration: Note | None = None
    branch: str = ""
    baseline_commit: str = ""
    baseline_choice: Note | None = None
