"""What is said of named requests that are not listed, and of the join of two logs."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from socklat_gate.measured.run import Join
from socklat_gate.measured.verdict import Outcome, Verdict
from socklat_gate.wording import units
from socklat_gate.wording.changes import plural
from socklat_gate.wording.decisive import change_or_lowest
from socklat_gate.wording.metric_names import metric_sentence
from socklat_gate.wording.sentence import Sentence

__all__ = ["join_text", "others_text"]

MAX_MISMATCHES = 5


def others_text(names: Collection[str], listed: bool, verdict: Verdict | None) -> Sentence:
    """How many requests are not in the table above, and the largest change among them."""
    if not names:
        return ()
    number = plural(len(names), "other request" if listed else "request")
    metrics = [m for m in verdict.metrics if m.request in names] if verdict else []
    if not metrics:
        return (f"{number}{': see below' if verdict is None else ', not judged by name'}.",)
    failed = sum(metric.verdict is Outcome.REGRESSION for metric in metrics)
    passed = sum(metric.verdict is Outcome.PASS for metric in metrics)
    largest = max(metrics, key=change_or_lowest)
    held = f"{passed} of {plural(len(metrics), 'metric')} pass"
    held += f", {failed} got slower" if failed else ""
    unjudged = len(names) - len({metric.request for metric in metrics})
    held += f"; {plural(unjudged, 'request')} not judged by name" if unjudged else ""
    if not largest.change > 0:
        return (f"{number}: {held}.",)
    change = units.change(largest.change)
    return (f"{number}: {held}; largest increase: ", *metric_sentence(largest.name), f" {change}.")


def join_text(joins: Sequence[tuple[str, Join]]) -> str:
    """Whether kernel and driver agree on every connection, and on which of which arm they do not.

    ``joins`` has the arm of each run and its join.
    """
    if not joins:
        return ""
    connections = sum(join.connections for _, join in joins)
    wrong = sum(join.mismatched for _, join in joins)
    joined, logged = (sum(getattr(join, of) for _, join in joins) for of in ("joined", "logged"))
    text = (
        f"kernel and driver agree on {units.count(connections - wrong)} of "
        f"{units.count(connections)} connections; {units.count(joined)} of {units.count(logged)} "
        "logged exchanges have their request"
    )
    parts = [
        f"{arm}, port {one.peer_port}: {plural(one.seen, 'exchange')}, "
        f"{plural(one.sent, 'request')}"
        for arm, join in joins
        for one in join.mismatches
    ][:MAX_MISMATCHES]
    if wrong > len(parts):
        parts.append(f"{'and ' if parts else ''}{units.count(wrong - len(parts))} more")
    return f"{text} ({'; '.join(parts)})" if parts else text
