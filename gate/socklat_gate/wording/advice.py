"""What to do next, by reason code or outcome, and what a slow stage points at."""

from __future__ import annotations

from collections.abc import Mapping

from socklat_gate.errors import Reason
from socklat_gate.measured.verdict import Outcome
from socklat_gate.wording.sentence import Name, Sentence

__all__ = ["ADVICE", "CAPACITY_ADVICE", "COUNTS", "IMPROVED", "INTENDED", "SPIKES", "STAGES"]

STAGES: Mapping[str, str] = {
    "app": "the application itself, its dependencies included",
    "depend": "a service that it calls responds later than before",
    "internal": "a server inside the container responds later than before",
    "respond": "the response began in time and ended late: look at what is written after its first "
    "bytes, and at clients that read slowly",
    "upload": "requests took longer to come in, which is the time of their sender or their size, "
    "not the service",
    "recv_wait": "requests lay unread in the socket, so look for a blocked event loop, "
    "a full worker pool or too little CPU",
}

INTENDED: Sentence = (
    " If the change is intended, waive it for a while with ",
    Name("[[waiver]]"),
    " in the scenario, or measure the new reference with ",
    Name("socklat-gate run"),
    " and store it with ",
    Name("socklat-gate baseline save"),
    ".",
)

IMPROVED: Sentence = (
    "Nothing to do; once it is merged, save the new reference, so that what improved stays: ",
    Name("socklat-gate baseline save"),
    ".",
)

SPIKES: Sentence = (
    "Look at the candidate's slowest exchanges below: when they were, in which stage, and what "
    "else happened then.",
)

SAVE: Sentence = (
    "Save a baseline from the main branch with ",
    Name("socklat-gate baseline save"),
    ", or name an image to measure against with ",
    Name("--baseline-image"),
    ".",
)
FIRST: Sentence = (
    "The gate or the scenario is new here, so there is nothing to compare with yet. Measure what "
    "is released with ",
    Name("socklat-gate run"),
    " and store it with ",
    Name("socklat-gate baseline save"),
    ", or name an image to measure against with ",
    Name("--baseline-image"),
    ".",
)
REPAIR: Sentence = (
    "See what is damaged with ",
    Name("socklat-gate baseline verify"),
    ", then restore or remove it.",
)
SERVICE: Sentence = (
    "Start the image by hand with the scenario's settings and read its log; no latency was judged.",
)

COUNTS = (Reason.MORE_ERRORS, Reason.LESS_CAPACITY, Reason.MORE_CONNECTIONS)
"""Reasons that are looked at before any latency."""

CAPACITY_ADVICE: Mapping[Reason, Sentence] = {
    Reason.NOT_MEASURED: (
        "Measure both images side by side with ",
        Name("socklat-gate gate"),
        ", or compare by a scenario without that metric.",
    ),
    Reason.LOAD_NOT_DELIVERED: (
        "Give the load CPUs of its own with ",
        Name("load.cpuset"),
        ", or the service fewer with ",
        Name("service.cpus"),
        ".",
    ),
}
"""The same where a reason is about the highest rate."""

