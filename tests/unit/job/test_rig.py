from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from socklat_gate.errors import InvalidMeasurement, Reason, UnfitEnvironment, UsageError
from socklat_gate.job import measurement as measure
from socklat_gate.job import rig as module
from socklat_gate.job.freezes import Freezes
from socklat_gate.job.rig import Rig
from socklat_gate.load.load_driver import Window
from socklat_gate.measured.facts import Note, NoteCode
from socklat_gate.measured.pair import ARMS, Noise, Pair
from socklat_gate.measured.records import EXCHANGE, STALL
from socklat_gate.measured.run import Bands
from socklat_gate.probe.log_feeds import LogFeed, LogFeeds
from socklat_gate.probe.reading import Reading
from socklat_gate.probe.traffic import Traffic
from socklat_gate.scenario import Scenario
from socklat_gate.scenario.rate_steps import mean_rate
from socklat_gate.service.session import ArmSpec, RunningArm
from socklat_gate.wording.notes import note_text
from tests.unit.job.fakes import BASE_IMAGE, IMAGE, run, scenario

SPECS = [ArmSpec("baseline", BASE_IMAGE), ArmSpec("candidate", IMAGE)]
WINDOW = Window(0, 100, 200)


class World:
    """Probe, containers, load and machine in one; ``log`` has what was asked of them in order."""

    def __init__(self) -> None:
        self.log: list[str] = []
        self.noise = Noise(0.0, 0.3, None, 0.5)
        self.load_error: Exception | None = None
        self.pending = [0]
        self.missed = Counter({"segment": 7, "read": 0, "drop": 7, "reset_sent": 0})
        self.missed_each_time: Counter[str] = Counter()
        self.hooks: dict[str, str] = {}
        self.stages: tuple[str, ...] = ("response", "service", "recv_wait", "app")
        self.spike_ns: dict[int, int] = {}
        self.cpusets: dict[str, str | None] = {}
        self.arms: list[str] = []
        self.errors: dict[str, int] = {}
        self.unreachable: dict[str, str] = {}
        self.sick: dict[str, list[str]] = {}

    def __enter__(self) -> World:
        return self

    def __exit__(self, *args: object) -> None:
        self.log.append("leave")

    # the session
    def start(self, specs: Any, meanwhile: Any = None) -> Any:
        if isinstance(specs, int):
            return WINDOW  # the load's start
        self.arms = [spec.name for spec in specs]
        self.log += [f"start {spec.name}" for spec in specs]
        self.cpusets.update({spec.arm: spec.cpuset for spec in specs})
        return tuple(
            RunningArm(
                arm=spec.arm,
                container_id=spec.name,
                name=spec.name,
                image=spec.image,
                netns_inode=n,
                host="h",
                port=1,
                pid=2**22 + 1,
                replica=spec.replica,
                replicas=spec.replicas,
                startup_ns=500 + n,
            )
            for n, spec in enumerate(specs)
        )

    def stop(self) -> None:
        self.log.append("stop")

    def check_alive(self) -> None:
        pass

    def unhealthy(self, arms: Any) -> dict[str, list[str]]:
        return {arm.label: self.sick[arm.arm] for arm in arms if arm.arm in self.sick}

    # the probe
    def watch(self, slot: int, netns_inode: int, port: int, *, apart: bool) -> None:
        assert apart
        self.log.append(f"watch {slot}")
        self.connected = False

    def record_between(
        self,
        slot: int,
        from_ns: int,
        to_ns: int,
        spike_ns: int,
        log_mask: int,
        traffic: Traffic,
    ) -> None:
        assert traffic == Traffic(one_outstanding=True, http=True)
        assert (from_ns, to_ns) == ((100, 200) if self.connected else (0, 0))
        assert log_mask == 0
        self.spike_ns[slot] = spike_ns

    watches_stalls = False
    unsent, unsent_each_time = 5, 0

    def set_load(self, processes: Any) -> None:
        assert processes == (77,)

    def subscribe(self, slots: Any) -> LogFeed:
        assert list(slots) == list(range(len(self.arms)))
        nothing = np.zeros(0, EXCHANGE), np.zeros(0, STALL)
        return LogFeeds(lambda: nothing).subscribe(slots)

    def unsubscribe(self, feed: LogFeed) -> None:
        self.log.append("read no more")

    def seen(self, slot: int) -> int:
        return 6000

    def warmup_quantile_ns(self, slots: Any, q: float) -> int:
        assert q == 0.99
        of_baseline = [at for at, arm in enumerate(self.arms) if arm.startswith("baseline")]
        assert list(slots) == (of_baseline or [0])
        return 1_000_000

    targets = 4

    kept: tuple[int, ...] = ()

    def forget_all(self, but: Sequence[int] = ()) -> None:
        self.kept = tuple(but)
        self.log.append("forget all")

    def missed_by_event(self) -> dict[str, int]:
        self.missed += self.missed_each_time
        return dict(self.missed)

    def unsent_stalls(self) -> int:
        self.unsent += self.unsent_each_time
        return self.unsent

    def read(self, slot: int) -> Reading:
        whole = run()
        pending = self.pending.pop(0) if len(self.pending) > 1 else self.pending[0]
        counters = {**whole.counters, "pending": pending, "seen": 6000 + pending}
        empty: Bands = whole.bands
        return Reading(whole.histograms, empty, counters, {"tcp_csum": 2}, ())

    # the load
    connected = False

    def pids(self) -> tuple[int, ...]:
        return (77,)

    def end_at(self, end_ns: int) -> Window:
        return WINDOW

    def connect(self) -> None:
        # What is sent from here on is known for what it is.
        assert self.spike_ns.keys() == set(range(len(self.arms)))
        self.connected = True

    def sent(self) -> None:
        """No request has a name."""

    def wait(self, poll: Any) -> Any:
        poll()
        if self.load_error is not None:
            raise self.load_error
        load = run().load
        return tuple(replace(load, errors=self.errors.get(arm, 0)) for arm in self.arms)


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    world = World()
    for place, name in (
        (module, "SocketProbe"),
        (module, "ServiceSession"),
        (measure, "make_load"),
    ):
        monkeypatch.setattr(place, name, lambda *args, **options: world)
    meter = SimpleNamespace(stop=lambda: world.noise)
    monkeypatch.setattr(measure, "NoiseMeter", lambda: meter)
    monkeypatch.setattr(
        measure,
        "unreachable",
        lambda arms, port: {
            arm.label: [world.unreachable[arm.arm]] for arm in arms if arm.arm in world.unreachable
        },
    )
    monkeypatch.setattr(module, "usable_cores", lambda: [(0,), (1,)])
    return world


