"""One error root; the exit code and the closed reason code sit on the exception.

``socklat_gate.cli.main`` is the one place that catches `GateError`, prints it and exits.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum, IntEnum
from typing import TypeVar

from socklat_gate.masking import mask_foreign, mask_own

__all__ = [
    "Exit",
    "GateError",
    "GitHubFailure",
    "HostFailure",
    "Interrupted",
    "InvalidMeasurement",
    "NoUsableBaseline",
    "Reason",
    "UnfitEnvironment",
    "UsageError",
]


Error = TypeVar("Error", bound="GateError")


class Exit(IntEnum):
    """Exit codes of every command; part of the contract."""

    PASS = 0
    REGRESSION = 1
    USAGE = 2
    UNFIT_ENVIRONMENT = 3
    INCONCLUSIVE = 4
    NO_BASELINE = 5
    INVALID = 6
    INTERNAL = 70  # a defect of the tool, with its traceback; EX_SOFTWARE of sysexits.h
    SIGINT = 130
    SIGPIPE = 141  # whoever read the output went away
    SIGTERM = 143


class Reason(str, Enum):
    """Closed list of reason codes: every verdict and every error carries at least one."""

    # verdicts
    NO_REGRESSION = "no_regression"
    REGRESSION = "regression"
    MORE_SPIKES = "more_spikes"
    MORE_STOPS = "more_stops"
    GROWTH = "growth"
    WATCH_OPEN = "watch_open"
    MORE_ERRORS = "more_errors"
    LESS_CAPACITY = "less_capacity"
    MORE_CONNECTIONS = "more_connections"
    COUNTS_UNDECIDED = "counts_undecided"
    CAPACITY_UNDECIDED = "capacity_undecided"
    ANSWERS_DIFFER = "answers_differ"
    BUDGET_PAIRS = "budget_pairs"
    BUDGET_MINUTES = "budget_minutes"
    TOO_FEW_CAMPAIGNS = "too_few_campaigns"
    TOO_FEW_SAMPLES = "too_few_samples"
    NOT_MEASURED = "not_measured"
    INSUFFICIENT_EXPOSURE = "insufficient_exposure"
    OVERLAPPING_REQUESTS = "overlapping_requests"
    DRIFT = "drift"
    WITHIN_PREDICTION = "within_prediction"
    BETWEEN_LIMITS = "between_limits"
    SAME_IMAGE = "same_image"
    ABOVE_LIMIT = "above_limit"
    LIMIT_NOT_SHOWN = "limit_not_shown"
    WITHIN_LIMITS = "within_limits"
    RAW_SLOWER = "raw_slower"
    CLIENTS_SLOWER = "clients_slower"
    CORRELATED_STALLS = "correlated_stalls"
    TOO_FEW_REQUESTS = "too_few_requests"
    REGRESSION_TOGETHER = "regression_together"
    REQUEST_NOT_SEEN = "request_not_seen"
    # usage
    BAD_ARGUMENT = "bad_argument"
    BAD_SCENARIO = "bad_scenario"
    BAD_PAYLOAD = "bad_payload"
    BAD_SECRET = "bad_secret"  # noqa: S105 - the code of a reason
    BAD_TRAFFIC_FILE = "bad_traffic_file"
    WAIVER_EXPIRED = "waiver_expired"
    NO_SUCH_FILE = "no_such_file"
    RESULT_NOT_PASSED = "result_not_passed"
    FROM_FORK = "from_fork"
    NOT_ALLOWED = "not_allowed"
    COMMIT_UNKNOWN = "commit_unknown"
    NO_SUCH_COMMIT = "no_such_commit"
    MISSING_EXTRA = "missing_extra"
    NO_SUCH_IMAGE = "no_such_image"
    OUTPUT_NOT_WRITABLE = "output_not_writable"
    # environment
    NO_DOCKER = "no_docker"
    NO_BCC = "no_bcc"
    NO_BTF = "no_btf"
    NO_PRIVILEGE = "no_privilege"
    NO_GIT = "no_git"
    NO_HOOK = "no_hook"
    CONTAINERS_DO_NOT_FIT = "containers_do_not_fit"
    NO_RESOURCES = "no_resources"
    # baseline
    NO_BASELINE_YET = "no_baseline_yet"
    BASELINE_MISSING = "baseline_missing"
    BASELINE_EMPTY = "baseline_empty"
    BASELINE_CORRUPT = "baseline_corrupt"
    BASELINE_SCHEMA = "baseline_schema"
    BASELINE_SCENARIO = "baseline_scenario"
    BASELINE_FINGERPRINT = "baseline_fingerprint"
    BASELINE_UNREACHABLE = "baseline_unreachable"
    # invalid measurement
    SERVICE_DIED = "service_died"
    SERVICE_NOT_READY = "service_not_ready"
    PORT_TAKEN = "port_taken"
    SETUP_FAILED = "setup_failed"
    LOAD_REFUSED = "load_refused"
    LOAD_NOT_DELIVERED = "load_not_delivered"
    LOAD_ERRORS = "load_errors"
    LOAD_DRIVER_FAILED = "load_driver_failed"
    EVENTS_LOST = "events_lost"
    COUNT_MISMATCH = "count_mismatch"
    TOO_NOISY = "too_noisy"
    # GitHub
    BAD_EVENT = "bad_event"
    FORK_REFUSED = "fork_refused"
    ARTIFACT_REFUSED = "artifact_refused"
    GITHUB_REFUSED = "github_refused"
    GITHUB_RATE_LIMITED = "github_rate_limited"
    GITHUB_UNREACHABLE = "github_unreachable"
    GITHUB_UNEXPECTED = "github_unexpected"
    # other code hosts
    HOST_UNKNOWN = "host_unknown"
    HOST_REFUSED = "host_refused"
    HOST_RATE_LIMITED = "host_rate_limited"
    HOST_UNREACHABLE = "host_unreachable"
    HOST_UNEXPECTED = "host_unexpected"
    # signals
    INTERRUPTED = "interrupted"


class GateError(Exception):
    """Root of all errors the tool reports: what went wrong, which one, and what to do now.

    Nothing of it holds a secret, nor what looks like one.  ``log`` are lines of somebody else, a
    container's log or a tool's output: for the job's own log, and for reports only where a scenario
    asks for them.
    """

    exit_code: Exit = Exit.USAGE

    def __init__(self, reason: Reason, message: str, *, remedy: str | None = None) -> None:
        message = mask_own(message)
        super().__init__(message)
        self.reason = reason
        self.message = message
        self.remedy = mask_own(remedy) if remedy else remedy
        self.log = ""

    def with_log(self: Error, lines: str) -> Error:
        """The error itself, with the last lines of who failed."""
        self.log = mask_foreign(lines)
        return self

    def and_beside(self: Error, lines: Sequence[str]) -> Error:
        """The error itself, with further facts that may be its cause."""
        self.message = "\n".join([self.message, *map(mask_own, lines)])
        self.args = (self.message,)
        return self

    def while_at(self: Error, what: str) -> Error:
        """The error itself, which happened while ``what`` was done."""
        self.message = f"{what}: {self.message}"
        self.args = (self.message,)
        return self


class UsageError(GateError):
    """The command line, the scenario or a file named there is wrong (exit 2)."""

    exit_code = Exit.USAGE


class UnfitEnvironment(GateError):
    """This machine cannot measure: Docker, BPF or privileges are missing (exit 3)."""

    exit_code = Exit.UNFIT_ENVIRONMENT


class HostFailure(UnfitEnvironment):
    """A request to a code host's API failed (exit 3).

    ``status`` is the HTTP status of its response, None when there was none.  ``wait_s`` is how long
    to wait before the next request (0: a moment), None when that is useless.  ``outcome_unknown``:
    the request may have been carried out all the same.
    """

    def __init__(
        self,
        reason: Reason,
        message: str,
        *,
        remedy: str | None = None,
        status: int | None = None,
        wait_s: float | None = None,
        outcome_unknown: bool = False,
    ) -> None:
        super().__init__(reason, message, remedy=remedy)
        self.status = status
        self.wait_s = wait_s
        self.outcome_unknown = outcome_unknown


class GitHubFailure(HostFailure):
    """The same of GitHub."""


class NoUsableBaseline(GateError):
    """There is nothing valid to compare with (exit 5)."""

    exit_code = Exit.NO_BASELINE


class InvalidMeasurement(GateError):
    """The measurement did not happen as planned; it can never become a verdict (exit 6)."""

    exit_code = Exit.INVALID


class Interrupted(GateError):
    """SIGINT or SIGTERM; everything started is removed before the process ends."""

    def __init__(self, exit_code: Exit) -> None:
        super().__init__(Reason.INTERRUPTED, f"interrupted ({exit_code.name})")
        self.exit_code = exit_code