ADVICE: Mapping[Reason | Outcome, Sentence] = {
    Outcome.PASS: ("Nothing to do.",),
    Outcome.REGRESSION: ("Look at what this change does per request, then measure again.",),
    Outcome.INCONCLUSIVE: (
        "More pairs would hardly decide: use a quieter machine, longer runs, or larger tolerances.",
    ),
    Outcome.INVALID: ("Remove the cause and run again; nothing follows from this measurement.",),
    Outcome.NO_BASELINE: SAVE,
    Reason.NO_BASELINE_YET: FIRST,
    Reason.TOO_FEW_CAMPAIGNS: (
        "Save more campaigns of the baseline with ",
        Name("socklat-gate baseline save"),
        ", or measure both images together with ",
        Name("socklat-gate gate"),
        ".",
    ),
    Reason.NOT_MEASURED: (
        "Judge only what this machine can measure: see ",
        Name("socklat-gate doctor"),
        ", or take the metric out of ",
        Name("gate.metrics"),
        ".",
    ),
    Reason.REQUEST_NOT_SEEN: (
        "Look whether the candidate responds to that request at all; if it is just rare, "
        "raise its ",
        Name("weight"),
        " or ",
        Name("load.duration_s"),
        ".",
    ),
    Reason.INSUFFICIENT_EXPOSURE: (
        "Raise ",
        Name("gate.max_minutes"),
        " and ",
        Name("gate.max_pairs"),
        ", or watch for a shorter time: ",
        Name("gate.spikes.watch_s"),
        ".",
    ),
    Reason.MORE_ERRORS: (
        "Look at the first error below and at the candidate's log: find out why its requests fail.",
    ),
    Reason.LESS_CAPACITY: (
        "Look at what the candidate's requests wait for: connections, workers, or the CPU.",
    ),
    Reason.MORE_CONNECTIONS: (
        "Compare the keep-alive settings of both images: the candidate ends connections that the "
        "baseline keeps.",
    ),
    Reason.COUNTS_UNDECIDED: (
        "Raise ",
        Name("gate.max_pairs"),
        " and ",
        Name("gate.max_minutes"),
        ", and read the candidate's log: a few requests failed there.",
    ),
    Reason.CAPACITY_UNDECIDED: (
        "Raise ",
        Name("gate.max_minutes"),
        ": the rounds of the highest rate come after the pairs.",
    ),
    Reason.ANSWERS_DIFFER: (
        "Find out why the arms respond differently; if that is meant, say so in ",
        Name("gate.accept_answers"),
        ".",
    ),
    Reason.TOO_FEW_SAMPLES: ("Raise ", Name("load.duration_s"), " or ", Name("load.rate"), "."),
    Reason.TOO_FEW_REQUESTS: (
        "Let runs last longer, send more requests a second, or gate a lower quantile.",
    ),
    Reason.RAW_SLOWER: (
        "Look for a process that works for the candidate outside of its containers; if there is "
        "none, use a quieter machine.",
    ),
    Reason.CLIENTS_SLOWER: (
        "Look for what holds the candidate's responses back behind its last send: Nagle's "
        "algorithm (set ",
        Name("TCP_NODELAY"),
        "), a corked socket, or connections that are opened anew.",
    ),
    Reason.NO_HOOK: (
        "Gate a stage that this kernel shows; ",
        Name("socklat-gate doctor"),
        " names its hooks.",
    ),
    Reason.ABOVE_LIMIT: (
        "Look at where the candidate's time goes, or raise ",
        Name("limit_ms"),
        " if the limit asks for too much.",
    ),
    Reason.LIMIT_NOT_SHOWN: (
        "Raise ",
        Name("gate.max_pairs"),
        " and ",
        Name("gate.max_minutes"),
        ", or leave the limit more room.",
    ),
    Reason.SAME_IMAGE: (
        "Build the image under test before this step, or name it with ",
        Name("--candidate-image"),
        "; where nothing that runs has changed there is nothing to gate. ",
        Name("--allow-same-image"),
        " measures it all the same.",
    ),
    Reason.OVERLAPPING_REQUESTS: (
        "Send one request at a time per connection, or accept approximate times with ",
        Name("gate.max_overlap"),
        ".",
    ),
    Reason.DRIFT: (
        "The baseline itself has changed: save it again on this machine with ",
        Name("socklat-gate baseline save"),
        ".",
    ),
    Reason.SERVICE_DIED: SERVICE,
    Reason.SERVICE_NOT_READY: (
        "Check the port and ",
        Name("service.ready"),
        ", or give it more time with ",
        Name("service.ready.timeout_s"),
        ".",
    ),
    Reason.PORT_TAKEN: ("Stop what listens on that port, or publish another one.",),
    Reason.SETUP_FAILED: SERVICE,
    Reason.LOAD_REFUSED: SERVICE,
    Reason.LOAD_NOT_DELIVERED: (
        "Lower ",
        Name("load.rate"),
        ", raise ",
        Name("load.connections"),
        ", or give the load its own CPUs with ",
        Name("load.cpuset"),
        ".",
    ),
    Reason.LOAD_ERRORS: (
        "Find out why requests fail; the latency of a failing service means nothing.",
    ),
    Reason.LOAD_DRIVER_FAILED: ("Run the load command by hand and read what it prints.",),
    Reason.EVENTS_LOST: (
        "Raise ",
        Name("probe.max_connections"),
        " above the number of open connections, or lower ",
        Name("load.rate"),
        ".",
    ),
    Reason.COUNT_MISMATCH: (
        "Check that nothing outside of the container talks to the service during the run, such as "
        "another service's probe.",
    ),
    Reason.TOO_NOISY: (
        "Use a quieter machine, or one that does not share its CPUs, or let runs last longer with ",
        Name("load.max_duration_s"),
        ".",
    ),
    Reason.BASELINE_CORRUPT: REPAIR,
    Reason.BASELINE_EMPTY: REPAIR,
    Reason.BASELINE_UNREACHABLE: (
        "Check the network and the credentials of this job, then run it again.",
    ),
    Reason.BASELINE_SCHEMA: (
        "Read it with the version that wrote it, or save it again with ",
        Name("socklat-gate baseline save"),
        ".",
    ),
}