def pair(seed: int = 1, **limits: Any) -> Any:
    with Rig(None, scenario(max_steal=0.5, **limits), Path(), lambda phase: None) as rig:
        return rig.pairs(3, seed, SPECS)[0]


def test_who_starts_first_is_a_coin_flip_that_is_recorded(world: World) -> None:
    firsts = set()
    for seed in range(8):
        world.log.clear()
        measured = pair(seed)
        started = [entry for entry in world.log if entry.startswith("start")]
        assert started[0] == f"start {measured.first_started}"
        assert len(started) == 2
        # Whoever started first, the arms keep their places.
        assert measured.baseline.image == BASE_IMAGE.reference
        assert measured.candidate.image == IMAGE.reference
        assert (measured.index, measured.seed) == (3, seed)
        firsts.add(measured.first_started)
    assert firsts == {"baseline", "candidate"}


def test_the_same_seed_starts_in_the_same_order(world: World) -> None:
    assert [pair(7).first_started for _ in range(3)] == [pair(7).first_started] * 3


def test_a_failure_stops_watching_and_removes_the_containers(world: World) -> None:
    world.load_error = InvalidMeasurement(Reason.SERVICE_DIED, "it died")
    with pytest.raises(InvalidMeasurement, match="it died"):
        pair()
    after = world.log[world.log.index("watch 1") + 1 :]
    assert after == ["leave", "forget all", "stop", "leave", "leave"]


def test_a_greedy_hypervisor_sets_a_pair_aside(world: World) -> None:
    assert note_text(pair().excluded) == ""
    world.noise = replace(world.noise, steal=0.51)
    assert note_text(pair().excluded) == "the hypervisor took 51.0% of the CPU time (limit 50.0%)"


