"""Replicas that grow, are watched and end, over a session, a load and a probe that are lists."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from socklat_gate.errors import Exit, Interrupted, InvalidMeasurement, Reason
from socklat_gate.job import counter_reader, fleet_growth, fleet_launch, fleet_live, fleet_use
from socklat_gate.job import fleet as module
from socklat_gate.job.container_use import ReadyUse
from socklat_gate.job.fleet import Fleet
from socklat_gate.job.fleet_load import light_load, most_connections
from socklat_gate.job.memory_left import RESERVE_BYTES
from socklat_gate.load.bounds import longest_s
from socklat_gate.measured.facts import Note, NoteCode
from socklat_gate.measured.histogram import Histogram
from socklat_gate.measured.load_counts import Answers
from socklat_gate.measured.records import EXCHANGE, STALL
from socklat_gate.service.container_counters import Counters
from socklat_gate.service.session import ArmSpec, RunningArm
from socklat_gate.wording.notes import note_text
from tests.unit.factories import make_load
from tests.unit.job.fakes import BASE_IMAGE, IMAGE, scenario

SPECS = [ArmSpec("baseline", BASE_IMAGE), ArmSpec("candidate", IMAGE)]
SLOTS = (2, 3)
MIB = 1 << 20
MS = 1_000_000
S = 1_000_000_000


class World:
    """Session, loads, probe, clock and memory in one; ``log`` has what was asked in order."""

    def __init__(self) -> None:
        self.gone: set[str] = set()
        self.log: list[str] = []
        self.now_ns = 1000 * S
        self.free_bytes: int | None = 4000 * MIB
        self.use = ReadyUse(20 * MIB, 0.0)
        self.specs: list[ArmSpec] = []
        self.watched: dict[int, list[int]] = {slot: [] for slot in SLOTS}
        self.rows: list[tuple[int, int, float]] = []
        self.seen_share = 1.0
        self.hung: set[str] = set()
        self.away: dict[str, tuple[int, int]] = {}
        self.dead: str | None = None
        self.starting: Exception | None = None
        self.pids: list[int] = []
        self.watches_stalls = True
        self.loads = 0
        self.asked = 0
        self.fails_at = 0

    def ask(self) -> None:
        """Whatever is asked may be where a signal, or an error, comes."""
        self.asked += 1
        if self.asked == self.fails_at:
            raise Interrupted(Exit.SIGINT)

    # the session
    def __enter__(self) -> World:
        return self

    def __exit__(self, *args: object) -> None:
        self.log.append("close")

    def add(self, groups: Any, apart_s: float, *, meanwhile: Any) -> Any:
        if self.starting is not None:
            raise self.starting
        self.ask()
        meanwhile()
        assert all([spec.replica for spec in two] == 2 * [two[0].replica] for two in groups)
        assert apart_s > 0.8
        specs = [spec for two in groups for spec in two]
        self.specs += specs
        self.log.append(f"add {len(specs)}")
        self.now_ns += S
        return tuple(
            RunningArm(
                arm=spec.arm,
                container_id=spec.name,
                name=f"net-{spec.name}",
                image=spec.image,
                netns_inode=0xF0000000 + 2 * spec.replica + (spec.arm == "candidate"),
                host="h",
                port=1,
                pid=2**22 + 1,
                replica=spec.replica,
                replicas=spec.replicas,
            )
            for spec in specs
        )

    def stop(self) -> None:
        self.ask()
        self.log.append("stop")

    def ended(self) -> str | None:
        return self.dead

    def check_alive(self) -> None:
        raise InvalidMeasurement(Reason.SERVICE_DIED, f"container {self.dead} exited with code 3")

    # the probe
    def watch_together(self, slot: int, netns_inodes: Any, port: int) -> None:
        assert port == 80
        self.ask()
        self.watched[slot] += netns_inodes

    def record_between(self, slot: int, from_ns: int, to_ns: int, *, traffic: Any) -> None:
        self.ask()
        self.log.append(f"record {slot}")
        assert from_ns <= self.now_ns < to_ns

    def leave(self, slot: int, netns_inodes: Any) -> None:
        self.ask()
        self.watched[slot] = [one for one in self.watched[slot] if one not in netns_inodes]

    def forget(self, slot: int) -> None:
        self.log.append(f"forget {slot}")

    def subscribe(self, slots: Any) -> World:
        assert tuple(slots) == SLOTS
        assert all(self.watched.values())
        self.ask()
        return self

    def set_load(self, processes: Any, *, of: str) -> None:
        assert of == "fleet"
        self.ask()
        self.pids = processes

    def drain(self) -> Any:
        self.ask()
        found = np.zeros(len(self.rows), EXCHANGE)
        for row, (slot, inode, took_ms) in zip(found, self.rows, strict=True):
            row["target"], row["netns"] = slot, inode & 0xFFFF
            row["rx_first_ns"] = self.now_ns
            row["ns"][0] = round(took_ms * 1e6)
            row["measured"] = 1
        self.rows.clear()
        return found, np.zeros(0, STALL)

    # time
    def sleep(self, seconds: float) -> None:
        self.now_ns += round(seconds * 1e9)


class Counted:
    """Counters of a container that computes, looked at every 100 ms."""

    def __init__(self, pid: int) -> None:
        self.looks = 0

    def read(self) -> Counters | None:
        self.looks += 1
        return Counters(self.looks * 100 * MS, 0, 0)

    def close(self) -> None:
        pass


class FakeLoad:
    """8 requests a second and replica, all of which the probe sees unless the world says else."""

    def __init__(self, world: World, load: Any, arms: Any) -> None:
        self.world, self.load, self.arms = world, load, arms
        self.from_ns = self.to_ns = 0

    def __enter__(self) -> FakeLoad:
        self.world.loads += 1
        return self

    def __exit__(self, *args: object) -> None:
        self.world.log.append("end load")

    def pids(self) -> tuple[int, ...]:
        return (700 + self.arms[0].replica,)

    def begin(self) -> None:
        self.world.ask()
        self.from_ns = self.world.now_ns
        self.to_ns = self.from_ns + round(longest_s(self.load) * 1e9)

    def listen(self) -> None:
        self.world.ask()
        self.world.log.append("listen")

    def end(self) -> None:
        self.world.ask()
        self.to_ns = self.world.now_ns

    def counts(self, poll: Callable[[], None]) -> Any:
        planned = round((self.to_ns - self.from_ns) / 1e9 * 8)
        counts = []
        for arm in self.arms:
            hung = arm.label in self.world.hung
            waits, lost = self.world.away.get(arm.label, (0, 0))
            responded = planned // 2 if hung else planned
            slot = SLOTS[arm.arm == "candidate"]
            seen = round(responded * self.world.seen_share)
            self.world.rows += [(slot, arm.netns_inode, 1.0)] * seen
            answers = Answers({}, Histogram.empty(), {}, opened=8 + lost, lost=lost)
            client = Histogram.of([MS] * (responded - waits) + [300 * MS] * waits)
            counts.append(
                replace(
                    make_load(),
                    planned=planned,
                    responded=responded,
                    client=client,
                    answers=answers,
                )
            )
        poll()
        return tuple(counts)


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    world = World()
    monkeypatch.setattr(fleet_launch, "ServiceSession", lambda client, service, directory: world)
    monkeypatch.setattr(
        fleet_live, "FleetLoad", lambda load, arms, seed: FakeLoad(world, load, arms)
    )
    monkeypatch.setattr(counter_reader, "ContainerCounters", Counted)
    monkeypatch.setattr(counter_reader.CounterReader, "_run", lambda self: None)
    monkeypatch.setattr(fleet_growth, "use_of", lambda arms: world.use)
    for place in (fleet_growth, fleet_use):
        monkeypatch.setattr(place, "memory_left_bytes", lambda: world.free_bytes)
    monkeypatch.setattr(module.time, "monotonic_ns", lambda: world.now_ns)
    monkeypatch.setattr(module.time, "monotonic", lambda: world.now_ns / 1e9)
    monkeypatch.setattr(module.time, "sleep", world.sleep)
    monkeypatch.setattr(fleet_live, "started_ns", lambda pid: world.now_ns - S)
    monkeypatch.setattr(
        fleet_live,
        "unreachable",
        lambda arms, port: {one.label: ["it is gone"] for one in arms if one.label in world.gone},
    )
    return world


@contextmanager
def fleet(world: World, replicas: Any = "auto", seed: int = 5, **watch: Any) -> Iterator[Fleet]:
    planned = scenario(watch={"replicas": replicas, "minutes": 2.0, **watch})
    probe: Any = world
    until_s = world.now_ns / 1e9 + 600
    place = None, planned, Path(), probe, SLOTS, SPECS
    with Fleet(*place, seed=seed, until_s=until_s, on_phase=world.log.append) as found:
        yield found


def up(found: Fleet) -> tuple[int, int]:
    watch = found.watch()
    return len(watch.of("baseline")), len(watch.of("candidate"))


def test_it_grows_step_by_step_to_what_fits(world: World) -> None:
    with fleet(world) as found:
        sizes = []
        for _ in range(7):
            found.grow()
            sizes.append(up(found))
        assert sizes == [(2, 2), (6, 6), (10, 10), (14, 14), (16, 16), (16, 16), (16, 16)]
        watch = found.watch()
        assert (watch.wanted, watch.minutes, watch.notes) == (16, 2.0, ())
        assert [one.number for one in watch.replicas] == sorted(2 * list(range(16)))
        assert [one.arm for one in watch.replicas[:2]] == ["baseline", "candidate"]
        assert len(world.watched[2]) == len(world.watched[3]) == 16
        assert world.log.count("record 2") == 1
        assert world.pids == [700, 702, 706, 710, 714]
    # One alone is weighed before more follow.
    assert [entry for entry in world.log if entry.startswith("add")] == [
        *2 * ["add 2"],
        *3 * ["add 8"],
        "add 4",
    ]
    assert world.log[-8:] == ["forget 2", "forget 3", *5 * ["end load"], "close"]


def test_the_two_of_a_number_start_together_in_the_order_of_a_coin(world: World) -> None:
    with fleet(world, 16) as found:
        for _ in range(5):
            found.grow()
    pairs = [world.specs[at : at + 2] for at in range(0, 32, 2)]
    assert all({spec.arm for spec in two} == {"baseline", "candidate"} for two in pairs)
    assert [two[0].replica for two in pairs] == [two[1].replica for two in pairs] == [*range(16)]
    assert len({two[0].arm for two in pairs}) == 2


def test_a_number_that_is_given_is_kept(world: World) -> None:
    world.use = ReadyUse(20 * MIB, 0.5)
    with fleet(world, 5) as found:
        for _ in range(4):
            found.grow()
        assert up(found) == (5, 5)
        assert found.watch().wanted == 5
        assert found.watch().notes == ()


@pytest.mark.parametrize(("replicas", "wanted"), [("auto", 3), (8, 8)])
def test_where_fewer_fit_it_says_so_and_a_number_given_is_still_waited_for(
    world: World, replicas: Any, wanted: int
) -> None:
    """Each may take 40 MiB, and so do the two of a pair; two are up already."""
    world.free_bytes = RESERVE_BYTES + (2 * 3 + 2) * 40 * MIB - 2 * 20 * MIB
    with fleet(world, replicas) as found:
        found.grow()
        world.free_bytes = None
        found.grow()
        found.grow()
        watch = found.watch()
    assert len(watch.of("candidate")) == 3
    assert watch.wanted == wanted
    (note,) = watch.notes
    assert "3 + 3 replicas" in note_text(note)
    assert "41.9 MB" in note_text(note)
    assert ("= 8" if replicas == 8 else '"auto"') in note_text(note)


@pytest.mark.parametrize("replicas", ["auto", 8])
def test_memory_for_one_alone_is_no_watch_and_a_pass_still_needs_it(
    world: World, replicas: Any
) -> None:
    world.free_bytes = RESERVE_BYTES + (2 + 2) * 40 * MIB - 2 * 20 * MIB
    with fleet(world, replicas) as found:
        found.grow()
        assert found.missing
        assert world.log[-1] == "stop"
        found.grow()
        found.poll()
        found.finish()
        watch = found.watch()
    assert watch.replicas == ()
    assert watch.wanted >= 2
    (note,) = watch.notes
    assert note_text(note).startswith("no watch: each may take 41.9 MB")
    assert "gate.watch.minutes to 0" in note_text(note)


def test_without_a_log_of_exchanges_there_is_no_watch(world: World) -> None:
    world.watches_stalls = False
    with fleet(world) as found:
        found.grow()
        assert found.missing
        assert "no log of exchanges" in note_text(found.watch().notes[0])
    assert world.specs == []


def test_memory_that_is_gone_after_the_first_ones_leaves_no_watch(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One of each arm could show nothing, so that whatever it saw would pass."""
    readings = iter([4000 * MIB, RESERVE_BYTES, RESERVE_BYTES])
    for place in (fleet_growth, fleet_use):
        monkeypatch.setattr(place, "memory_left_bytes", lambda: next(readings))
    with fleet(world, 8) as found:
        found.grow()
        assert found.missing
        assert world.log[-1] == "stop"
        assert found.watch().replicas == ()
        assert found.watch().wanted == 8
        assert note_text(found.watch().notes[0]).startswith("no watch: ")


