"""Words for what came back to the driver."""

from __future__ import annotations

from collections.abc import Mapping

from socklat_gate.wording import units

__all__ = ["SOURCES", "keep_alive_text", "kind_text", "status_text", "tls_text"]

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
UNALIKE = 0.01
"""Share of the connections by which two mixes of TLS are other ones."""
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


def keep_alive_text(arms: Mapping[str, tuple[int, int]]) -> str:
    """Says that the service of one arm ends connections which the other's keeps; else "".

    ``arms`` has, by name, the connections that the service ended and the responses meanwhile; there
    is nothing to say of one arm alone.
    """
    if len(arms) != 2 or not all(responses for _, responses in arms.values()):
        return ""
    rates = {arm: lost / responses for arm, (lost, responses) in arms.items()}
    less, more = sorted(rates, key=rates.__getitem__)
    if rates[more] < FEW or rates[more] <= TIMES * rates[less]:
        return ""
    return (
        f"the {more}'s service ended {units.count(arms[more][0])} connections that the driver "
        f"would have kept, {rates[more]:.2f} a request; the {less}'s "
        f"{units.count(arms[less][0])}: keep-alive differs"
    )


def tls_text(arms: Mapping[str, Mapping[str, int]]) -> str:
    """Says that the arms negotiated other versions or ciphers of TLS; else "".

    ``arms`` has, by name, connections by what was negotiated.
    """
    if len(arms) != 2 or not all(arms.values()):
        return ""
    first, second = (
        {name: count / sum(mix.values()) for name, count in mix.items()} for mix in arms.values()
    )
    names = first.keys() | second.keys()
    if sum(abs(first.get(name, 0.0) - second.get(name, 0.0)) for name in names) / 2 <= UNALIKE:
        return ""
    usual = [f"{arm} {max(sorted(mix), key=mix.__getitem__)}" for arm, mix in arms.items()]
    return f"the arms negotiate another TLS ({'; '.join(usual)}): part of a change may be its cost"
