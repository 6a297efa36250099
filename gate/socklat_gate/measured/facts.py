"""Why something came out as it did: closed codes and numbers; `wording` makes the sentences."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Literal

from socklat_gate.errors import Reason

__all__ = [
    "TEXT",
    "Drift",
    "DriftedMetric",
    "Lack",
    "Note",
    "NoteCode",
    "ReasonFact",
    "Scalar",
    "Shortfall",
]

Arm = Literal["baseline", "candidate"]

Scalar = float | int | str | None

TEXT = "text"
"""The number's name under which a fact keeps a sentence: an error's message, an old document's."""


@dataclass(frozen=True, slots=True)
class ReasonFact:
    """One reason of a verdict: its code, what it is about, and the numbers of its sentence.

    ``subject`` is a metric's name, an arm or a list of stages, "" where the code needs none;
    everything else that the sentence needs is in the verdict itself (`wording.reasons`).
    """

    code: Reason
    subject: str = ""
    numbers: Mapping[str, Scalar] = field(default_factory=dict)


class NoteCode(str, Enum):
    """Closed list of what is noted beside a verdict; `wording.notes` has a sentence for each."""

    WORDED = "worded"  # a sentence from elsewhere, kept as it is
    # why a measurement is excluded: about the machine only
    STEAL = "steal"
    FROZEN = "frozen"
    LATE_DRIVER = "late_driver"
    MISSED_INVOCATIONS = "missed_invocations"
    STALLS_LOST = "stalls_lost"
    TOO_FEW_UNDISTURBED = "too_few_undisturbed"
    # which spikes were not counted as usual
    SPIKES_NOT_WATCHED = "spikes_not_watched"
    SPIKE_LIMIT_RAISED = "spike_limit_raised"
    SPIKES_NOT_SENT = "spikes_not_sent"
    SPIKES_SHARED = "spikes_shared"
    STOPS_NOT_NAMED = "stops_not_named"
    # what a pass does not speak for
    STAND_IN = "stand_in"
    DEFAULTS_LEFT_OUT = "defaults_left_out"
    # how much was sent
    RATE_FOUND = "rate_found"
    CONTAINERS = "containers"
    WATCH_REPLICAS = "watch_replicas"
    OWN_CPUS = "own_cpus"
    SHARED_CPUS = "shared_cpus"
    REQUESTS_LEFT_OUT = "requests_left_out"
    REQUESTS_NOT_MEASURED = "requests_not_measured"
    STAGES_NOT_MEASURED = "stages_not_measured"
    # what keeps a gate from deciding on a runner, or from being trusted there
    ARMS_DIFFER = "arms_differ"
    FALSE_ALARM = "false_alarm"
    NOT_JUDGED = "not_judged"
    OVERLAPPING_REQUESTS = "overlapping_requests"
    MORE_SPIKES = "more_spikes"
    INSUFFICIENT_EXPOSURE = "insufficient_exposure"
    # what is known of a gate on this runner
    CALIBRATED = "calibrated"
    OTHER_GATE_CALIBRATED = "other_gate_calibrated"
    NOT_CALIBRATED = "not_calibrated"
    CALIBRATION_UNUSABLE = "calibration_unusable"
    # why the candidate is compared with that commit
    NEAREST_ANCESTOR = "nearest_ancestor"
    NEWEST_STORED = "newest_stored"
    NEWEST_GIVEN = "newest_given"
    PINNED_RELEASE = "pinned_release"
    # what became of its image
    NAMED_IMAGE = "named_image"
    BASELINE_REBUILT = "baseline_rebuilt"
    BASELINE_NOT_REBUILT = "baseline_not_rebuilt"
    # what of the baseline, the limits or the waivers was not used as it stands there
    OTHER_MACHINE_RERUN = "other_machine_rerun"
    CAMPAIGNS_LEFT_OUT = "campaigns_left_out"
    WAIVER_NOT_IN_FORCE = "waiver_not_in_force"
    GATE_FROM = "gate_from"
    GATE_FROM_HERE = "gate_from_here"
    # what of the arms is not known to be alike
    STATE_SHARED = "state_shared"
    FILES_NOT_TAKEN = "files_not_taken"
    VARIABLE_UNSET = "variable_unset"
    STACK_REPLACED = "stack_replaced"
    # what of the images was left out beside the load
    CHECKS_NOT_RUN = "checks_not_run"


@dataclass(frozen=True, slots=True)
class Note:
    """A fact beside a verdict: its code, what it is about, and the numbers of its sentence."""

    code: NoteCode
    subject: str = ""
    numbers: Mapping[str, Scalar] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class DriftedMetric:
    """A metric of today's baseline arm outside of what stored campaigns predict (ratios minus 1).

    ``change`` is from the prediction; ``expected_low`` and ``expected_high`` its 95% interval.
    """

    name: str
    change: float
    expected_low: float
    expected_high: float


@dataclass(frozen=True, slots=True)
class Drift:
    """Today's baseline arm beside what ``campaigns`` stored ones predict.

    ``compared`` metrics could be, those ``unknown`` could not; ``outside`` is what has drifted.
    ``text`` is the sentence of an older document, which has nothing else.
    """

    campaigns: int
    compared: int
    outside: tuple[DriftedMetric, ...] = ()
    unknown: tuple[str, ...] = ()
    text: str = ""


class Lack(str, Enum):
    """What a number lacks to be judged."""

    EXCHANGES = "exchanges"
    STAGE = "stage"
    CPU_TIME = "cpu_time"
    STARTUP = "startup"
    MEMORY = "memory"
    RUNS = "runs"


@dataclass(frozen=True, slots=True)
class Shortfall:
    """Why one run's number cannot be judged, and which run it is.

    The run is that of an ``arm`` of a ``pair``, or ``run`` (from 0) of the stored ``campaign``
    (from 0; None: of the new one).  For ``EXCHANGES``, ``exceeding`` of ``exchanges`` lie beyond
    the quantile and ``needed`` would be enough.
    """

    lack: Lack
    pair: int | None = None
    arm: Arm | None = None
    campaign: int | None = None
    run: int | None = None
    exceeding: float | None = None
    exchanges: int | None = None
    needed: int | None = None
