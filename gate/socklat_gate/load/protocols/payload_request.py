"""The request of driver ``tcp``: the payload as it stands."""

from __future__ import annotations

from typing import TYPE_CHECKING

from socklat_gate.scenario.payload import parse_payload

if TYPE_CHECKING:
    from socklat_gate.scenario import Load

__all__ = ["payload_request"]


def payload_request(load: Load) -> bytes:
    """The bytes of ``load.payload``."""
    assert load.payload is not None, "the scenario checks that driver tcp has a payload"
    return parse_payload(load.payload)
