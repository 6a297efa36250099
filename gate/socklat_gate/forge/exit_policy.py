"""What a gate's end means on a code host: for the job, its annotation, its check."""

from __future__ import annotations

import math
import signal
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Literal

from socklat_gate.errors import Exit
from socklat_gate.measured.verdict import Outcome, Verdict

if TYPE_CHECKING:
    from socklat_gate.measured.result import Result

__all__ = [
    "Conclusion",
    "Ending",
    "FailOn",
    "Level",
    "OnNoBaseline",
    "conclusion_of",
    "job_exit",
    "latency_change",
    "level_of",
    "meaning_of",
    "outcome_exit",
]

Conclusion = Literal["success", "failure", "neutral"]
Level = Literal["error", "warning", "notice"]
"""How loud an annotation is."""

MEANING = {
    Exit.PASS: "passed",
    Exit.REGRESSION: "found a regression",
    Exit.USAGE: "was given a wrong command line, scenario or image",
    Exit.UNFIT_ENVIRONMENT: "cannot measure on this machine",
    Exit.INCONCLUSIVE: "could not decide",
    Exit.NO_BASELINE: "has no usable baseline",
    Exit.INVALID: "could not measure validly",
    Exit.INTERNAL: "has a defect",
    Exit.SIGINT: "was interrupted",
    Exit.SIGPIPE: "lost its output",
    Exit.SIGTERM: "was terminated",
}
OF_SHELLS = {
    124: "took too long for `timeout`, which ended it",
    126: "could not be started",
    127: "was not found",
}
"""Exit codes of whoever was to start the gate."""
BY_SIGNAL = 128


class FailOn(str, Enum):
    """What fails a job beside a regression; whatever is no verdict at all always does.

    ``REGRESSION``: also what could not be judged; only a budget that was not enough is neutral.
    ``REGRESSION_ONLY``: nothing else that is inconclusive.  ``INCONCLUSIVE``: all of it.
    """

    REGRESSION = "regression"
    REGRESSION_ONLY = "regression-only"
    INCONCLUSIVE = "inconclusive"


class OnNoBaseline(str, Enum):
    """What it means that there is nothing to compare with yet; what is unusable always fails."""

    FAIL = "fail"
    NEUTRAL = "neutral"


@dataclass(frozen=True, slots=True)
class Ending:
    """How a gate ended: its exit code, and whether its verdict is open for want of budget only.

    ``no_baseline_yet``: nothing of the scenario's name was there to compare with.
    """

    exit_code: int
    only_undecided: bool = False
    no_baseline_yet: bool = False

    def is_neutral(self, fail_on: FailOn, on_no_baseline: OnNoBaseline = OnNoBaseline.FAIL) -> bool:
        """Whether the job neither succeeds with it nor fails."""
        if self.exit_code == Exit.NO_BASELINE:
            return self.no_baseline_yet and on_no_baseline is OnNoBaseline.NEUTRAL
        if self.exit_code != Exit.INCONCLUSIVE:
            return False
        if fail_on is FailOn.REGRESSION:
            return self.only_undecided
        return fail_on is FailOn.REGRESSION_ONLY

    def is_unjudged(self, fail_on: FailOn) -> bool:
        """Whether the job fails since something could not be judged, and nothing else is wrong."""
        return (
            fail_on is FailOn.REGRESSION
            and self.exit_code == Exit.INCONCLUSIVE
            and not self.only_undecided
        )


def job_exit(
    ending: Ending, fail_on: FailOn, on_no_baseline: OnNoBaseline = OnNoBaseline.FAIL
) -> int:
    """The exit code of the job's last step."""
    return int(Exit.PASS) if ending.is_neutral(fail_on, on_no_baseline) else ending.exit_code


def conclusion_of(
    ending: Ending, fail_on: FailOn, on_no_baseline: OnNoBaseline = OnNoBaseline.FAIL
) -> Conclusion:
    """The conclusion of a check run."""
    if ending.is_neutral(fail_on, on_no_baseline):
        return "neutral"
    return "success" if ending.exit_code == Exit.PASS else "failure"


def level_of(
    ending: Ending, fail_on: FailOn, on_no_baseline: OnNoBaseline = OnNoBaseline.FAIL
) -> Level:
    """How loud an annotation is."""
    if ending.exit_code == Exit.PASS:
        return "notice"
    return "warning" if ending.is_neutral(fail_on, on_no_baseline) else "error"


def meaning_of(exit_code: int) -> str:
    """How the gate ended, as the end of a sentence."""
    known = [text for code, text in MEANING.items() if code == exit_code]
    if known or exit_code in OF_SHELLS:
        return known[0] if known else OF_SHELLS[exit_code]
    try:
        number = signal.Signals(exit_code - BY_SIGNAL)
    except ValueError:
        return "ended in a way that is not known"
    why = ", as the system does when memory runs out" if number is signal.SIGKILL else ""
    return f"was ended by {number.name}{why}"


def latency_change(verdict: Verdict, quantile: float) -> float | None:
    """Relative change of a quantile of the whole exchange, of all requests.

    Of ``response``, else of ``client`` or of ``service``.

    None when neither was judged or it is not known.
    """
    judged = {
        metric.stage: metric
        for metric in verdict.metrics
        if metric.quantile == quantile and not metric.request
    }
    stages = ("response", "client", "service")
    metric = next((judged[stage] for stage in stages if stage in judged), None)
    return metric.change if metric is not None and math.isfinite(metric.change) else None


def outcome_exit(result: Result) -> int:
    """The exit code that a result stands for."""
    outcome = Outcome.PASS if result.kind == "run" else result.verdict.outcome
    return int(outcome.exit_code)