def test_a_pair_whose_stalls_are_not_all_known_is_set_aside(world: World) -> None:
    assert note_text(pair().excluded) == ""  # what was lost before is not this pair's
    world.unsent_each_time = 3
    assert (
        note_text(pair().excluded) == "3 of the machine's stalls found no room in the probe's ring"
    )


@pytest.mark.parametrize("interleave", ["request", "block"])
def test_a_candidate_that_takes_no_new_connections_is_no_pass(
    world: World, interleave: str
) -> None:
    world.unreachable = {"candidate": "it takes no new connections: Connection refused"}
    with pytest.raises(InvalidMeasurement, match="candidate: after the load it takes no"):
        pair(interleave=interleave)
    assert world.log[-3:] == ["stop", "leave", "leave"]
    world.unreachable["baseline"] = "it takes no new connections: it closes each at once"
    assert pair(interleave=interleave).excluded is None


def test_a_service_measured_alone_takes_new_connections_too(world: World) -> None:
    world.sick = {"candidate": ["db is bad"]}
    with Rig(None, scenario(), Path(), lambda phase: None) as rig:
        rig.single(1, SPECS[1])
        world.unreachable = {"candidate": "it takes no new connections: Connection refused"}
        with pytest.raises(InvalidMeasurement, match=r"no new connections: [\w ]*refused$"):
            rig.single(1, SPECS[1])


@pytest.mark.parametrize("interleave", ["request", "block"])
def test_a_stack_with_an_unhealthy_part_in_the_candidate_alone_is_no_pass(
    world: World, interleave: str
) -> None:
    world.sick = {"baseline": ["db is bad"], "candidate": ["db is bad", "queue is bad"]}
    with pytest.raises(InvalidMeasurement, match="candidate: after the load queue is bad"):
        pair(interleave=interleave)
    world.sick["candidate"].pop()
    assert pair(interleave=interleave).excluded is None


@pytest.mark.parametrize("interleave", ["request", "block"])
def test_a_pair_with_a_frozen_container_is_set_aside_whatever_its_load_came_to(
    world: World, monkeypatch: pytest.MonkeyPatch, interleave: str
) -> None:
    class Frozen(Freezes):
        def note(self) -> Note | None:
            return Note(NoteCode.FROZEN, "candidate", {"container": "", "frozen_s": 3.0})

    world.errors = {"baseline": 300, "candidate": 301}
    with pytest.raises(InvalidMeasurement, match="requests failed"):
        pair(interleave=interleave)
    monkeypatch.setattr(measure, "Freezes", Frozen)
    excluded = pair(interleave=interleave).excluded
    assert note_text(excluded).startswith("the candidate's container was frozen for 3.0 s")


@pytest.mark.parametrize(
    ("skipped", "why"),
    [
        ({"segment": 20, "read": 10, "drop": 500, "reset_sent": 3}, ""),
        (
            {"segment": 20, "read": 11, "drop": 500},
            "the kernel missed 31 invocations of the probe (read 11, segment 20), and 6000 "
            "exchanges were seen",
        ),
    ],
)
def test_a_pair_in_which_the_kernel_skipped_the_probe_too_often_is_set_aside(
    world: World, skipped: dict[str, int], why: str
) -> None:
    assert note_text(pair().excluded) == ""  # what was skipped before is not this pair's
    world.missed_each_time = Counter(skipped)
    assert note_text(pair().excluded) == why


def test_the_reading_waits_for_connections_that_are_closing(world: World) -> None:
    world.pending = [3, 2, 1, 0]
    measured = pair()
    assert measured.baseline.counters["pending"] == 0


def test_both_arms_get_the_spike_threshold_of_the_reference(world: World) -> None:
    measured = pair()
    assert world.spike_ns == {0: 3_000_000, 1: 3_000_000}
    assert measured.candidate.spike_threshold_ns == 3_000_000
    assert measured.candidate.drops == {"tcp_csum": 2}
    assert measured.candidate.window_from_ns == WINDOW.from_ns