def test_memory_that_others_take_meanwhile_ends_the_growth(world: World) -> None:
    with fleet(world) as found:
        found.grow()
        found.grow()
        world.free_bytes = RESERVE_BYTES + 2 * (4 + 1) * 20 * MIB
        found.grow()
        world.free_bytes -= 1
        found.grow()
        world.free_bytes = 4000 * MIB
        found.grow()
        watch = found.watch()
    assert len(watch.of("baseline")) == watch.wanted == 10
    assert "10 + 10 replicas" in note_text(watch.notes[0])


def test_exchanges_are_those_of_the_replica_and_no_others(world: World) -> None:
    with fleet(world, 2) as found:
        found.grow()
        world.rows = [
            (3, 0xF0000003, 900.0),  # candidate 1
            (3, 0xF0000001, 1.0),  # candidate 0
            (1, 0xF0000003, 900.0),  # a pair's
            (2, 0xF0000003, 900.0),  # another slot's
            (3, 0xF0000077, 900.0),  # nobody's
        ]
        found.poll()
        by_name = {(one.arm, one.number): one for one in found.watch().replicas}
    assert {name: one.exchanges for name, one in by_name.items() if one.exchanges} == {
        ("candidate", 0): 1,
        ("candidate", 1): 1,
    }
    (spike,) = by_name["candidate", 1].spikes
    assert spike.length_ns == 900_000_000


