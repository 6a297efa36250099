"""Reason codes of verdicts: what each means, for `wording.reason_codes`."""

from __future__ import annotations

from collections.abc import Mapping

from socklat_gate.errors import Reason
from socklat_gate.wording.reason_text import ReasonText

__all__ = ["VERDICT_CODES"]

VERDICT_CODES: Mapping[Reason, ReasonText] = {
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
    Reason.MORE_STOPS: ReasonText(
        "Replicas of the candidate stopped responding for a while more often than chance allows "
        "beside the baseline's.",
        "Look at the age of the replicas at each stop, and at the stage that the report names.",
    ),
    Reason.GROWTH: ReasonText(
        "Replicas of the candidate get slower, busier or larger as they get older, and those of "
        "the baseline do not.",
        "Look for what is kept with each request: a list, a cache, connections, log records.",
    ),
    Reason.WATCH_OPEN: ReasonText(
        "All would pass, but the replicas were not watched for `gate.watch.minutes` yet, or are "
        "not `gate.watch.age_s` old; or one of the candidate's fell silent; or requests to those "
        "of the candidate waited for a connection, unlike the baseline's; or what they show so far "
        "speaks for more stops or for growth.",
        "Raise `gate.max_minutes`, or lower `gate.watch.minutes`. Where no replicas fit, free "
        "memory or set `gate.watch.minutes` to 0.",
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
        "Both arms are the same image and the same command, or built of the same commit, so that "
        "nothing is compared.",
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
        "Raise `load.duration_s` or the rate to what the report says, or gate a lower quantile.",
    ),
}