def test_blocks_run_one_arm_at_a_time_in_flipped_order(world: World) -> None:
    orders = set()
    for seed in range(8):
        world.log.clear()
        measured = pair(seed, interleave="block")
        steps = [entry for entry in world.log if entry.startswith(("start", "stop"))]
        assert [step.split()[0] for step in steps] == ["start", "stop"] * 2
        assert steps[0] == f"start {measured.first_started}"
        assert measured.interleave == "block"
        assert measured.baseline.image == BASE_IMAGE.reference
        orders.add(measured.first_started)
    assert orders == {"baseline", "candidate"}


@pytest.mark.parametrize("interleave", ["request", "block"])
def test_errors_of_one_arm_are_measured_and_those_of_both_are_no_measurement(
    world: World, interleave: str
) -> None:
    for arm in ("baseline", "candidate"):
        world.errors = {arm: 300}
        measured = pair(interleave=interleave)
        assert measured.arm(arm).load.errors == 300
        assert measured.excluded is None
    world.errors = {"baseline": 300, "candidate": 301}
    with pytest.raises(InvalidMeasurement, match="requests failed") as caught:
        pair(interleave=interleave)
    assert caught.value.reason is Reason.LOAD_ERRORS
    assert world.log.count("stop") == sum(entry == "forget all" for entry in world.log)


def test_one_image_alone_has_to_get_its_load(world: World) -> None:
    world.errors = {"candidate": 300}
    with (
        Rig(None, scenario(), Path(), lambda phase: None) as rig,
        pytest.raises(InvalidMeasurement, match="candidate: 300 of"),
    ):
        rig.single(1, SPECS[1])


def test_containers_serve_as_many_pairs_as_the_scenario_says(world: World) -> None:
    with Rig(None, scenario(pairs_per_start=3), Path(), lambda phase: None) as rig:
        pairs = [rig.pairs(index, 10 + index, SPECS)[0] for index in range(4)]
    assert [pair.start for pair in pairs] == [0, 0, 0, 3]
    assert len({pair.first_started for pair in pairs[:3]}) == 1
    steps = [entry.split()[0] for entry in world.log if entry.startswith(("start", "stop"))]
    assert steps == ["start", "start", "stop", "start", "start"]
    assert pair().start is None


def test_who_gets_which_cpu_set_is_a_coin_flip_that_is_recorded(world: World) -> None:
    document = scenario().model_dump()
    document["service"]["cpuset"] = ["0", "1"]
    seen = set()
    for seed in range(12):
        world.cpusets.clear()
        with Rig(None, Scenario.model_validate(document), Path(), lambda phase: None) as rig:
            (measured,) = rig.pairs(0, seed, SPECS)
        swapped = measured.swapped_cpusets
        assert world.cpusets == {"baseline": "01"[swapped], "candidate": "10"[swapped]}
        seen.add((measured.first_started, swapped))
    assert len(seen) == 4


def test_arms_of_a_pair_have_cpus_of_their_own_where_there_are_enough(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "usable_cores", lambda: [(0,), (1,), (2,)])
    seen = set()
    client: Any = SimpleNamespace(version=dict)
    for seed in range(8):
        world.spike_ns.clear()
        with Rig(client, scenario(), Path(), lambda phase: None) as rig:
            (measured,) = rig.pairs(0, seed, SPECS)
            paired, alone = rig.fingerprint(paired=True), rig.fingerprint()
            swapped = measured.swapped_cpusets
            assert world.cpusets == {"baseline": "02"[swapped], "candidate": "20"[swapped]}
            world.spike_ns.clear()
            rig.single(seed, SPECS[1])
            assert world.cpusets["candidate"] is None
        seen.add(swapped)
    assert seen == {False, True}
    assert paired.differences(alone) == {"cpus_of_arm": ("1", "absent")}


def block(world: World, containers: int, seed: int = 1, **limits: Any) -> list[Pair]:
    world.log.clear()
    planned = scenario(max_steal=0.5, containers=containers, **limits)
    with Rig(None, planned, Path(), lambda phase: None) as rig:
        return rig.pairs(3, seed, SPECS)


