"""What an A/A study of a runner found: pairs of one image against itself, and what follows.

`verdict.aa_findings` makes the findings, `baseline.calibrations` keeps them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from socklat_gate.measured.campaign import Fingerprint
from socklat_gate.measured.facts import Note

__all__ = ["Calibration", "Findings", "Found", "MetricFindings", "Proposal", "Setting"]


@dataclass(frozen=True, slots=True)
class Found:
    """A point of an operating curve.

    A relative ``change`` of one metric is found (its jobs fail by it) in a ``share`` of the jobs
    within ``minutes``.
    """

    change: float
    minutes: float
    share: float


@dataclass(frozen=True, slots=True)
class MetricFindings:
    """One gated metric between two arms that are the same.

    ``ratios`` are candidate / baseline, one for each start in the order measured; ``pair_sd`` is
    the SD of their logarithms.  ``change`` is by how much the second arm seemed slower (relative;
    Hodges-Lehmann), ``change_p`` the p-value of a sign-flip test that it is not.
    ``mde`` is the minimum detectable effect: the relative change that a job of so many minutes
    fails with 80% power, by minutes ("5", "15"); None when there is none.  ``curve`` says the same
    of some sizes: how often they are found, and how soon.
    """

    name: str
    ratios: tuple[float, ...]
    pair_sd: float
    change: float
    change_p: float
    mde: Mapping[str, float | None]
    curve: tuple[Found, ...] = ()


@dataclass(frozen=True, slots=True)
class Setting:
    """How a gate measures, and the minutes that its jobs are expected to take.

    ``rate`` is requests a second and arm (None: not the gate's to choose), ``duration_s`` that of
    a run.  ``minutes_to_pass`` are those of equal arms, never less than those of the watch where
    there is one; ``minutes_to_fail`` those of a change of the regression threshold, in whichever
    metric takes the longest (None: not in 200 clusters).
    """

    rate: float | None
    duration_s: float
    containers: int
    pairs_per_start: int
    minutes_to_pass: float | None = None
    minutes_to_fail: float | None = None


@dataclass(frozen=True, slots=True)
class Proposal:
    """The ``present`` setting, and the ``best`` one that was found: the same where none is better.

    See `verdict.proposal` for what it rests on.
    """

    present: Setting
    best: Setting


@dataclass(frozen=True, slots=True)
class Findings:
    """What ``pairs`` usable pairs show of a gate that measures such pairs.

    ``false_alarms`` of ``jobs`` resampled A/A jobs of up to ``max_pairs`` pairs ended in FAIL;
    ``false_alarm_limit`` is the upper end of the one-sided 95% Clopper-Pearson interval of that
    share.  ``decided`` jobs ended in PASS or FAIL within both budgets, of pairs and of minutes;
    half of all ended within ``pairs_to_verdict`` pairs (None: not within ``max_pairs``).
    ``pair_s`` is the time that a usable pair took, excluded ones included.
    ``problems`` are what keeps the gate from deciding here, or from being trusted; ``proposal`` is
    how it could decide sooner (None: nothing to propose, or an older document).
    """

    pairs: int
    pair_s: float
    max_pairs: int
    jobs: int
    false_alarms: int
    false_alarm_limit: float
    decided: int
    pairs_to_verdict: float | None
    metrics: tuple[MetricFindings, ...]
    problems: tuple[Note, ...]
    proposal: Proposal | None = None

    @property
    def minutes_to_verdict(self) -> float | None:
        """Minutes within which half of the jobs are decided; None when they are not."""
        return None if self.pairs_to_verdict is None else self.pairs_to_verdict * self.pair_s / 60


@dataclass(frozen=True, slots=True)
class Calibration:
    """One study: findings, and the scenario, runner and rule that they hold for.

    ``gate_hash`` is `gate_hash` of the scenario; ``created`` is UTC, ISO 8601; ``excluded`` pairs
    were measured but not used.
    """

    scenario_name: str
    scenario_hash: str
    gate_hash: str
    created: str
    commit: str
    image: str
    image_id: str
    fingerprint: Fingerprint
    seed: int
    excluded: int
    findings: Findings
