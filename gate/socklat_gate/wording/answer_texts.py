"""Words for what came back to the driver."""

from __future__ import annotations

from collections.abc import Mapping

from socklat_gate.measured.run import Answers
from socklat_gate.wording import units

__all__ = ["SOURCES", "keep_alive_text", "kind_text", "status_text"]

SOURCES: Mapping[str, str] = {
    "driver": "the load driver",
    "kernel": "the probe",
    "tool": "the load command",
}
KINDS: Mapping[str, str] = {
    "timeout": "no response in time",
    "refused": "connection refused",
    "reset": "connection reset",
    "closed": "connection closed before the response",
    "protocol": "not a response",
    "bad_status": "error status",
    "unexpected_status": "another status than expected",
    "unexpected_size": "smaller than expected",
    "unexpected_body": "other content than expected",
}
ERROR_REPLY = "-"
FEW, TIMES = 0.01, 2.0
"""Connections lost a request that are worth a sentence, and how many times the other arm's."""


def status_text(status: str) -> str:
    """What is counted under a status."""
    if not status:
        return "responses"
    return "error replies" if status == ERROR_REPLY else f"status {status}"


def kind_text(kind: str) -> str:
    """What happened, as a part of the failed requests."""
    return f"of these: {KINDS[kind]}"


def keep_alive_text(arms: Mapping[str, Answers]) -> str:
    """Says that the service of one arm ends connections which the other's keeps; else "".

    ``arms`` is by name of the arm; there is nothing to say of one alone.
    """
    if len(arms) != 2 or not all(answers.sizes.total for answers in arms.values()):
        return ""
    (less, kept), (more, ended) = sorted(arms.items(), key=lambda item: _lost(item[1]))
    if _lost(ended) < FEW or _lost(ended) <= TIMES * _lost(kept):
        return ""
    return (
        f"the {more}'s service ended {units.count(ended.lost)} connections that the driver would "
        f"have kept, {_lost(ended):.2f} a request; the {less}'s "
        f"{units.count(kept.lost)}: keep-alive differs"
    )


def _lost(answers: Answers) -> float:
    """Connections lost a response."""
    return answers.lost / answers.sizes.total
