"""A compose job's stack: the other services have slots behind the arms', and their own numbers."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from socklat_gate.job.probe_room import STACK_TARGETS
from socklat_gate.probe.probe import SocketProbe
from tests.conformance.hook_sets import Compiled
from tests.conformance.lab import Lab
from tests.conformance.stand import EVER_NS, REQUEST, Stand, ask, contended

pytestmark = [pytest.mark.kernel]

REQUESTS = 53  # prime
COMPANION = 5
NOBODY_INODE = 1  # of no network namespace


@pytest.fixture
def stack_probe(compiled: Compiled, hook_set: str) -> Iterator[SocketProbe]:
    with compiled.probe(hook_set, "full", targets=STACK_TARGETS) as probe:
        yield probe


@pytest.mark.parametrize("slot", [COMPANION, STACK_TARGETS - 1])
def test_what_a_companion_waits_for_a_cpu_is_its_own(
    lab: Lab, stack_probe: SocketProbe, slot: int
) -> None:
    others = [other for other in range(STACK_TARGETS) if other != slot]
    for other in others:
        stack_probe.watch(other, NOBODY_INODE + other)
        stack_probe.record_between(other, 0, EVER_NS)
    try:
        with Stand(lab, stack_probe, slot=slot) as stand, contended(stand.pid):
            with stand.connect() as client:
                for _ in range(REQUESTS):
                    ask(client, REQUEST, len(REQUEST))
            waits = stack_probe.read(slot).histograms["runq"].total
            booked = {
                other: total
                for other in others
                if (total := stack_probe.read(other).histograms["runq"].total)
            }
    finally:
        stack_probe.forget_all()
    assert booked == {}
    assert waits > 0