def test_waiting_drains_the_log_and_reads_what_the_loads_say(world: World) -> None:
    with fleet(world, 2) as found:
        found.grow()
        before = found.watch().replicas[0]
        world.rows = [(2, 0xF0000000, 1.0)]
        found.wait(5.0)
        after = found.watch().replicas[0]
    assert after.to_ns - before.to_ns == pytest.approx(5 * S, abs=S)
    assert after.exchanges == 1
    assert 4 <= world.log.count("listen") <= 6


def test_the_log_is_emptied_while_more_are_started(world: World) -> None:
    """Starting takes seconds, and at many requests a second the log has no room for those."""
    with fleet(world) as found:
        found.grow()
        world.rows = [(2, 0xF0000000, 1.0)]
        found.grow()
        assert world.rows == []
        assert found.watch().replicas[0].exchanges == 1


def use_of_everything(world: World) -> None:
    with fleet(world, 6) as found:
        for _ in range(3):
            found.grow()
            found.poll()
        found.renew()
        found.wait(3.0)
        found.finish()


def test_whatever_is_interrupted_leaves_nothing(world: World) -> None:
    use_of_everything(world)
    steps = world.asked
    assert steps > 30
    for step in range(1, steps + 1):
        world.__init__()  # type: ignore[misc] - a world as new, which the patches know
        world.fails_at = step
        with pytest.raises(Interrupted):
            use_of_everything(world)
        assert world.log[-1] == "close", step
        assert world.log.count("end load") == world.loads, step
        assert {"forget 2", "forget 3"} <= set(world.log), step