@pytest.mark.parametrize("containers", [2, 4])
def test_a_block_is_pairs_of_one_moment(world: World, containers: int) -> None:
    pairs = block(world, containers)
    assert [(pair.index, pair.replica) for pair in pairs] == [
        (3 + at, at) for at in range(containers)
    ]
    assert {pair.start for pair in pairs} == {3}
    assert all(pair.noise == pairs[0].noise for pair in pairs)
    assert {pair.baseline.image for pair in pairs} == {BASE_IMAGE.reference}
    assert {pair.candidate.image for pair in pairs} == {IMAGE.reference}
    steps = [entry.split()[0] for entry in world.log if entry.startswith(("start", "stop"))]
    assert steps == ["start"] * (2 * containers) + ["stop"]
    assert world.log.count(f"watch {2 * containers - 1}") == 1


def test_each_container_of_a_block_is_measured_as_the_one_it_is(world: World) -> None:
    """Whatever the order by chance, a container's own counts are in its own pair."""
    for seed in range(6):
        world.errors = {"baseline-2": 2, "candidate-1": 3, "candidate-4": 4}
        pairs = block(world, 4, seed)
        assert [pair.baseline.load.errors for pair in pairs] == [0, 2, 0, 0]
        assert [pair.candidate.load.errors for pair in pairs] == [3, 0, 0, 4]
        order = [entry.split()[1] for entry in world.log if entry.startswith("start")]
        assert pairs[0].first_started == order[0].partition("-")[0]
    assert order != sorted(order)


