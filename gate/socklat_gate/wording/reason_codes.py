"""What each reason code means and what to do about it: the page docs/reference/reason-codes.md.

A report's own sentence (`wording.reasons`) has the numbers of the case, an error its own remedy;
these texts are for the reader of a code alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from socklat_gate.errors import Reason

__all__ = ["REASON_TEXTS", "ReasonText"]


@dataclass(frozen=True, slots=True)
class ReasonText:
    """Why a reason code is given, and what to do then; markdown."""

    cause: str
    remedy: str


REASON_TEXTS: Mapping[str, Mapping[Reason, ReasonText]] = {
    "Verdicts": {
        Reason.NO_REGRESSION: ReasonText(
            "Every gated metric is shown to be below its regression threshold.",
            "Nothing.",
        ),
        Reason.REGRESSION: ReasonText(
            "A metric is shown to have increased by more than its tolerance.",
            "Look at the stage that the report names; a `[[waiver]]` accepts an intended change.",
        ),
        Reason.REGRESSION_TOGETHER: ReasonText(
            "The evidence of all metrics together shows a regression, and no single one has enough "
            "of it to be named.",
            "Look at the metrics that the report names as those with most evidence; a higher "
            "`load.rate` would tell sooner which it is.",
        ),
        Reason.REQUEST_NOT_SEEN: ReasonText(
            "A named request has no exchanges in one of the arms, so that nothing is known of it.",
            "Look whether the candidate responds to it at all; raise its `weight`, `load.rate` or "
            "`load.duration_s` if it is just rare.",
        ),
        Reason.MORE_SPIKES: ReasonText(
            "The candidate has more rare spikes than chance allows.",
            "Look at the slowest exchanges in the report: when they came, and in which stage.",
        ),
        Reason.MORE_ERRORS: ReasonText(
            "More of the candidate's requests failed than chance allows beside the baseline's.",
            "Look at the first error and the statuses of each arm in the report, and at the "
            "candidate's log.",
        ),
        Reason.LESS_CAPACITY: ReasonText(
            "The candidate could not carry the load that the baseline carried in the same pairs, "
            "or the highest rate that it carries is lower.",
            "Look at what its requests wait for: connections, workers, or the CPU. If less is "
            "enough, lower `load.rate`, or raise the `tolerance` of the metric.",
        ),
        Reason.MORE_CONNECTIONS: ReasonText(
            "The candidate makes its clients open more connections: it ends those that the "
            "baseline keeps.",
            "Compare the keep-alive settings of both.",
        ),
        Reason.COUNTS_UNDECIDED: ReasonText(
            "The candidate has more failed requests, or more pairs without their load, than the "
            "baseline: too few to be shown, too many for a pass.",
            "Raise `gate.max_pairs` and `gate.max_minutes`, and read the candidate's log.",
        ),
        Reason.CAPACITY_UNDECIDED: ReasonText(
            "A metric of stage `capacity` is gated, and its rounds show neither a lower capacity "
            "of the candidate nor the same; or none were measured.",
            "Raise `gate.max_minutes`: rounds follow the pairs, in what time is left.",
        ),
        Reason.ANSWERS_DIFFER: ReasonText(
            "The arms respond with other statuses, or with much larger or smaller responses, or "
            "the candidate's TLS is of an older version: what is faster or slower there does "
            "not do the same.",
            "If the change is meant, say so in `gate.accept_answers`.",
        ),
        Reason.BUDGET_PAIRS: ReasonText(
            "`gate.max_pairs` were measured, and the evidence decides neither way.",
            "Raise `gate.max_pairs` to what the report predicts, or use a quieter machine.",
        ),
        Reason.BUDGET_MINUTES: ReasonText(
            "`gate.max_minutes` have passed, and the evidence decides neither way.",
            "Raise `gate.max_minutes`, or use a quieter machine.",
        ),
        Reason.TOO_FEW_CAMPAIGNS: ReasonText(
            "A stored baseline of fewer than 5 campaigns cannot tell a change from the difference "
            "between two days.",
            "Store more campaigns, or measure side by side with `--baseline-image`.",
        ),
        Reason.TOO_FEW_SAMPLES: ReasonText(
            "A gated quantile has fewer than 50 exchanges beyond it in some run.",
            "Raise `load.duration_s` or `load.rate`, or gate a lower quantile.",
        ),
        Reason.NOT_MEASURED: ReasonText(
            "A gated stage was not measured in one of the arms.",
            "Gate another stage, or measure again on a kernel that has its hook.",
        ),
        Reason.INSUFFICIENT_EXPOSURE: ReasonText(
            "The candidate was measured for less than `gate.spikes.watch_s`.",
            "Raise `gate.max_pairs` and `gate.max_minutes`, or lower `gate.spikes.watch_s`.",
        ),
        Reason.OVERLAPPING_REQUESTS: ReasonText(
            "Requests overlap on one connection, so that quantiles of exchanges mean nothing.",
            "Send one request at a time on a connection, or gate `cpu`.",
        ),
        Reason.DRIFT: ReasonText(
            "Stored numbers and the numbers of today differ for the same image.",
            "Look for what changed on the runner, then store new campaigns.",
        ),
        Reason.WITHIN_PREDICTION: ReasonText(
            "Every metric lies within what the stored campaigns predict.",
            "Nothing.",
        ),
        Reason.BETWEEN_LIMITS: ReasonText(
            "A metric's interval reaches across its tolerance or its regression threshold.",
            "Measure more pairs or campaigns, or widen the zone.",
        ),
        Reason.SAME_IMAGE: ReasonText(
            "Both arms are the same image and the same command, so that nothing is compared.",
            "Build the image under test before, or name it with `--candidate-image`; "
            "`--allow-same-image` measures it all the same.",
        ),
        Reason.ABOVE_LIMIT: ReasonText(
            "A metric is shown to be above its `limit_ms`.",
            "Look at the stages of the report, or raise `limit_ms` knowingly.",
        ),
        Reason.LIMIT_NOT_SHOWN: ReasonText(
            "A metric is shown neither above its `limit_ms` nor below it.",
            "Raise `gate.max_pairs` and `gate.max_minutes`, or leave the limit more room.",
        ),
        Reason.WITHIN_LIMITS: ReasonText(
            "Every metric is shown to be below its `limit_ms`; nothing was compared.",
            "Nothing.",
        ),
        Reason.RAW_SLOWER: ReasonText(
            "Every metric would pass, but numbers that are not corrected for stalls speak for a "
            "regression.",
            "Look for a process that runs for the candidate outside of its containers; else use a "
            "quieter machine.",
        ),
        Reason.CLIENTS_SLOWER: ReasonText(
            "Every metric would pass, but the load driver's own times speak for a change beyond "
            "`regression_threshold`.",
            "Look for what holds responses back behind the service's last send: Nagle's algorithm "
            "(`TCP_NODELAY`), a corked socket, connections that are opened anew.",
        ),
        Reason.CORRELATED_STALLS: ReasonText(
            "Stalls follow the requests of one arm, so they are not the machine's: raw numbers "
            "are judged.",
            "Look for what that arm's requests wake on this machine, such as a helper process.",
        ),
        Reason.TOO_FEW_REQUESTS: ReasonText(
            "The load sends too few requests for a gated quantile, however quiet the machine is.",
            "Raise `load.duration_s` or the rate to what the report says, or gate a lower "
            "quantile.",
        ),
    },
    "Usage": {
        Reason.BAD_ARGUMENT: ReasonText(
            "An option or argument of the command line is wrong.",
            "The message names it; `--help` shows what the command takes.",
        ),
        Reason.BAD_SCENARIO: ReasonText(
            "The scenario has an unknown key, a wrong value, or values that contradict each other.",
            "The message names file, line and key; see the [keys](scenario.md).",
        ),
        Reason.BAD_PAYLOAD: ReasonText(
            "`load.payload` or `load.response` has an escape that is not known.",
            r"Use `\r \n \t \0 \\ \xHH`.",
        ),
        Reason.BAD_SECRET: ReasonText(
            "A variable or a file that the scenario names for a secret is not set, empty, not "
            "readable, or too short to be masked.",
            "Set it in the environment of the command, or correct the file; see "
            "[secrets](../howto/secrets.md).",
        ),
        Reason.BAD_TRAFFIC_FILE: ReasonText(
            "A file that `init` was to make requests of is damaged, too large or of another kind.",
            "The message names the line, and what the file has to be.",
        ),
        Reason.WAIVER_EXPIRED: ReasonText(
            "The last day of a `[[waiver]]` has passed.",
            "Remove the waiver and what it covers, or agree on a later date.",
        ),
        Reason.NO_SUCH_FILE: ReasonText(
            "A file or directory that was named cannot be read.",
            "Correct the path, or its permissions.",
        ),
        Reason.RESULT_NOT_PASSED: ReasonText(
            "Only a `run`, or a `gate` that passed, can become a baseline.",
            "Store a result that passed.",
        ),
        Reason.FROM_FORK: ReasonText(
            "`baseline promote` runs in a job that was started for a fork's code.",
            "Promote in a job of the main branch.",
        ),
        Reason.COMMIT_UNKNOWN: ReasonText(
            "The result was measured with changed files, or outside of a repository.",
            "Commit and measure again, or give `--allow-dirty`.",
        ),
        Reason.NO_SUCH_COMMIT: ReasonText(
            "A commit, or the merge base with it, is not in this clone.",
            "Fetch the whole history: `fetch-depth: 0` in GitHub Actions.",
        ),
        Reason.MISSING_EXTRA: ReasonText(
            "The command needs a package that is not installed.",
            "Install the extra that the message names, such as `socklat-gate[stores]`.",
        ),
        Reason.NO_SUCH_IMAGE: ReasonText(
            "An image is neither here nor at its registry, or cannot be built.",
            "Correct its name, log in to the registry, or read the output of the build.",
        ),
        Reason.OUTPUT_NOT_WRITABLE: ReasonText(
            "A report or a baseline cannot be written.",
            "Give another directory with `--out` or `--baselines`, or free space on the disk.",
        ),
    },
    "Environment": {
        Reason.NO_DOCKER: ReasonText(
            "Docker is missing, stopped, too old, or not allowed for this user.",
            "Start Docker; `socklat-gate doctor` shows what it finds.",
        ),
        Reason.NO_BCC: ReasonText(
            "BCC or its Python binding is missing, or does not fit the other.",
            "Install `python3-bpfcc` from the distribution.",
        ),
        Reason.NO_BTF: ReasonText(
            "The kernel has no type information in `/sys/kernel/btf/vmlinux`.",
            "Use a kernel with `CONFIG_DEBUG_INFO_BTF`.",
        ),
        Reason.NO_PRIVILEGE: ReasonText(
            "BPF programs may not be loaded, or another user's process not looked up.",
            "Run as root, or give CAP_BPF and CAP_PERFMON (and CAP_SYS_PTRACE).",
        ),
        Reason.NO_GIT: ReasonText("git is not installed.", "Install git."),
        Reason.NO_HOOK: ReasonText(
            "An event that must be seen has no hook that attaches on this kernel.",
            "Run `socklat-gate doctor`; use root, or a kernel that has these hooks.",
        ),
        Reason.CONTAINERS_DO_NOT_FIT: ReasonText(
            "`gate.containers` of each arm leave too little memory for a measurement.",
            "Set `gate.containers` to a smaller number, or to `auto`.",
        ),
    },
    "Baseline": {
        Reason.NO_BASELINE_YET: ReasonText(
            "Nothing of this scenario's name is stored, or the commit to compare with has nothing "
            "to build: the gate or the scenario is new.",
            "Once it is merged, measure with `socklat-gate run` and store with `socklat-gate "
            "baseline save`; in GitHub Actions, `on-no-baseline: neutral` lets such a pull request "
            "through.",
        ),
        Reason.BASELINE_MISSING: ReasonText(
            "A baseline that was named is not there, or none of the stored campaigns was measured "
            "in this way: alone, or in pairs.",
            "Correct the path; store a `socklat-gate run` with `socklat-gate baseline save`, or "
            "give `--baseline-image`.",
        ),
        Reason.BASELINE_EMPTY: ReasonText(
            "The baseline holds no campaign.",
            "Store one with `socklat-gate baseline save`.",
        ),
        Reason.BASELINE_CORRUPT: ReasonText(
            "A stored document is damaged, too large, or not one of ours.",
            "See which with `socklat-gate baseline verify`, then restore or remove it.",
        ),
        Reason.BASELINE_SCHEMA: ReasonText(
            "A stored document has a version that this release cannot read.",
            "Use the release that wrote it, or measure again.",
        ),
        Reason.BASELINE_SCENARIO: ReasonText(
            "The stored campaigns measured another service or load.",
            "Measure a baseline with the scenario of today.",
        ),
        Reason.BASELINE_FINGERPRINT: ReasonText(
            "The stored campaigns come from a machine with another kernel, CPU or set of hooks.",
            "Measure a baseline on this runner.",
        ),
        Reason.BASELINE_UNREACHABLE: ReasonText(
            "The directory, branch or object store cannot be read.",
            "Check network, credentials and permissions.",
        ),
    },
    "Invalid measurement": {
        Reason.SERVICE_DIED: ReasonText(
            "A container ended during the measurement.",
            "Read its last log lines in the job's log, or start the image by hand.",
        ),
        Reason.SERVICE_NOT_READY: ReasonText(
            "A container was not ready within `service.ready.timeout_s`.",
            "Check `service.port` and `service.ready`, or raise the timeout.",
        ),
        Reason.PORT_TAKEN: ReasonText(
            "A port that the scenario publishes is in use.",
            "Stop what listens there, or set another `service.publish`.",
        ),
        Reason.SETUP_FAILED: ReasonText(
            "A request of `load.setup` failed in an arm, or its response lacks what is to save.",
            "Send the request by hand; correct `load.setup`, or what the service responds.",
        ),
        Reason.LOAD_REFUSED: ReasonText(
            "In every arm the service takes no connection, or responds to no request.",
            "Check `service.port`, `load.driver`, `load.tls`, `load.payload` and `load.response`.",
        ),
        Reason.LOAD_NOT_DELIVERED: ReasonText(
            "In no arm were requests sent on schedule: no connection was free, or the driver was "
            "late.",
            "Lower `load.rate`, raise `load.connections`, or give the driver a CPU of its own.",
        ),
        Reason.LOAD_ERRORS: ReasonText(
            "In every arm more requests failed than `load.max_errors` allows.",
            "Find out why requests fail; raise `load.max_errors` if that belongs to the load.",
        ),
        Reason.LOAD_DRIVER_FAILED: ReasonText(
            "The load driver, or the command of `load.command`, ended with an error.",
            "Run the command by hand and read what it prints.",
        ),
        Reason.EVENTS_LOST: ReasonText(
            "The probe lost more than 0.5% of the exchanges.",
            "Raise `probe.max_connections`, lower `load.rate`, or leave a CPU to the gate.",
        ),
        Reason.COUNT_MISMATCH: ReasonText(
            "The kernel's count of exchanges is not the load driver's count of responses.",
            "Check that nothing outside of the container talks to `service.port` (what is asked "
            "for inside is counted apart), and that requests do not overlap.",
        ),
        Reason.TOO_NOISY: ReasonText(
            "More pairs were excluded than `gate.max_excluded_pairs` allows.",
            "Use a quieter machine; stolen CPU time means that the host is overcommitted.",
        ),
    },
    "GitHub": {
        Reason.BAD_EVENT: ReasonText(
            "The variables of the runner, or its event, are not those that the step needs.",
            "Run the step in the workflow that [GitHub](../howto/github.md) shows for it.",
        ),
        Reason.FORK_REFUSED: ReasonText(
            "A fork's code may not be measured on this runner.",
            "Look at the change, then add the label of `fork-label` to exactly these commits.",
        ),
        Reason.ARTIFACT_REFUSED: ReasonText(
            "A fork's artifact is too large, damaged, or not what a gate writes.",
            "See what the measuring workflow uploaded, and why.",
        ),
        Reason.GITHUB_REFUSED: ReasonText(
            "GitHub's API refused a request.",
            "Give the job the permissions that [GitHub](../howto/github.md) names.",
        ),
        Reason.GITHUB_RATE_LIMITED: ReasonText(
            "GitHub's API takes no more requests of this token for now.",
            "Run the job again later.",
        ),
        Reason.GITHUB_UNREACHABLE: ReasonText(
            "GitHub's API did not respond.",
            "Run the job again; check the runner's network and proxy.",
        ),
        Reason.GITHUB_UNEXPECTED: ReasonText(
            "GitHub's API responded with something that is not in its documentation.",
            "Run the job again; report it if it stays.",
        ),
    },
    "Signals": {
        Reason.INTERRUPTED: ReasonText(
            "SIGINT or SIGTERM ended the command; everything that it started is removed.",
            "Run it again.",
        ),
    },
}
"""Every code, under the heading that the page gives it."""