def test_a_slot_that_cannot_be_forgotten_keeps_no_container(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(slot: int) -> None:
        raise KeyError(slot)

    monkeypatch.setattr(world, "forget", fails)
    with pytest.raises(KeyError), fleet(world) as found:
        found.grow()
    assert world.log[-2:] == ["end load", "close"]


def test_the_end_has_the_drivers_counts_and_the_watch_stays_as_it_is(world: World) -> None:
    world.hung = {"candidate-2"}
    with fleet(world, 2) as found:
        found.grow()
        world.now_ns += 100 * S
        found.finish()
        watch = found.watch()
        world.now_ns += 100 * S
        assert found.watch() == watch
        found.grow()
        found.finish()
        found.poll()
    assert [one.no_response for one in watch.replicas] == [0, 0, 0, 400]
    assert [one.exchanges for one in watch.replicas] == [800, 800, 800, 400]
    assert {one.to_ns - one.from_ns for one in watch.replicas} == {100 * S}


def test_what_only_the_driver_saw_is_known_at_the_end(world: World) -> None:
    """Requests that waited for a connection, and connections that the service ended."""
    world.away = {"candidate-2": (5, 16)}
    with fleet(world, 2) as found:
        found.grow()
        world.now_ns += 100 * S
        assert [(one.waited, one.lost) for one in found.watch().replicas] == 4 * [(0, 0)]
        found.finish()
        watch = found.watch()
    assert [(one.waited, one.lost) for one in watch.replicas] == [*3 * [(0, 0)], (5, 16)]
    assert {one.no_response for one in watch.replicas} == {0}


def test_counters_that_cannot_be_read_are_noted(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where the control groups are hidden."""
    monkeypatch.setattr(Counted, "read", lambda self: None)
    with fleet(world, 2) as found:
        assert found.watch().notes == ()
        found.grow()
        assert found.watch().notes == (Note(NoteCode.STOPS_NOT_NAMED, "cgroup"),)


def test_a_stop_has_what_was_counted_during_it(world: World) -> None:
    """Also one of a replica that is replaced, and looks go on with the next generation."""
    with fleet(world, 2) as found:
        found.grow()
        reader = found._live._counters._reader
        for generation in range(2):
            world.rows = [(3, 0xF0000000 + 4 * generation + 1, 900.0)]
            found.poll()
            for _ in range(12):
                reader.look()
                world.now_ns += 100 * MS
            world.now_ns += S
            if not generation:
                found.renew()
        found.finish()
        watch = found.watch()
    assert watch.notes == ()
    uses = [one.uses for one in watch.of("candidate")]
    assert [len(some) for some in uses] == [1, 0, 1, 0]
    for (use,) in (uses[0], uses[2]):
        assert (use.length_ns, use.cpu_ns) == (900 * MS, 900 * MS)


def test_a_small_fleet_is_replaced_as_a_whole(world: World) -> None:
    with fleet(world, 3) as found:
        found.grow()
        found.renew()  # not while they grow
        assert up(found) == (2, 2)
        found.grow()
        assert up(found) == (3, 3)
        assert found.watch().renewed
        world.away = {"candidate-2": (5, 16)}
        world.now_ns += 60 * S
        before = found.watch()
        world.log.clear()
        found.renew()
        world.now_ns += 30 * S
        world.rows = [(3, 0xF0000000 + 2 * 3 + 1, 900.0)]  # candidate 3
        found.poll()
        watch = found.watch()
        assert [entry for entry in world.log if entry in ("stop", "add 6", "end load")] == [
            *2 * ["end load"],
            *("stop", "add 6"),
        ]
        assert found.slots == 2
        assert {len(inodes) for inodes in world.watched.values()} == {3}
        assert world.pids == [703]
    assert [one.number for one in watch.last_of("candidate")] == [3, 4, 5]
    assert [one.generation for one in watch.of("baseline")] == [0, 0, 0, 1, 1, 1]
    retired = watch.replicas[:6]
    # They end where they were replaced, with what their drivers know.
    assert max(one.to_ns for one in retired) < min(one.from_ns for one in watch.replicas[6:])
    assert [one.waited for one in retired] == [0, 0, 0, 5, 0, 0]
    assert [one.exchanges for one in retired] == [
        8 * (one.to_ns - one.from_ns) // S for one in before.replicas
    ]
    assert [len(one.spikes) for one in watch.of("candidate")] == [0, 0, 0, 1, 0, 0]


def test_a_large_fleet_and_one_at_the_end_of_a_job_is_not_replaced(world: World) -> None:
    with fleet(world, 9) as found:
        for _ in range(5):
            found.grow()
        assert not found.watch().renewed
        found.renew()
        assert len(found.watch().replicas) == 18
    with fleet(world, 2) as found:
        found.grow()
        world.now_ns += 580 * S
        found.renew()
        assert len(found.watch().replicas) == 4
        found.finish()
        found.renew()
        assert len(found.watch().replicas) == 4


def test_responses_that_the_probe_did_not_see_are_no_quiet_watch(world: World) -> None:
    world.seen_share = 0.9
    with fleet(world, 2) as found:
        found.grow()
        world.now_ns += 100 * S
        with pytest.raises(InvalidMeasurement, match="-1 of the watch: the kernel saw 720 of the"):
            found.finish()


def test_a_replica_that_dies_is_named_with_its_age(world: World) -> None:
    with fleet(world, 2) as found:
        found.grow()
        world.now_ns += 40 * S
        found.poll()
        world.dead = "net-candidate-2"
        world.now_ns += S
        with pytest.raises(InvalidMeasurement) as caught:
            found.poll()
    assert caught.value.reason is Reason.SERVICE_DIED
    assert str(caught.value) == (
        "a replica of the watch, 42.0 s after its start: container net-candidate-2 exited with "
        "code 3"
    )
    assert world.log[-1] == "close"


def test_one_that_never_gets_ready_is_one_of_the_watch(world: World) -> None:
    world.starting = InvalidMeasurement(Reason.SERVICE_NOT_READY, "container x was not ready")
    with (
        pytest.raises(
            InvalidMeasurement, match=r"replicas of the watch: container x was"
        ) as caught,
        fleet(world) as found,
    ):
        found.grow()
    assert caught.value.reason is Reason.SERVICE_NOT_READY


def test_the_load_of_a_replica_is_the_scenarios_but_light() -> None:
    load = scenario().load.model_copy(update={"streams": 10, "workers": 4, "connections": 64})
    light = light_load(load, 8.0, 300.0)
    assert (light.rate, light.connections, light.warmup_s) == (8.0, 8, 0.0)
    assert (light.streams, light.workers, longest_s(light)) == (1, 1, 300.0)
    assert light.requests == load.requests
    assert light_load(load.model_copy(update={"connections": 2}), 8.0, 1.0).connections == 2
    assert most_connections(scenario(watch={"replicas": 4})) == 2 * 4 * 80


def test_a_replica_that_takes_no_new_connections_is_no_quiet_watch(world: World) -> None:
    for gone in ({"candidate-1"}, {"baseline-2", "candidate-1"}):
        with fleet(world, 2) as found:
            found.grow()
            world.now_ns += 100 * S
            world.gone = gone
            if len(gone) == 1:
                with pytest.raises(InvalidMeasurement, match="candidate-1 of the watch: after"):
                    found.finish()
            else:
                found.finish()  # this service is so