def test_each_container_gets_its_part_of_its_arms_load(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[Any] = []

    def make_load(load: Any, endpoints: Any, *rest: Any) -> World:
        sent.append((mean_rate(load), load.connections, len(endpoints), rest[1]))
        return world

    monkeypatch.setattr(measure, "make_load", make_load)
    whole = scenario().load
    for containers in (1, 4):
        block(world, containers)
    rate, connections = mean_rate(whole), whole.connections
    assert sent == [
        (rate, connections, 2, "request"),
        (rate / 4, -(-connections // 4), 8, "request"),
    ]


def test_what_both_arms_lack_in_some_container_is_no_measurement(world: World) -> None:
    world.errors = {"candidate-2": 300}
    assert block(world, 2)[1].candidate.load.errors == 300
    world.errors = {"baseline-1": 300, "candidate-2": 300}
    with pytest.raises(InvalidMeasurement, match=r"-[12]: 300 of") as caught:
        block(world, 2)
    assert caught.value.reason is Reason.LOAD_ERRORS


def test_a_block_serves_as_many_measurements_as_the_scenario_says(world: World) -> None:
    planned = scenario(containers=2, pairs_per_start=2)
    with Rig(None, planned, Path(), lambda phase: None) as rig:
        pairs = [pair for at in (0, 2, 4) for pair in rig.pairs(at, at, SPECS)]
    assert [(pair.start, pair.replica) for pair in pairs] == [
        *((0, 0), (0, 1), (0, 0), (0, 1)),
        *((4, 0), (4, 1)),
    ]


def test_a_block_that_fills_the_memory_is_removed_and_not_measured(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(containers: int) -> None:
        raise UnfitEnvironment(Reason.CONTAINERS_DO_NOT_FIT, f"{containers} do not fit")

    monkeypatch.setattr(module, "check_memory_left", full)
    assert pair().replica == 0  # a pair is what there is when nothing else fits
    with pytest.raises(UnfitEnvironment, match="2 do not fit"):
        block(world, 2)
    assert "stop" in world.log
    assert "watch 0" not in world.log


def test_the_fingerprint_tells_blocks_from_pairs(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    client: Any = SimpleNamespace(version=dict)
    found = []
    for containers in (1, 2):
        with Rig(client, scenario(containers=containers), Path(), print) as rig:
            found.append(rig.fingerprint())
    assert "containers" not in found[0].must_match
    assert found[1].must_match["containers"] == "2"
    assert found[0].differences(found[1])


def gating(stage: str, detail: str) -> Scenario:
    metric = {"stage": stage, "quantile": 0.5, "tolerance": 0.02, "regression_threshold": 0.05}
    document = scenario().model_dump()
    document["gate"]["metrics"], document["probe"]["detail"] = [metric], detail
    return Scenario.model_validate(document)


def test_a_gated_stage_that_needs_more_detail_is_refused_before_anything_starts(
    world: World,
) -> None:
    with (
        pytest.raises(UsageError) as error,
        Rig(None, gating("bridge", "headline"), Path(), print),
    ):
        pytest.fail("it opened")
    assert error.value.reason is Reason.BAD_SCENARIO
    assert error.value.remedy is not None
    assert 'detail = "full"' in error.value.remedy
    assert world.log == ["leave"]  # the probe is unloaded; no session was opened


def test_a_gated_stage_that_the_kernel_cannot_show_is_told(world: World) -> None:
    with Rig(None, gating("rx_process", "full"), Path(), lambda phase: None) as rig:
        assert rig.unmeasured == ("rx_process",)
    with Rig(None, gating("app", "headline"), Path(), lambda phase: None) as rig:
        assert rig.unmeasured == ()


@pytest.mark.parametrize("logged", [True, False])
def test_without_a_log_requests_have_no_names_and_the_rig_says_so(
    world: World, logged: bool
) -> None:
    world.watches_stalls = logged
    document = scenario().model_dump()
    requests = [{"name": "browse"}, {"name": "checkout"}]
    document["load"] = {"driver": "http", "request": requests, "duration_s": 20.0}
    zone = {"quantile": 0.99, "tolerance": 0.05, "regression_threshold": 0.15}
    document["gate"]["metrics"] = [zone, {**zone, "request": "checkout"}]
    with Rig(None, Scenario.model_validate(document), Path(), lambda phase: None) as rig:
        if logged:
            assert (rig.unmeasured, rig.notes) == ((), ())
            return
        assert rig.unmeasured == ("response_p99[checkout]",)
        (note,) = rig.notes
    assert note.code is NoteCode.REQUESTS_NOT_MEASURED
    assert "not told apart by name here (browse, checkout)" in note_text(note)


def test_only_the_first_pair_of_a_start_knows_how_long_it_took(world: World) -> None:
    with Rig(None, scenario(pairs_per_start=2), Path(), lambda phase: None) as rig:
        pairs = [rig.pairs(index, index, SPECS)[0] for index in range(4)]
    known = [{pair.arm(arm).startup_ns for arm in ARMS} for pair in pairs]
    assert known == [{500, 501}, {0}, {500, 501}, {0}]
    assert [pair.first_of_start for pair in pairs] == [True, False, True, False]
    assert pairs[0].arm(pairs[0].first_started).startup_ns == 500  # each its own


class Replicas:
    """Stands for `Fleet`: what it was made of, and how often it was asked."""

    slots = 2

    def __init__(self, *place: Any, until_s: float, **rest: Any) -> None:
        self.own_slots, self.until_s = list(place[4]), until_s
        self.polled = 0
        self.closed = False

    def __enter__(self) -> Replicas:
        return self

    def __exit__(self, *args: object) -> None:
        self.closed = True

    def poll(self) -> None:
        self.polled += 1


def test_replicas_beside_the_pairs_have_the_last_slots_and_keep_them(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "Fleet", Replicas)
    place = None, scenario(watch={"minutes": 2.0}), Path(), lambda phase: None
    with Rig(*place, watched=True) as rig:
        with rig.fleet(SPECS, 1, 500.0) as fleet:
            assert isinstance(fleet, Replicas)
            assert (fleet.own_slots, fleet.until_s) == ([2, 3], 500.0)
            rig.pairs(0, 1, SPECS)
            assert fleet.polled > 0
            assert world.kept == (2, 3)
        assert fleet.closed
        polled = fleet.polled
        rig.pairs(1, 2, SPECS)
        assert (fleet.polled, world.kept) == (polled, ())


@pytest.mark.parametrize(("minutes", "watched"), [(0, True), (2.0, False)])
def test_without_a_watch_there_are_none(
    world: World, monkeypatch: pytest.MonkeyPatch, minutes: float, watched: bool
) -> None:
    monkeypatch.setattr(module, "Fleet", Replicas)
    place = None, scenario(watch={"minutes": minutes}), Path(), lambda phase: None
    with Rig(*place, watched=watched) as rig, rig.fleet(SPECS, 1, 500.0) as fleet:
        fleet.grow()
        fleet.wait(1.0)
        fleet.finish()
        assert (fleet.watch(), fleet.missing) == (None, False)
