"""What is done while the load runs, with a clock, a probe and a load that the test moves."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from socklat_gate.job import cpu_readings
from socklat_gate.job import recorder as module
from socklat_gate.job.recorder import Recorder
from socklat_gate.job.stacks import TracedCompanions
from socklat_gate.load.load_driver import Window
from socklat_gate.measured.records import CALL, EXCHANGE, EXCHANGE_STAGES, SENT, STALL
from socklat_gate.probe.log_feeds import LogFeed, LogFeeds
from socklat_gate.probe.traffic import Traffic
from socklat_gate.service.cpu_time import CpuUse
from socklat_gate.wording.notes import note_text
from tests.unit.job.fakes import scenario
from tests.unit.stalls.simulated import MS, exchanges, stalls_at

S = 1_000_000_000
RATE = 1000


class World:
    """Time, the probe's log up to it, and a load that can be ended."""

    def __init__(self, stalls: Any = None) -> None:
        rng = np.random.default_rng(1)
        self.now_ns = 0
        self.window = Window(0, S, 41 * S)
        arrival_ns = np.sort(rng.integers(S, 41 * S, 2 * 40 * RATE))
        latency_ns = rng.integers(100_000, 900_000, arrival_ns.size)
        self.log = exchanges(arrival_ns, latency_ns)
        self.log["target"] = rng.integers(0, 2, arrival_ns.size)
        self.stalls = stalls if stalls is not None else np.zeros(0, STALL)
        self.drained_ns = 0
        self.ended: list[int] = []
        self.recorded: list[tuple[int, int, int, int]] = []
        self.watches_stalls = True
        self.stages = ("response", "service", "recv_wait", "app")
        self.cpu_ns = 0
        self.named = False
        self.several_streams = False

    # the probe
    def subscribe(self, slots: Any) -> LogFeed:
        self.feeds = LogFeeds(self.take)
        return self.feeds.subscribe(slots)

    def unsubscribe(self, feed: LogFeed) -> None:
        self.feeds.close(feed)

    def take(self) -> Any:
        since, self.drained_ns = self.drained_ns, self.now_ns
        if not self.watches_stalls:
            return np.zeros(0, EXCHANGE), np.zeros(0, STALL)
        log, stalls = self.log["rx_first_ns"], self.stalls["to_ns"]
        return (
            self.log[(log >= since) & (log < self.now_ns)],
            self.stalls[(stalls >= since) & (stalls < self.now_ns)],
        )

    def record_between(
        self,
        slot: int,
        from_ns: int,
        to_ns: int,
        spike_ns: int,
        log_mask: int,
        traffic: Traffic,
    ) -> None:
        one = Traffic(one_outstanding=True, http=True, named=self.named)
        assert traffic == (Traffic(marked=True) if self.several_streams else one)
        assert from_ns == S
        self.recorded.append((slot, to_ns, spike_ns, log_mask))

    def warmup_quantile_ns(self, slots: Sequence[int], q: float) -> int:
        self.warmup_slots = list(slots)
        return (2 + slots[0]) * MS

    def set_load(self, processes: Any) -> None:
        assert processes == (7,)

    def seen(self, slot: int) -> int:
        return self.now_ns // MS

    # the load
    def pids(self) -> tuple[int, ...]:
        return (7,)

    def end_at(self, end_ns: int) -> Window:
        self.ended.append(end_ns)
        return Window(0, S, end_ns)


