"""The result of one command: everything measured and decided, ready to be reported."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal, TypeAlias

from socklat_gate.measured.arm_differences import ArmDifferences
from socklat_gate.measured.campaign import Campaign, Fingerprint
from socklat_gate.measured.facts import Drift, Note, Scalar
from socklat_gate.measured.pair import Pair
from socklat_gate.measured.verdict import Verdict
from socklat_gate.measured.watch import Watch

__all__ = [
    "RESULT_TYPES",
    "CommonFacts",
    "Comparison",
    "Completeness",
    "GateResult",
    "Kind",
    "Result",
    "RunResult",
]

Kind = Literal["gate", "run", "compare"]
"""Which command made a result."""


@dataclass(frozen=True, slots=True)
class Completeness:
    """Kernel-side balance over all runs: ``seen`` equals the sum of all other exchange counts.

    ``seen = recorded + filtered + no_response + pending + dropped``; ``missed`` counts probe
    invocations that the kernel missed; ``responded_by_driver`` is the load driver's own count
    (None for external load commands), ``mismatch`` the largest relative difference in one run
    that is not allowed for.  In the measured windows, and not among those seen: ``internal``
    exchanges on other ports of the services' namespaces, ``local`` ones asked for from inside.
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
    internal: int = 0
    local: int = 0

    @property
    def balanced(self) -> bool:
        """Whether the identity holds exactly."""
        parts = self.recorded + self.filtered + self.no_response + self.pending + self.dropped
        return self.seen == parts


@dataclass(frozen=True, slots=True, kw_only=True)
class CommonFacts:
    """What the result of every command has; ``kind`` names the command.

    ``environment`` holds facts of the machine (kernel, CPU, steal, pressure) as
    `environment.environment_facts` names them; older documents have texts there.  ``branch`` is
    that of ``commit`` ("": not known).  ``seed`` is 0 and ``hooks`` is empty where nothing was
    measured anew.  ``former_hashes`` as in `Campaign`.
    """

    kind: ClassVar[Kind]

    scenario_name: str
    scenario_hash: str
    former_hashes: tuple[str, ...] = ()
    created: str
    commit: str
    branch: str = ""
    seed: int
    duration_s: float
    candidate_image: str
    fingerprint: Fingerprint
    hooks: Mapping[str, str]
    environment: Mapping[str, Scalar]


@dataclass(frozen=True, slots=True, kw_only=True)
class GateResult(CommonFacts):
    """Pairs of reference and candidate, and what they decided.

    ``campaign`` is that of the candidate where only stored numbers could be compared with, and
    there are no pairs then.  ``completeness`` is None when nothing was measured.  ``drift`` is the
    comparison of the stored baseline's numbers with today's baseline arm, ``calibration`` what is
    known of this gate on this runner.  ``baseline_commit`` is the commit that was compared with
    ("": not known), ``baseline_choice`` why that one.  ``notes`` say what of the baseline, the
    limits or the waivers was not used as it stands there; ``arm_differences`` is what differs
    between the arms beside code (None: nothing was started); ``watch`` is the fleet of replicas
    beside the pairs (None: none was up).
    """

    kind: ClassVar[Literal["gate"]] = "gate"

    baseline_image: str
    baseline_commit: str = ""
    baseline_choice: Note | None = None
    pairs: tuple[Pair, ...]
    campaign: Campaign | None
    completeness: Completeness | None
    verdict: Verdict
    drift: Drift | None = None
    calibration: Note | None = None
    notes: tuple[Note, ...] = ()
    arm_differences: ArmDifferences | None = None
    watch: Watch | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunResult(CommonFacts):
    """One image measured alone; nothing is decided."""

    kind: ClassVar[Literal["run"]] = "run"

    campaign: Campaign
    completeness: Completeness


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison(CommonFacts):
    """A stored campaign held against stored ones; nothing was measured for it.

    ``completeness`` is that of the campaign's runs (None: not known).  ``baseline_commit``,
    ``baseline_choice`` and ``notes`` as in `GateResult`.
    """

    kind: ClassVar[Literal["compare"]] = "compare"

    baseline_image: str
    baseline_commit: str = ""
    baseline_choice: Note | None = None
    campaign: Campaign
    completeness: Completeness | None
    verdict: Verdict
    notes: tuple[Note, ...] = ()


Result: TypeAlias = GateResult | RunResult | Comparison
"""Of any command; ``isinstance`` takes it, and ``kind`` tells the three apart."""

RESULT_TYPES: tuple[type[GateResult] | type[RunResult] | type[Comparison], ...] = (
    GateResult,
    RunResult,
    Comparison,
)
