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
        return (f"{number}: see below.",)
    failed = sum(metric.verdict is Outcome.REGRESSION for metric in metrics)
    passed = sum(metric.verdict is Outcome.PASS for metric in metrics)
    largest = max(metrics, key=change_or_lowest)
    held = f"{passed} of {plural(len(metrics), 'metric')} pass"
    held += f", {failed} got slower" if failed else ""
    if not largest.change > 0:
        return (f"{number}: {held}.",)
    change = units.change(largest.change)
    return (f"{number}: {held}; largest increase: ", *metric_sentence(largest.name), f" {change}.")


def join_text(joins: Sequence[Join]) -> str:
    """Whether kernel and driver agree on every connection, and on which they do not."""
    if not joins:
        return ""
    connections = sum(one.connections for one in joins)
    wrong = sum(one.mismatched for one in joins)
    joined, logged = sum(one.joined for one in joins), sum(one.logged for one in joins)
    text = (
        f"kernel and driver agree on {units.count(connections - wrong)} of "
        f"{plural(connections, 'connection')}; {units.count(joined)} of {units.count(logged)} "
        "logged exchanges have their request"
    )
    found = [one for join in joins for one in join.mismatches]
    parts = [
        f"port {one.peer_port}: {units.count(one.seen)} exchanges, {units.count(one.sent)} requests"
        for one in found[:MAX_MISMATCHES]
    ]
    if wrong > len(parts) and parts:
        parts.append(f"and {units.count(wrong - len(parts))} more")
    return f"{text} ({'; '.join(parts)})" if parts else text
