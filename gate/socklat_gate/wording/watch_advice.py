"""What to look at after the watch: by the stage and the ages of stops, by what grows."""

from __future__ import annotations

import math
from collections.abc import Mapping

from socklat_gate.errors import Reason
from socklat_gate.measured import names
from socklat_gate.measured.stop_verdict import Grown, StopVerdict
from socklat_gate.measured.verdict import Verdict
from socklat_gate.wording import units
from socklat_gate.wording.fact_numbers import count_of
from socklat_gate.wording.mechanism_text import mechanism_advice
from socklat_gate.wording.sentence import Name, Sentence
from socklat_gate.wording.stop_text import comes_once

__all__ = ["growth_advice", "stop_advice", "watch_advice"]

STAGES: Mapping[str, str] = {
    "recv_wait": "requests lay unread in the socket: a blocked event loop, a collection of "
    "garbage, a lock that all threads want",
    "app": "requests were read and got no response: a lock, a slow dependency, a disk that is "
    "waited for",
    "respond": "responses began in time and ended late: look at what writes them",
}
GROWTH: Mapping[Grown, str] = {
    "response": "what gets longer with each request: a list that is searched, a table without an "
    "index, a cache or a log without bounds",
    "cpu": "what gets longer with each request: a list that is searched, or a timer that is added "
    "and never removed",
    "memory": "what is kept with each request: a cache without bounds, listeners, connections, "
    "buffers",
}
LONGER: Sentence = (
    "Raise ",
    Name("gate.max_minutes"),
    ", or watch for less with ",
    Name("gate.watch.minutes"),
    ".",
)
DECIDES: Sentence = (
    "Look at the candidate's replicas below: when they stopped, in which stage, or what grew. A "
    "longer watch decides: raise ",
    Name("gate.max_minutes"),
    ".",
)
AGAINST = frozenset({"evidence", "at_once"})
"""Numbers of what speaks against a pass, which a shorter watch would but hide."""
SILENT: Sentence = (
    "Read the log of the candidate's replicas: find out why they stopped responding while those of "
    "the baseline went on.",
)
AWAY: Sentence = (
    "Read the log of the candidate's replicas: find out what restarts the service inside its "
    "container, or keeps it from accepting connections.",
)
NO_ROOM: Sentence = (
    "Free memory for two replicas of each arm, or gate without them: ",
    Name("gate.watch.minutes = 0"),
    " leaves stops that are rarer than what the pairs meet unseen.",
)


def stop_advice(stops: StopVerdict) -> Sentence:
    """Where to begin after more stops."""
    hint = STAGES.get(stops.stage, "")
    stage: Sentence = ("Look at the candidate's stops below: when they were, and in which stage.",)
    if stops.stage:
        stage = ("Start with ", Name(stops.stage), f"{': ' + hint if hint else ''}.")
    if stops.timer_s:
        period = units.duration_s(stops.timer_s)
        when = f"{period} after" if comes_once(stops) else f"every {period} from"
        stage = (*stage, f" Look for what comes {when} the start of the process.")
    did = mechanism_advice(stops.mechanism)
    return (*stage, f" {did}") if did else stage


def growth_advice(verdict: Verdict) -> Sentence:
    """What to look for, by the first that grows; empty where nothing does."""
    found = next((one for one in verdict.growth if one.failed), None)
    if found is None:
        return ()
    return (
        f"Look for {GROWTH[found.what]}. If it is intended, waive it for a while: ",
        Name("[[waiver]]"),
        " of ",
        Name(f"{names.GROWTH}_{found.what}"),
        ".",
    )


def watch_advice(verdict: Verdict) -> Sentence:
    """What to do while a pass waits for the watch; empty where it does not."""
    fact = next((one for one in verdict.reasons if one.code is Reason.WATCH_OPEN), None)
    if fact is None:
        return ()
    if count_of(fact.numbers, "silent"):
        return SILENT
    if count_of(fact.numbers, "waited") or count_of(fact.numbers, "lost"):
        return AWAY
    if AGAINST & fact.numbers.keys():
        return DECIDES
    missing_s = verdict.stops.missing_s if verdict.stops else 0.0
    return NO_ROOM if math.isinf(missing_s) else LONGER
