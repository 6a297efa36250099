"""Which port of a container is its service's own, and how the others are shown."""

from __future__ import annotations

import io
import ipaddress
from typing import Any

import pytest
from rich.console import Console

from socklat_gate.measured.histogram import Histogram
from socklat_gate.probe.reading import Reading
from socklat_gate.service.tcp_listeners import Listener
from socklat_gate.trace.json_line import as_json
from socklat_gate.trace.ports import declared_ports, inside_ports, own_port
from socklat_gate.trace.rendering import as_tables
from socklat_gate.trace.snapshot import Live, slots_for
from socklat_gate.trace.target import Target, each_port
from tests.unit.trace.snapshots import counters, snapshot, target
from tests.unit.trace.test_snapshot import BANDS


def at(port: int, address: str = "0.0.0.0") -> Listener:
    return Listener(port, "1", ipaddress.ip_address(address))


PROXY = [at(8080), at(9000, "127.0.0.1")]


@pytest.mark.parametrize(
    ("found", "declared", "own"),
    [
        (PROXY, [], 8080),
        ([at(9000), at(80, "127.0.0.1")], [], 9000),
        ([at(8080), at(9090)], [9090, 8080], 9090),
        ([at(8080), at(9090)], [7000], 8080),
        ([at(80, "127.0.0.1"), at(81)], [80], 80),
        ([at(80, "::1"), at(81, "127.0.0.1")], [], 80),
        ([], [80], 0),
    ],
)
def test_the_services_own_port(found: list[Listener], declared: list[int], own: int) -> None:
    assert own_port(found, declared) == own


def test_what_only_the_namespace_can_reach() -> None:
    assert inside_ports([*PROXY, at(70, "127.0.0.1"), at(70)]) == (9000,)


def test_published_ports_come_before_those_that_are_only_exposed() -> None:
    container = {
        "Config": {"ExposedPorts": {"80/tcp": {}, "53/udp": {}, "9090/tcp": {}}},
        "NetworkSettings": {"Ports": {"80/tcp": None, "9090/tcp": [{"HostPort": "1"}]}},
    }
    assert declared_ports(container) == [9090, 80, 9090]
    assert declared_ports({}) == []


def test_each_port_is_told_apart_in_a_namespace_of_its_own() -> None:
    one = Target("shop", 9, (80,), False, own=80)
    assert each_port(one) is one
    several = Target("shop", 9, (80, 8080, 9000), False, own=8080)
    split = each_port(several)
    assert (split.ports, split.others, split.apart) == ((8080,), (80, 9000), True)
    shared = each_port(Target("shop", 9, (80, 8080), True, own=80))
    assert (shared.ports, shared.others, shared.apart) == ((80,), (8080,), False)
    assert (slots_for(split), slots_for(shared)) == (1, 2)


class FakeProbe:
    """A reading a slot."""

    def __init__(self, **readings: list[Reading]) -> None:
        self._readings = readings
        self.watched: list[Any] = []
        self.recorded: list[int] = []

    def watch(self, slot: int, netns_inode: int, *ports: int, shared: bool, apart: bool) -> None:
        self.watched.append((slot, ports, shared, apart))

    def record_between(self, slot: int, *window: int, traffic: object) -> None:
        self.recorded.append(slot)

    def read(self, slot: int) -> Reading:
        return self._readings[f"slot_{slot}"].pop(0)

    def missed(self) -> int:
        return 0


def reading(lengths_ns: list[int], **internal: list[int]) -> Reading:
    by_port = {name.removeprefix("p"): Histogram.of(ns) for name, ns in internal.items()}
    histograms = {"response": Histogram.of(lengths_ns)}
    return Reading(histograms, BANDS, counters(), {}, (), by_port)


def test_the_probe_tells_the_ports_of_a_namespace_apart() -> None:
    probe = FakeProbe(
        slot_0=[reading([1]), reading([1], p9000=[5, 6]), reading([1], p9000=[5, 6, 7])]
    )
    live = Live(probe, target(others=(9000, 9090), apart=True))  # type: ignore[arg-type]
    assert [one[0] for one in probe.watched] == [0]
    first, second, third = (live.take_snapshot() for _ in range(3))
    assert [h.total for h in first.total_ports.values()] == [0, 0]
    assert (second.total_ports[9000].total, second.recent_ports[9000].total) == (2, 2)
    assert (third.total_ports[9000].total, third.recent_ports[9000].total) == (3, 1)
    assert third.total_ports[9090].total == 0


def test_in_a_shared_namespace_each_takes_a_slot() -> None:
    probe = FakeProbe(slot_0=[reading([1])], slot_1=[reading([2, 3])], slot_2=[reading([])])
    live = Live(probe, target(others=(81, 82), shared=True))  # type: ignore[arg-type]
    assert probe.watched == [
        (0, (80,), True, False),
        (1, (81,), True, False),
        (2, (82,), True, False),
    ]
    assert probe.recorded == [0, 1, 2]
    found = live.take_snapshot().total_ports
    assert {port: histogram.total for port, histogram in found.items()} == {81: 2, 82: 0}


def test_every_port_has_its_own_numbers_with_the_services_first() -> None:
    inner = Histogram.of([9_000_000] * 50)
    shown = snapshot(
        recent_ports={9000: inner, 9090: Histogram.empty()},
        total_ports={9000: inner, 9090: Histogram.empty()},
    )
    of = target(pid=7, others=(9000, 9090), inside=(9000,))
    console = Console(file=io.StringIO(), width=100)
    with console.capture() as captured:
        console.print(as_tables(of, shown))
    lines = captured.get().splitlines()
    assert lines[0].rstrip().endswith("on TCP port 80")
    first = next(i for i, line in enumerate(lines) if line.startswith("9000 (inside only)"))
    assert "9 ms" in lines[first] or "9.0" in lines[first]
    assert lines[first + 1].split()[:2] == ["9090", "0"]
    assert any("--port N" in line for line in lines)

    document = as_json(of, shown)
    assert document["target"]["other_ports"] == [9000, 9090]
    assert list(document["ports"]) == ["80", "9000", "9090"]
    assert document["ports"]["80"]["total"] == document["total"]["response"]
    assert document["ports"]["9000"]["total"]["count"] == 50
    assert [one["inside_only"] for one in document["ports"].values()] == [False, True, False]
