"""Many namespaces in two slots, as the replicas of two arms: exact for each, and no dearer."""

from __future__ import annotations

import contextlib
import socket
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from socklat_gate.measured.bpf_layout import layout
from socklat_gate.measured.records import Records
from socklat_gate.probe.probe import SocketProbe
from tests.conformance.lab import Lab
from tests.conformance.stand import (
    EMULATED,
    EVER_NS,
    PORT,
    REQUEST,
    ask,
    assert_balanced,
    await_listening,
    eventually,
    open_connections,
    running,
)

pytestmark = pytest.mark.kernel

REPLICAS = 4 if EMULATED else 16  # of each arm
FLEET = (2, 3)
PRIMES = [n for n in range(31, 300) if all(n % d for d in range(2, n))]
ROUNDS = 5
COST_REQUESTS = 2000
HOT = ("segment", "read", "send", "sent")
SWITCH = Path("/proc/sys/kernel/bpf_stats_enabled")


@pytest.fixture(scope="module")
def labs(lab: Lab) -> Iterator[list[Lab]]:
    """Namespaces in which an echo service runs, those of both arms in turn."""
    program = lab.program("delay")
    with contextlib.ExitStack() as stack:
        found = [stack.enter_context(Lab()) for _ in range(2 * REPLICAS)]
        for of in found:
            process = stack.enter_context(running(of.run_inside(program, "--port", str(PORT))))
            await_listening(process, PORT)
        yield found


@pytest.fixture
def emptied(probe: SocketProbe) -> Iterator[SocketProbe]:
    yield probe
    probe.forget_all()


def inodes(labs: Sequence[Lab]) -> list[int]:
    return [of.netns_inode for of in labs]


def watch_all(probe: SocketProbe, labs: Sequence[Lab]) -> None:
    for slot in FLEET:
        probe.watch_together(slot, inodes(labs[slot - FLEET[0] :: 2]), PORT)
        probe.record_between(slot, 0, EVER_NS)


def connect(of: Lab) -> socket.socket:
    client = socket.create_connection((of.inside4, PORT), timeout=30.0)
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return client


def drive(of: Lab, requests: int) -> None:
    with connect(of) as client:
        for _ in range(requests):
            ask(client, REQUEST, len(REQUEST))


def settle(probe: SocketProbe, labs: Sequence[Lab]) -> None:
    for of in labs:
        eventually(lambda inode=of.netns_inode: not open_connections(probe, inode))  # type: ignore[misc]


def by_namespace(logged: Records) -> Counter[tuple[int, int]]:
    """Exchanges by slot and the low bits of their namespace's inode."""
    return Counter((int(row["target"]), int(row["netns"])) for row in logged)


def test_every_namespace_of_a_slot_is_counted_exactly(
    lab: Lab, labs: list[Lab], emptied: SocketProbe
) -> None:
    probe = emptied
    bytes_before = probe.map_bytes()
    half = len(labs) // 2
    watch_all(probe, labs[:half])
    feed = probe.subscribe(FLEET)
    for slot in FLEET:  # the others join while the window is open
        probe.watch_together(slot, inodes(labs[half + slot - FLEET[0] :: 2]), PORT)
    planned = {}
    with running(lab.start("--port", str(PORT))) as process:
        await_listening(process, PORT)
        probe.watch(0, lab.netns_inode, PORT, apart=True)
        probe.record_between(0, 0, EVER_NS)
        pair = probe.subscribe([0, 1])
        for number, of in enumerate(labs):
            drive(of, PRIMES[number])
            planned[FLEET[number % 2], of.netns_inode & 0xFFFF] = PRIMES[number]
            if number % 3 == 0:
                drive(lab, 1)
                settle(probe, [lab])  # the last exchange ends with its connection
                own = by_namespace(pair.drain()[0])  # empties the ring of the others' rows, too
                assert own == {(0, lab.netns_inode & 0xFFFF): 1}
        settle(probe, [lab, *labs])
        probe.forget_all(but=FLEET)  # between pairs
        drive(labs[0], 2)
        planned[FLEET[0], labs[0].netns_inode & 0xFFFF] += 2
        settle(probe, labs)
    assert by_namespace(feed.drain()[0]) == planned
    for slot in FLEET:
        counters = dict(probe.read(slot).counters)
        assert_balanced(counters)
        expected = sum(count for (of, _), count in planned.items() if of == slot)
        assert counters["recorded"] == counters["seen"] == probe.seen(slot) == expected
        assert (counters["log_lost"], counters["local"], counters["internal"]) == (0, 0, 0)
    assert probe.map_bytes() == bytes_before


