"""Titles of a report's sections, and notes that belong to no single one."""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["CUT_NOTE", "NOTES", "TITLES"]

TITLES: Mapping[str, str] = {
    "metrics": "Metrics",
    "requests": "Requests",
    "counts": "Errors and capacity",
    "limits": "Absolute limits",
    "capacity": "Highest rate",
    "stall_correction": "Stall correction",
    "measured": "Measured",
    "attribution": "Where the time went",
    "rare_spikes": "Rare spikes",
    "spike_evidence": "How rare spikes were judged",
    "watch": "Watch",
    "watch_evidence": "How the watch was judged",
    "response_time": "Response time",
    "arm_differences": "What differs between the arms",
    "load": "Load",
    "answers": "Responses",
    "handshakes": "TLS handshakes",
    "containers": "Containers",
    "completeness": "Completeness",
    "environment": "Environment",
    "other_requests": "Other requests",
    "other_metrics": "Metrics of other requests",
    "evidence": "Evidence",
    "capacity_rounds": "Highest rate, round by round",
    "stages": "Stages",
    "companions": "Other containers of the stack",
    "slowest": "Slowest exchanges",
    "network": "Network counters that are not zero",
    "drops": "Packets dropped, by the kernel's reason",
    "pairs": "Pairs",
    "replicas": "Replicas of the watch",
    "hooks": "Hooks",
    "fingerprint": "Fingerprint (must match a baseline's)",
    "facts": "Facts about the machine",
}
"""By name of the section, in the order in which a report shows them."""

NOTES: Mapping[str, str] = {
    "mde": "MDE: the minimum detectable effect, the change that half of such jobs would have "
    "failed.",
    "counts": "errors: failed requests of those due; capacity: pairs in which the arm could not "
    "carry its load; connections: those opened, for requests due. MDE: so many of the candidate's "
    "would have failed the job (n/a: too few pairs for any).",
    "together": "The job fails when the weighted mean of the e-values of all that is judged "
    "reaches its threshold, whichever metric they come from.",
    "containers": "Start-up: from the order to start the container until it was ready. Peak "
    "memory: the most it held until the run's end. Medians over the runs, of changes over the "
    "pairs; judged only where gate.metrics asks.",
    "shared_stops": "An age in parentheses: both arms stopped at that moment, which counts for "
    "neither.",
    "named": "Beside others that got slower, a metric is named by less evidence than it alone "
    "would need.",
}
"""What belongs to tables, by what it is about."""

CUT_NOTE = "\nThe rest is left out because of the size limit; the artifact has the full report.\n"
