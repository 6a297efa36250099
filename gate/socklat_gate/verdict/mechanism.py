"""What a replica's threads did while it stopped, from counters of its container.

A container wants a CPU while it has one (CPU time), while its limit keeps it from one (throttled
time), and while others have them all (it waits with threads that are ready): *running*,
*throttled*, *runnable*.  In the rest of the time it was **blocked**: on a lock, a disk, a timer,
another service, a signal that stopped it, or a frozen control group, which the counters do not tell
apart, but for one: where it waited for memory or a disk for half of that, and for pages (major
faults), it was *swapped*.  What more than half of the time was names the stop.

**Stolen**: the hypervisor had all CPUs that the container may use for more than half of the time.
Where it had some of them, the container's threads may have been on these, and none is named.

Nothing is named by less than `COVERED` of the exchange, as a reader that was itself stopped leaves
it, nor where what decides is not known.  Any thread of the container counts, also one that has
nothing to do with the request.  A mechanism is for the reader of a report: no evidence and no
verdict depends on it.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from socklat_gate.measured.stop_verdict import MECHANISMS, Mechanism
from socklat_gate.measured.watch import Replica, StopUse, Watch
from socklat_gate.verdict.watch_moments import Moment, Moments, paired

__all__ = ["mechanism_between", "mechanism_of", "mechanisms_of", "most_of"]

COVERED = 0.5
"""Of the exchange lies between looks."""

FAULTS_PER_S = 10.0
"""Where it waited for pages for half of the time: a page that takes 50 ms comes from no disk."""
FAULTS_ALONE_PER_S = 100.0
"""Where the kernel does not tell for how long it waited: 5 ms for each, or longer."""

SLACK_NS = 1_000
"""Moments are in seconds, as floating point has them."""


def mechanism_of(use: StopUse) -> Mechanism | None:
    """What the exchange with these counters was; None: none can be named."""
    covered_ns = use.to_ns - use.from_ns
    if covered_ns <= 0 or covered_ns < COVERED * use.length_ns:
        return None
    if use.some_stolen_ns > covered_ns / 2:
        return "stolen" if use.stolen_ns > covered_ns / 2 else None
    throttled_ns = use.throttled_ns or 0
    # Whoever is out of its quota is ready to run, too.
    waited_ns = min(covered_ns, max(0, (use.waited_ns or 0) - throttled_ns))
    wanted = {
        "running": use.cpu_ns,
        "throttled": throttled_ns,
        "runnable": waited_ns,
    }
    # Threads on several CPUs want more than there is time.
    whole_ns = max(covered_ns, sum(wanted.values()))
    blocked_ns = whole_ns - sum(wanted.values())
    found = most_of({**wanted, "blocked": blocked_ns}, whole_ns)
    return _blocked(use, covered_ns, blocked_ns) if found == "blocked" else found


def _blocked(use: StopUse, covered_ns: int, blocked_ns: int) -> Mechanism | None:
    """Of one that was blocked, as far as it is known not to have waited for a CPU."""
    if use.waited_ns is None:
        return None
    per_s = None if use.major_faults is None else use.major_faults / (covered_ns / 1e9)
    if use.paging_ns is None:
        return "swapped" if per_s is not None and per_s >= FAULTS_ALONE_PER_S else "blocked"
    if use.paging_ns < blocked_ns / 2:
        return "blocked"
    if per_s is None:
        return None
    return "swapped" if per_s >= FAULTS_PER_S else "blocked"


def mechanism_between(replica: Replica, first_ns: int, last_ns: int) -> Mechanism | None:
    """Of the longest of its slow exchanges that began then."""
    first, beyond = (
        bisect_left(replica.uses, at_ns, key=lambda use: use.rx_first_ns)
        for at_ns in (first_ns - SLACK_NS, last_ns + SLACK_NS + 1)
    )
    found = replica.uses[first:beyond]
    return mechanism_of(max(found, key=lambda use: use.length_ns)) if found else None


def mechanisms_of(watch: Watch, seen: Moments, moments: Sequence[Moment]) -> dict[str, int]:
    """How many of the ``moments`` were of which mechanism, by those of their members."""
    pairs = paired(watch)
    found = []
    for moment in moments:
        of_members = []
        for at_s, member in zip(moment.at_s, moment.members, strict=True):
            arm, at = divmod(member, seen.numbers)
            first, last = (seen.origin_ns + round(1e9 * s) for s in (at_s, moment.known_s))
            of_members.append(mechanism_between(pairs[at][arm], first, last))
        found.append(most_of(_counted(of_members), len(of_members)))
    return _counted(found)


def _counted(mechanisms: Iterable[Mechanism | None]) -> dict[str, int]:
    counts = Counter(one for one in mechanisms if one is not None)
    return {name: counts[name] for name in MECHANISMS if counts[name]}


def most_of(amounts: Mapping[str, int], total: int) -> Mechanism | None:
    """The one that has more than half of ``total``."""
    return next((name for name in MECHANISMS if 2 * amounts.get(name, 0) > total), None)