def test_open_exchanges_of_all_namespaces_are_pending(
    labs: list[Lab], emptied: SocketProbe
) -> None:
    probe, slot = emptied, FLEET[0]
    some = labs[:3]
    probe.watch_together(slot, inodes(some), PORT)
    probe.record_between(slot, 0, EVER_NS)
    with contextlib.ExitStack() as clients:
        begun = [clients.enter_context(connect(of)) for of in some]
        for client in begun:
            client.sendall(REQUEST[:1])
        eventually(lambda: probe.read(slot).counters["pending"] == len(some))
        assert_balanced(dict(probe.read(slot).counters))
        for client in begun:
            ask(client, REQUEST[1:], len(REQUEST))
    settle(probe, some)
    counters = probe.read(slot).counters
    assert (counters["pending"], counters["recorded"]) == (0, len(some))


def test_connections_of_an_earlier_owner_are_nobody_s(
    labs: list[Lab], emptied: SocketProbe
) -> None:
    """A slot's window lets any connection in that is in the map with its number."""
    probe, slot = emptied, FLEET[0]
    earlier, now, apart = labs[:3]
    probe.watch(slot, earlier.netns_inode, PORT, apart=True)
    probe.record_between(slot, 0, EVER_NS)
    with connect(earlier) as kept, connect(now) as client:
        ask(kept, REQUEST, len(REQUEST))
        probe.forget(slot)
        probe.watch_together(slot, inodes([now]), PORT)
        probe.record_between(slot, 0, EVER_NS)
        ask(kept, REQUEST, len(REQUEST))
        ask(client, REQUEST, len(REQUEST))
    settle(probe, [now])
    assert probe.read(slot).counters["recorded"] == 1
    # And the other way round: a pair's slot that was the fleet's.
    with connect(now) as kept:
        ask(kept, REQUEST, len(REQUEST))
        probe.forget(slot)
        probe.watch(slot, apart.netns_inode, PORT, apart=True)
        probe.record_between(slot, 0, EVER_NS)
        ask(kept, REQUEST, len(REQUEST))
        probe.watch(0, now.netns_inode, PORT, apart=True)  # so that all hooks look at it again
        ask(kept, REQUEST, len(REQUEST))
        drive(apart, 3)
    settle(probe, [now, apart])
    counters = dict(probe.read(slot).counters)
    assert_balanced(counters)
    assert counters["seen"] == 3


def test_a_namespace_that_left_is_not_recorded_any_more(
    labs: list[Lab], emptied: SocketProbe
) -> None:
    probe, slot = emptied, FLEET[1]
    left, stays = labs[:2]
    probe.watch_together(slot, inodes([left, stays]), PORT)
    probe.record_between(slot, 0, EVER_NS)
    drive(left, 3)
    settle(probe, [left])
    probe.leave(slot, inodes([left]))
    drive(left, 7)
    drive(stays, 5)
    settle(probe, [left, stays])
    counters = dict(probe.read(slot).counters)
    assert_balanced(counters)
    assert counters["recorded"] == counters["seen"] == 3 + 5


def test_a_slot_is_one_namespace_s_or_that_of_several(
    labs: list[Lab], emptied: SocketProbe
) -> None:
    probe = emptied
    probe.watch(0, labs[0].netns_inode, PORT)
    with pytest.raises(ValueError, match="follows one namespace alone"):
        probe.watch_together(0, inodes(labs[1:2]), PORT)
    with pytest.raises(ValueError, match="there is no slot"):
        probe.watch_together(layout()["TARGET_LIMIT"], inodes(labs[1:2]), PORT)


@pytest.fixture
def accounted() -> Iterator[None]:
    """The kernel counts what programs cost."""
    before = SWITCH.read_text("ascii")
    SWITCH.write_text("1", "ascii")
    yield
    SWITCH.write_text(before, "ascii")


def ns_per_event(probe: SocketProbe, of: Lab) -> dict[str, float]:
    before = probe.costs()
    drive(of, COST_REQUESTS)
    settle(probe, [of])
    after = probe.costs()
    return {
        event: (after[event][0] - before[event][0]) / (after[event][1] - before[event][1])
        for event in HOT
    }


@pytest.mark.skipif(EMULATED, reason="an emulated CPU's times are not a real one's")
@pytest.mark.usefixtures("accounted")
def test_an_event_costs_the_same_with_many_namespaces(
    labs: list[Lab], emptied: SocketProbe
) -> None:
    probe, of = emptied, labs[0]
    alone: list[dict[str, float]] = []
    among: list[dict[str, float]] = []
    for _ in range(ROUNDS):
        probe.watch(0, of.netns_inode, PORT, apart=True)
        probe.record_between(0, 0, EVER_NS)
        alone.append(ns_per_event(probe, of))
        probe.forget_all()
        watch_all(probe, labs)
        among.append(ns_per_event(probe, of))
        probe.forget_all()
    # The least of several rounds: noise only adds.
    least = {
        event: [min(one[event] for one in rounds) for rounds in (alone, among)] for event in HOT
    }
    for event, (one, many) in least.items():
        assert many < 1.3 * one + 20, (event, one, many)
