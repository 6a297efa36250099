"""Reason codes of errors, by heading: what each means, for `wording.reason_codes`."""

from __future__ import annotations

from collections.abc import Mapping

from socklat_gate.errors import Reason
from socklat_gate.wording.reason_text import ReasonText

__all__ = ["ERROR_CODES"]

ERROR_CODES: Mapping[str, Mapping[Reason, ReasonText]] = {
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
        Reason.NOT_ALLOWED: ReasonText(
            "A pull request's scenario runs commands of the host, mounts its directories, or the "
            "like, and the workflow does not allow it.",
            "Read the change; if pull requests may do that on this runner, name it in `allow` "
            "([GitHub](../howto/github.md#what-a-pull-request-may-do)).",
        ),
        Reason.COMMIT_UNKNOWN: ReasonText(
            "The result was measured with changed files, or outside of a repository.",
            "Commit and measure again, or give `--allow-dirty`.",
        ),
        Reason.NO_SUCH_COMMIT: ReasonText(
            "A commit, or the merge base with it, is not in this clone.",
            "Do what the message says; mostly fetch the whole history (`fetch-depth: 0` in GitHub "
            "Actions, `GIT_DEPTH: 0` in GitLab CI).",
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
        Reason.NO_RESOURCES: ReasonText(
            "The system refused what the gate itself needs: space for temporary files, memory, "
            "processes or open files.",
            "The message has the system's own words; free what is short, or raise its limit.",
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
            "A container ended during the measurement, or one of the candidate took no new "
            "connections after it.",
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
    "Other code hosts": {
        Reason.HOST_UNKNOWN: ReasonText(
            "Which code host to publish on, or which pull request, is not known.",
            "Name it with `--host`, `--url`, `--repository` and `--number`: see "
            "[other hosts](../howto/hosts.md).",
        ),
        Reason.HOST_REFUSED: ReasonText(
            "The code host, or the CI's agent, refused a request.",
            "Give the token the rights that [other hosts](../howto/hosts.md) names.",
        ),
        Reason.HOST_RATE_LIMITED: ReasonText(
            "The code host takes no more requests of this token for now.",
            "Run the job again later.",
        ),
        Reason.HOST_UNREACHABLE: ReasonText(
            "The code host did not respond.",
            "Run the job again; check the runner's network and proxy, and the address of the API.",
        ),
        Reason.HOST_UNEXPECTED: ReasonText(
            "The code host responded with something that is not in its documentation.",
            "Check the address of the API; report it if it is right.",
        ),
    },
    "Signals": {
        Reason.INTERRUPTED: ReasonText(
            "SIGINT or SIGTERM ended the command; everything that it started is removed.",
            "Run it again.",
        ),
    },
}