def run(
    world: World,
    monkeypatch: pytest.MonkeyPatch,
    order: Sequence[str] = ("baseline", "candidate"),
    cpuset: Any = None,
    interleave: str = "request",
    stage: str = "response",
    **load: Any,
) -> Recorder:
    """Polls ten times a second until the load ends."""
    document = scenario().model_dump()
    document["gate"]["metrics"] = [
        {"stage": stage, "quantile": 0.99, "tolerance": 0.05, "regression_threshold": 0.15}
    ]
    given = scenario().load.model_dump(exclude_unset=True)
    document["load"] = {**given, "rate": float(RATE), "duration_s": 10.0, **load}
    document["service"]["cpuset"] = cpuset
    document["gate"]["interleave"] = interleave
    planned = type(scenario()).model_validate(document)
    monkeypatch.setattr(module.time, "monotonic_ns", lambda: world.now_ns)
    monkeypatch.setattr(
        cpu_readings,
        "CpuMeter",
        lambda pid: SimpleNamespace(read=lambda: CpuUse(world.now_ns // 10, 5, 3)),
    )
    replicas = max(map(list(order).count, order))
    arms: Any = [
        SimpleNamespace(pid=pid, arm=arm, replicas=replicas)
        for pid, arm in enumerate(order, start=1)
    ]
    probe: Any = world
    recorder = Recorder(probe, planned, arms, probe, TracedCompanions({}, 0))
    recorder.open(world.window)
    while world.now_ns <= recorder.window.to_ns + S:
        world.now_ns += 100 * MS
        recorder.poll()
    return recorder


def test_a_calm_run_lasts_as_long_as_planned(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    recorder = run(world, monkeypatch)
    assert world.ended == [11 * S]
    correction, _ = recorder.finish()
    assert correction is not None
    assert recorder.shortfall(correction) is None
    assert sum(c.logged for c in correction.corrected) == pytest.approx(2 * 10 * RATE, rel=0.2)


def test_a_run_whose_stalls_are_not_watched_does_too(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    world.watches_stalls = False
    recorder = run(world, monkeypatch)
    assert world.ended == [11 * S]
    assert recorder.finish()[0] is None


def test_a_disturbed_run_lasts_until_enough_was_undisturbed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    begins = np.arange(S, 41 * S, 20 * MS)
    world = World(stalls_at(begins, begins + 6 * MS))  # 12 ms of 20 are lost: half of the 100
    recorder = run(world, monkeypatch)
    (end_ns,) = world.ended
    assert 13 * S < end_ns < 24 * S
    correction, _ = recorder.finish()
    assert correction is not None
    assert recorder.shortfall(correction) is None
    assert correction.stalled == pytest.approx(0.3, abs=0.01)


def test_a_run_that_never_gets_enough_says_how_long_it_would_take(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    begins = np.arange(S, 41 * S, 20 * MS)
    world = World(stalls_at(begins, begins + 9 * MS))
    monkeypatch.setattr(module, "CHECK_EVERY_NS", 5 * S)  # what each check costs is not the point
    recorder = run(world, monkeypatch)
    assert world.ended == []
    correction, _ = recorder.finish()
    assert correction is not None
    sentence = note_text(recorder.shortfall(correction))
    assert "undisturbed exchanges beyond response_p99 in 40.0 s, where 50 are needed" in sentence


@pytest.mark.parametrize(("slow", "extended"), [("candidate", False), ("baseline", True)])
def test_the_baselines_latencies_say_how_many_stay_undisturbed(
    monkeypatch: pytest.MonkeyPatch, slow: str, extended: bool
) -> None:
    # 21 of 25 ms are calm, and a quarter of what takes 16 ms ends before the next stall.
    begins = np.arange(S, 41 * S, 25 * MS)
    world = World(stalls_at(begins, begins + 2 * MS))
    of_slow = world.log["target"] == (slow == "candidate")
    world.log["ns"][of_slow, EXCHANGE_STAGES.index("response")] = 16 * MS
    recorder = run(world, monkeypatch)
    correction, _ = recorder.finish()
    assert correction is not None
    assert recorder.shortfall(correction) is None
    (end_ns,) = world.ended
    assert (end_ns > 20 * S) == extended


@pytest.mark.parametrize(("arm", "extended"), [("candidate", False), ("baseline", True)])
def test_in_blocks_a_candidates_own_latencies_exclude_nothing(
    monkeypatch: pytest.MonkeyPatch, arm: str, extended: bool
) -> None:
    begins = np.arange(S, 41 * S, 25 * MS)
    world = World(stalls_at(begins, begins + 2 * MS))
    world.log = world.log[::2]
    world.log["target"] = 0
    world.log["ns"][:, EXCHANGE_STAGES.index("response")] = 16 * MS
    run(world, monkeypatch, (arm,), interleave="block")
    assert (world.ended[0] > 20 * S) == extended


def test_too_few_requests_are_not_the_machines_doing(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    world.log = world.log[::250]  # 4 a second for each arm, which 40 s would not make enough
    recorder = run(world, monkeypatch)
    correction, _ = recorder.finish()
    assert correction is not None
    assert recorder.shortfall(correction) is None
    assert world.ended == [11 * S]
    some = World()
    some.log = some.log[::3]  # 333 a second: 15 s are enough
    run(some, monkeypatch)
    (end_ns,) = some.ended
    assert 15 * S < end_ns < 20 * S


@pytest.mark.parametrize(("interleave", "extended"), [("request", False), ("slice", True)])
@pytest.mark.parametrize("so_far", [4950, 0])
def test_slices_so_far_say_nothing_of_those_to_come(
    monkeypatch: pytest.MonkeyPatch, so_far: int, interleave: str, extended: bool
) -> None:
    world = World()
    # 5000 requests are needed; that many are there when the end has to be chosen.
    late = np.flatnonzero(world.log["target"] == 1)[so_far:]
    left_out = late[world.log["rx_first_ns"][late] < 14 * S]
    world.log = np.delete(world.log, left_out)
    monkeypatch.setattr(module, "CHECK_EVERY_NS", 3 * S)  # so that much is left at the last check
    recorder = run(world, monkeypatch, interleave=interleave)
    correction, _ = recorder.finish()
    assert correction is not None
    assert (world.ended[0] > 11 * S) == extended
    assert (correction.measured(1, "response") >= 5000) == extended


def test_spikes_are_armed_by_the_warmup_and_kept_when_the_end_moves(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = World()
    recorder = run(world, monkeypatch)
    assert world.recorded[:2] == [(0, 41 * S, 0, 0), (1, 41 * S, 0, 0)]
    assert world.recorded[2:4] == [(0, 41 * S, 6 * MS, 0), (1, 41 * S, 6 * MS, 0)]
    assert world.recorded[4:] == [(0, 11 * S, 6 * MS, 0), (1, 11 * S, 6 * MS, 0)]
    assert recorder.spike_ns == 6 * MS


def test_the_spike_threshold_is_the_baselines_whoever_started_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert run(World(), monkeypatch, ("candidate", "baseline")).spike_ns == 9 * MS
    assert run(World(), monkeypatch, ("candidate",)).spike_ns == 6 * MS


@pytest.mark.parametrize(
    ("order", "cpuset", "found"),
    [
        (("baseline", "candidate"), None, True),
        (("candidate", "baseline"), None, True),
        (("baseline", "candidate"), ["0", "1"], False),  # one coin for all requests of a pair
    ],
)
def test_stalls_that_follow_one_arms_requests_are_evidence(
    monkeypatch: pytest.MonkeyPatch, order: tuple[str, ...], cpuset: Any, found: bool
) -> None:
    world = World()
    helped_ns = world.log["rx_first_ns"][world.log["target"] == 1][::50].astype(np.int64)
    world.stalls = stalls_at(helped_ns + MS // 10, helped_ns + 3 * MS, "interference")
    recorder = run(world, monkeypatch, order, cpuset)
    recorder.finish()
    evidence = np.array(recorder.stall_labels().evidence["interference"])
    assert np.exp(evidence).max() > 1000 if found else np.exp(evidence).max() < 2.001
    # Rates of either sign tell which arm it is.
    towards = evidence.reshape(-1, 2, 5).max(axis=2)[0]
    assert (towards[0] > towards[1]) == (order[1] == "candidate")


def test_stalls_follow_an_arm_in_whichever_of_its_containers_they_do(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Requests of the arm's containers are one kind of coin, and its baseline's warm-ups one."""
    world = World()
    rng = np.random.default_rng(2)
    world.log["target"] = rng.integers(0, 4, world.log.size)
    of_candidate = np.isin(world.log["target"], (0, 3))
    helped_ns = world.log["rx_first_ns"][of_candidate][::50].astype(np.int64)
    world.stalls = stalls_at(helped_ns + MS // 10, helped_ns + 3 * MS, "interference")
    order = ("candidate", "baseline", "baseline", "candidate")
    recorder = run(world, monkeypatch, order, rate=float(RATE) / 2, duration_s=20.0)
    correction, cpu = recorder.finish()
    assert world.warmup_slots == [1, 2]
    evidence = np.array(recorder.stall_labels().evidence["interference"])
    assert np.exp(evidence).max() > 1000
    towards = evidence.reshape(-1, 2, 5).max(axis=2)[0]
    assert towards[0] > towards[1]
    assert correction is not None
    assert (len(correction.corrected), len(cpu)) == (4, 4)
    assert correction.ignored


def test_how_many_waited_behind_the_other_arm_is_known_of_a_whole_log(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Arms share one CPU here: a fifth of each latency is a wait, 2000 responses a second begin."""

    def share(world: World, *order: str, **load: Any) -> float | None:
        recorder = run(world, monkeypatch, order or ("baseline", "candidate"), **load)
        recorder.finish()
        return recorder.coupling()

    found = share(World())
    assert found is not None
    assert 0.08 < found < 0.12  # 0.1 ms, in which the other arm begins 1000 a second
    by_blocks = World()
    by_blocks.log["target"] = np.random.default_rng(3).integers(0, 4, by_blocks.log.size)
    order = ("baseline", "candidate", "baseline", "candidate")
    of_blocks = share(by_blocks, *order, rate=float(RATE) / 2, duration_s=20.0)
    assert of_blocks == pytest.approx(found, abs=0.01)
    alone, unseen = World(), World()
    alone.log["target"] = 0
    assert share(alone, "candidate") is None
    unseen.watches_stalls = False
    assert share(unseen) is None


def test_a_run_of_one_arm_keeps_what_its_pair_compares(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(stalls_at(np.array([2 * S]), np.array([3 * S])))
    world.log["target"] = 0
    recorder = run(world, monkeypatch, ("candidate",))
    recorder.finish()
    labels = recorder.stall_labels()
    assert labels.evidence == {}
    assert 5 < labels.weighed["steal"][-1] < 40  # 5 ms of 2000 arrivals a second
    assert labels.weighed["late_tick"] == (0, 0, 0, 0)


def test_cpu_time_is_read_over_the_window_with_the_requests_in_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = World()
    _, (used, other) = run(world, monkeypatch).finish()
    assert used == other
    assert used.used_ns / used.exchanges == pytest.approx(100_000, rel=0.001)
    assert used.exchanges == pytest.approx(10 * RATE, rel=0.03)
    assert (used.throttled_us, used.involuntary_switches) == (0, 0)


def test_of_very_many_exchanges_a_part_is_logged(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    run(world, monkeypatch, rate=60_000.0)  # 60,000/s * 2 arms * 40 s at most, of 2**20
    assert {mask for *_, mask in world.recorded} == {7}


def test_named_requests_are_joined_with_the_whole_log(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    world.named = True
    log = world.log
    log["peer_port"] = 40_000
    for arm in (0, 1):
        own = log["target"] == arm
        log["ordinal"][own] = np.arange(1, np.count_nonzero(own) + 1)
    sent = np.zeros(log.size, SENT)
    sent["sent_ns"] = log["rx_first_ns"].astype(np.int64) - 1
    for name, known in (("arm", "target"), ("ordinal", "ordinal"), ("port", "peer_port")):
        sent[name] = log[known]
    sent["kind"] = np.arange(sent.size) % 2
    requests = [{"name": "browse", "weight": 3.0}, {"name": "checkout"}]
    recorder = run(world, monkeypatch, request=requests)
    assert recorder.named is None
    correction, _ = recorder.finish(sent)
    named = recorder.named
    assert correction is not None
    assert named is not None
    assert dict(named.shares) == {"browse": 0.75, "checkout": 0.25}
    for arm, joined in enumerate(named.joined):
        assert joined.join.joined == joined.join.logged == correction.corrected[arm].logged
        assert joined.miscounted == 0
        parts = correction.named[arm]
        assert sum(part.logged for part in parts) == joined.join.logged
        # As often in the log, but the whole has three of the first for each of the second.
        whole, part = (
            one.histograms["response"].total for one in (correction.corrected[arm], parts[1])
        )
        assert part / whole == pytest.approx(0.5, abs=0.02)


def test_without_a_log_no_request_has_a_name(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    world.named, world.watches_stalls = True, False
    recorder = run(world, monkeypatch, request=[{"name": "browse"}])
    assert recorder.finish(np.zeros(1, SENT))[0] is None
    assert recorder.named is None


def calls_of(world: World) -> np.ndarray:
    """What a driver says of the world's log; each request was sent 0.1 ms after it was due."""
    log = world.log[world.log["rx_first_ns"] < world.window.to_ns]
    calls = np.zeros(log.size, CALL)
    calls["due_ns"] = log["rx_first_ns"]
    calls["sent_ns"] = calls["due_ns"] + MS // 10
    calls["done_ns"] = calls["due_ns"] + 5 * MS
    calls["arm"] = log["target"]
    return calls


def by_driver(
    world: World, monkeypatch: pytest.MonkeyPatch, order: Sequence[str], **options: Any
) -> Recorder:
    world.several_streams = True
    return run(world, monkeypatch, order, http="2", streams=8, stage="client", **options)


def test_with_streams_the_drivers_clock_is_all_there_is(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    recorder = by_driver(world, monkeypatch, ("candidate", "baseline"))
    assert world.ended == [11 * S]
    assert {spike_ns for _, _, spike_ns, _ in world.recorded} == {0}  # the kernel has no spikes
    assert recorder.by_driver is None
    calls = calls_of(world)
    warm = calls[:1000].copy()
    warm["due_ns"] = warm["sent_ns"] = np.arange(1000) * MS
    warm["done_ns"] = warm["due_ns"] + np.where(warm["arm"] == 1, 7 * MS, 40 * MS)
    calls = np.concatenate([warm, calls[calls["due_ns"] < 11 * S]])
    correction, used = recorder.finish(calls)
    assert correction is not None
    assert recorder.by_driver is not None
    assert recorder.named is None
    assert recorder.spike_ns == 21 * MS  # by the baseline, which has slot 1
    assert [*correction.corrected[0].histograms] == ["client"]
    assert correction.corrected[0].histograms["client"].quantile_ns(0.5) == pytest.approx(
        5 * MS, rel=0.02
    )
    assert recorder.shortfall(correction) is None
    # The kernel's exchanges would be another number: 1000 a second, of both arms.
    sent = calls[(calls["arm"] == 0) & (calls["sent_ns"] >= S)]
    assert used[0].exchanges == pytest.approx(sent.size, rel=0.02)


@pytest.mark.parametrize(("interleave", "least_s"), [("request", 10), ("slice", 12)])
def test_with_streams_an_arm_that_takes_turns_gets_its_part_of_the_rate(
    monkeypatch: pytest.MonkeyPatch, interleave: str, least_s: int
) -> None:
    """5000 requests of each arm are needed: 10 s at 800 a second are enough, at 400 not."""
    world = World()
    arms = ("baseline", "candidate")
    by_driver(world, monkeypatch, arms, interleave=interleave, rate=800.0)
    (end_ns,) = world.ended
    assert least_s * S <= end_ns - S < (least_s + 2) * S


def test_with_streams_stalls_are_those_of_the_services_cpus(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    begins = np.arange(S, 41 * S, 20 * MS)
    world = World(stalls_at(begins, begins + 6 * MS))
    recorder = by_driver(world, monkeypatch, ("baseline", "candidate"))
    (end_ns,) = world.ended
    assert 13 * S < end_ns < 24 * S
    calls = calls_of(world)
    correction, _ = recorder.finish(calls[calls["due_ns"] < end_ns])
    assert correction is not None
    assert correction.stalled == pytest.approx(0.3, abs=0.01)
    elsewhere = World(stalls_at(begins, begins + 6 * MS, cpu=3))
    recorder = by_driver(elsewhere, monkeypatch, ("baseline", "candidate"))
    assert elsewhere.ended == [11 * S]
    correction, _ = recorder.finish(calls_of(elsewhere))
    assert correction is not None
    assert correction.stalled == 0


def test_with_streams_too_few_undisturbed_requests_are_the_machines_doing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    begins = np.arange(S, 41 * S, 20 * MS)
    world = World(stalls_at(begins, begins + 9 * MS))
    monkeypatch.setattr(module, "CHECK_EVERY_NS", 5 * S)  # what each check costs is not the point
    recorder = by_driver(world, monkeypatch, ("baseline", "candidate"))
    assert world.ended == []
    correction, _ = recorder.finish(calls_of(world))
    assert correction is not None
    assert "beyond client_p99" in note_text(recorder.shortfall(correction))


@pytest.mark.parametrize("order", [("baseline", "candidate"), ("candidate", "baseline")])
def test_with_streams_stalls_that_follow_one_arms_requests_are_evidence(
    monkeypatch: pytest.MonkeyPatch, order: tuple[str, ...]
) -> None:
    world = World()
    calls = calls_of(world)
    calls = calls[calls["due_ns"] < 11 * S]
    helped_ns = calls["sent_ns"][calls["arm"] == 1][::50]
    world.stalls = stalls_at(helped_ns + MS // 10, helped_ns + 3 * MS, "interference")
    recorder = by_driver(world, monkeypatch, order)
    recorder.finish(calls)
    evidence = np.array(recorder.stall_labels().evidence["interference"])
    assert np.exp(evidence).max() > 1000
    towards = evidence.reshape(-1, 2, 5).max(axis=2)[0]
    assert (towards[0] > towards[1]) == (order[1] == "candidate")
