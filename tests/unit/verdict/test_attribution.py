from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from socklat_gate.measured.facts import Note, NoteCode
from socklat_gate.measured.histogram import BAND_COUNT, Histogram
from socklat_gate.measured.pair import Pair
from socklat_gate.measured.run import Bands, Run, StallCorrected
from socklat_gate.verdict.attribution import attribute
from socklat_gate.verdict.band_means import slice_means_ns

from .builders import SERVICE_NS, STAGES, bands_of, block_of, pair_of, run_of

RECV_WAIT_NS = SERVICE_NS // 4
OLD_STAGES = ("service", "recv_wait", "app")


def shaped_pairs(recv_wait_more: list[int], app_more: list[int]) -> list:
    """Pairs whose candidate has these many more ns in each exchange of the slowest 1%."""
    slow = np.arange(SERVICE_NS.size) >= 0.99 * SERVICE_NS.size
    baseline = run_of(SERVICE_NS, RECV_WAIT_NS)
    return [
        pair_of(
            baseline,
            run_of(SERVICE_NS + slow * (recv + app), RECV_WAIT_NS + slow * recv),
            index,
        )
        for index, (recv, app) in enumerate(zip(recv_wait_more, app_more, strict=True))
    ]


def two_bands() -> Bands:
    """60 exchanges of 100 ns and 40 of 1000 ns, half of each spent waiting."""
    count = np.zeros(BAND_COUNT, dtype=np.uint64)
    sums = np.zeros((BAND_COUNT, len(OLD_STAGES)), dtype=np.uint64)
    count[10], count[20] = 60, 40
    sums[10], sums[20] = (6000, 3000, 3000), (40000, 20000, 20000)
    return Bands(OLD_STAGES, count, sums)


def test_slice_means_take_the_edge_band_by_its_fraction() -> None:
    means = slice_means_ns(two_bands(), OLD_STAGES, 0.25, 0.75)
    service = (35 * 100 + 15 * 1000) / 50
    np.testing.assert_allclose(means, [service, service / 2, service / 2])
    np.testing.assert_allclose(slice_means_ns(two_bands(), OLD_STAGES, 0.9, 1.0), [1000, 500, 500])
    np.testing.assert_allclose(slice_means_ns(two_bands(), OLD_STAGES, 0.0, 1.0), [460, 230, 230])


def test_slice_means_refuse_what_they_cannot_tell() -> None:
    with pytest.raises(ValueError, match="respond"):
        slice_means_ns(two_bands(), ("service", "respond"), 0.0, 1.0)
    with pytest.raises(ValueError, match="ranks"):
        slice_means_ns(two_bands(), OLD_STAGES, 0.9, 0.9)
    with pytest.raises(ValueError, match="without exchanges"):
        slice_means_ns(bands_of([], []), STAGES, 0.0, 1.0)


def test_the_stage_that_got_slower_is_named_in_its_slice() -> None:
    more = [2_900_000 + 30_000 * i for i in range(8)]
    middle, slow10, slow1 = attribute(shaped_pairs(more, [300_000] * 8))
    assert (middle.slice, slow10.slice, slow1.slice) == ("middle", "slowest 10%", "slowest 1%")
    assert middle.stage is None
    assert middle.delta_ns == 0
    assert [share.share for share in middle.shares] == [0.0, 0.0, 0.0]
    assert slow1.stage == "recv_wait"
    # The baseline's band on the slice's edge is wider than the slice: 1% of tolerance.
    total = np.mean(more) + 300_000
    assert slow1.delta_ns == pytest.approx(total, rel=0.01)
    assert slow1.shares[0].share == pytest.approx(np.mean(more) / total, abs=0.01)
    assert slow10.stage == "recv_wait"
    assert slow10.delta_ns == pytest.approx(total / 10, rel=0.01)


def test_shares_and_means_add_up() -> None:
    for found in attribute(shaped_pairs([900_000] * 7, [500_000] * 7))[1:]:
        assert sum(share.share for share in found.shares) == pytest.approx(1.0)
        parts = sum(share.candidate_ns - share.baseline_ns for share in found.shares)
        assert parts == pytest.approx(found.delta_ns)


def test_a_faster_candidate_is_attributed_too_and_swapping_flips_the_sign() -> None:
    pairs = shaped_pairs([100_000] * 6, [800_000] * 6)
    swapped = [replace(p, baseline=p.candidate, candidate=p.baseline) for p in pairs]
    slower, faster = attribute(pairs)[2], attribute(swapped)[2]
    assert slower.stage == faster.stage == "app"
    assert faster.delta_ns == -slower.delta_ns
    assert faster.shares[1].share == pytest.approx(slower.shares[1].share)


def test_few_pairs_name_no_stage() -> None:
    few, enough = (attribute(shaped_pairs([900_000] * n, [0] * n))[2] for n in (4, 5))
    assert few.stage is None
    assert few.shares[0].low_ns == -math.inf
    assert enough.stage == "recv_wait"
    assert enough.shares[0].low_ns == pytest.approx(900_000, rel=0.02)


def test_pairs_that_disagree_name_no_stage() -> None:
    # One huge pair moves the mean; 4 of 8 pairs got faster.
    recv = [9_000_000, 900_000, 900_000, 900_000, -200_000, -200_000, -200_000, -200_000]
    found = attribute(shaped_pairs(recv, [0] * 8))[2]
    assert found.delta_ns > 0
    assert found.stage is None


def test_a_stage_must_agree_itself_not_only_the_total() -> None:
    # The total rises in every pair; which stage carries it alternates.
    recv = [3_000_000, -200_000] * 4
    app = [0, 2_000_000] * 4
    found = attribute(shaped_pairs(recv, app))[2]
    assert found.shares[0].share == pytest.approx(0.58, abs=0.01)
    assert found.stage is None


def test_no_change_has_no_stage() -> None:
    for found in attribute(shaped_pairs([0] * 8, [0] * 8)):
        assert found.delta_ns == 0
        assert found.stage is None


def test_pairs_without_exchanges_or_set_aside_do_not_count() -> None:
    pairs = shaped_pairs([900_000] * 6, [0] * 6)
    empty = pair_of(run_of([]), run_of(SERVICE_NS), 6)
    aside = replace(shaped_pairs([0], [9_000_000])[0], excluded=Note(NoteCode.STEAL))
    assert attribute([*pairs, empty, aside]) == attribute(pairs)
    assert attribute([empty]) == ()
    assert attribute([]) == ()


def test_a_response_that_is_written_later_is_named() -> None:
    baseline = run_of(SERVICE_NS, RECV_WAIT_NS, respond_ns=1000)
    later = run_of(SERVICE_NS, RECV_WAIT_NS, respond_ns=700_000)
    for found in attribute([pair_of(baseline, later, index) for index in range(6)]):
        assert found.stage == "respond"
        assert found.delta_ns == pytest.approx(699_000, rel=0.03)
        assert found.upload is None


def test_a_request_that_comes_in_later_is_no_work_of_the_service() -> None:
    baseline = run_of(SERVICE_NS, RECV_WAIT_NS, upload_ns=20_000)
    slow = run_of(SERVICE_NS + 500_000, RECV_WAIT_NS, upload_ns=470_000)
    for found in attribute([pair_of(baseline, slow, index) for index in range(6)]):
        assert found.stage == "upload"
        assert found.upload is not None
        assert found.upload.share == pytest.approx(0.9, abs=0.02)


def test_work_after_an_upload_is_the_service_s() -> None:
    baseline = run_of(SERVICE_NS, RECV_WAIT_NS, upload_ns=20_000)
    slow = run_of(SERVICE_NS + 500_000, RECV_WAIT_NS, upload_ns=30_000)
    for found in attribute([pair_of(baseline, slow, index) for index in range(6)]):
        assert found.stage == "app"


def test_runs_from_before_there_was_a_response_are_attributed_by_service() -> None:
    def older(run: Run) -> Run:
        kept = [run.bands.stages.index(stage) for stage in OLD_STAGES]
        return replace(run, bands=Bands(OLD_STAGES, run.bands.count, run.bands.sums_ns[:, kept]))

    pairs = shaped_pairs([900_000] * 6, [0] * 6)
    old = [replace(p, baseline=older(p.baseline), candidate=older(p.candidate)) for p in pairs]
    for found, new in zip(attribute(old), attribute(pairs), strict=True):
        assert found.stage == new.stage
        assert found.shares == new.shares[:2]


def test_each_part_has_an_interval_around_its_change() -> None:
    more = [2_900_000 + 30_000 * i for i in range(8)]
    recv_wait, app, _ = attribute(shaped_pairs(more, [300_000] * 8))[2].shares
    assert min(more) <= recv_wait.low_ns < np.mean(more) < recv_wait.high_ns <= 1.02 * max(more)
    assert recv_wait.low_ns < recv_wait.candidate_ns - recv_wait.baseline_ns < recv_wait.high_ns
    assert app.high_ns < recv_wait.low_ns


def dependent_pairs(depend_more_ns: int, own_more_ns: int, calls: int = 2) -> list:
    """Pairs in which app has these many more ns, a part of it in calls to a dependency."""
    baseline_ns = 20_000
    pairs = []
    for index, pair in enumerate(shaped_pairs([0] * 8, [0] * 8)):
        jitter = 500 * index
        service = SERVICE_NS + depend_more_ns + own_more_ns + jitter
        candidate = run_of(service, RECV_WAIT_NS)
        runs = (
            (pair.baseline, baseline_ns),
            (candidate, baseline_ns + (depend_more_ns + jitter) // calls),
        )
        arms = [
            replace(
                run,
                histograms={
                    **run.histograms,
                    "depend": Histogram.of(np.full(calls * SERVICE_NS.size, call_ns)),
                },
            )
            for run, call_ns in runs
        ]
        pairs.append(replace(pair, baseline=arms[0], candidate=arms[1]))
    return pairs


def test_a_slower_dependency_is_named_instead_of_the_application() -> None:
    for found in attribute(dependent_pairs(300_000, 40_000)):
        assert found.stage == "depend"
        assert [share.stage for share in found.shares] == ["recv_wait", "app", "respond"]
        assert found.depend is not None
        change_ns = found.depend.candidate_ns - found.depend.baseline_ns
        assert change_ns == pytest.approx(300_000, rel=0.03)
        assert found.depend.share == pytest.approx(0.88, abs=0.03)
        assert found.depend.low_ns < change_ns < found.depend.high_ns


def test_an_application_that_waits_no_longer_is_named_itself() -> None:
    found = attribute(dependent_pairs(30_000, 300_000))[0]
    assert found.stage == "app"
    assert found.depend is not None
    assert found.depend.share < 0.2


def test_dependencies_measured_in_some_runs_only_are_left_out() -> None:
    pairs = dependent_pairs(300_000, 0)
    some = [*pairs[:-1], shaped_pairs([0] * 8, [0] * 8)[-1]]
    assert attribute(some)[0].depend is None


def with_internal(pair: Pair, spent_ns: dict[str, tuple[int, int]]) -> Pair:
    """Each exchange of either arm has one on each of these ports, of so many ns."""

    def spent(run: Run, arm: int) -> Run:
        ports = {
            port: Histogram.of(np.full(SERVICE_NS.size, times[arm]))
            for port, times in spent_ns.items()
            if times[arm]
        }
        both = Histogram.merged([Histogram.empty(), *ports.values()])
        return replace(run, internal=ports, histograms={**run.histograms, "internal": both})

    return replace(pair, baseline=spent(pair.baseline, 0), candidate=spent(pair.candidate, 1))


def test_a_slower_server_inside_the_container_is_named_by_its_port() -> None:
    ports = {"9000": (50_000, 350_000), "9090": (20_000, 20_000), "9100": (0, 1_000)}
    pairs = [with_internal(pair, ports) for pair in shaped_pairs([0] * 8, [0] * 8)]
    pairs = [
        replace(
            pair,
            candidate=replace(
                run_of(SERVICE_NS + 340_000 + 500 * at, RECV_WAIT_NS),
                internal=pair.candidate.internal,
                histograms=pair.candidate.histograms,
            ),
        )
        for at, pair in enumerate(pairs)
    ]
    for found in attribute(pairs):
        assert (found.stage, found.port) == ("internal", "9000")
        assert list(found.internal) == ["9000", "9090", "9100"]
        assert found.internal["9000"].share == pytest.approx(0.88, abs=0.03)
        assert found.internal["9090"].share == 0
        assert found.internal["9100"].baseline_ns == 0


def test_a_server_inside_that_is_no_slower_is_not_named() -> None:
    pairs = [with_internal(p, {"9000": (50_000, 50_000)}) for p in dependent_pairs(0, 300_000)]
    assert {(found.stage, found.port) for found in attribute(pairs)} == {("app", "")}


def test_a_dependency_elsewhere_is_named_before_the_server_that_waits_for_it() -> None:
    slower = {"9000": (50_000, 350_000)}
    pairs = [with_internal(pair, slower) for pair in dependent_pairs(300_000, 40_000)]
    assert {(found.stage, found.port) for found in attribute(pairs)} == {("depend", "")}


def test_ports_of_documents_that_lack_the_stage_are_not_compared() -> None:
    slower = {"9000": (50_000, 350_000)}
    pairs = [with_internal(pair, slower) for pair in dependent_pairs(0, 300_000)]
    old = replace(pairs[-1], baseline=dependent_pairs(0, 300_000)[-1].baseline)
    found = attribute([*pairs[:-1], old])[0]
    assert (found.stage, found.internal) == ("app", {})


def test_corrected_bands_are_used_where_both_arms_have_them() -> None:
    slower = shaped_pairs([900_000] * 6, [0] * 6)

    def corrected(run: Run) -> Run:
        bands = Bands(run.bands.stages, run.bands.count * 1024, run.bands.sums_ns * 1024)
        return replace(run, corrected=StallCorrected(run.histograms, bands, run.histograms, 0))

    both = [
        replace(p, baseline=corrected(p.baseline), candidate=corrected(p.candidate)) for p in slower
    ]
    assert attribute(both) == attribute(slower)
    # Weighted bands of the same arm on both sides show no change, whatever the raw ones say.
    quiet = [
        replace(p, candidate=replace(p.candidate, corrected=corrected(p.baseline).corrected))
        for p in both
    ]
    assert attribute(quiet)[2].delta_ns == 0
    half = [replace(p, baseline=corrected(p.baseline)) for p in slower]
    assert attribute(half) == attribute(slower)


def test_pairs_of_one_start_are_one_observation() -> None:
    pairs = [replace(p, start=p.index // 4) for p in shaped_pairs([900_000] * 12, [0] * 12)]
    assert attribute(pairs)[2].stage is None
    own = [replace(p, start=p.index) for p in pairs]
    assert attribute(own)[2].stage == "recv_wait"


def shaped_blocks(blocks: int, containers: int, app_more_ns: int) -> list[Pair]:
    """Blocks whose candidates' containers have so many more ns in app, and a little scatter."""
    rng = np.random.default_rng(3)
    found: list[Pair] = []
    for _ in range(blocks):
        arms = [
            [
                run_of(SERVICE_NS + more + int(rng.normal(0, 20_000)) + 100_000, RECV_WAIT_NS)
                for _ in range(containers)
            ]
            for more in (0, app_more_ns)
        ]
        found += block_of(*arms, len(found))
    return found


@pytest.mark.parametrize(("blocks", "containers"), [(2, 2), (4, 2), (1, 4), (2, 4)])
def test_a_gross_change_in_few_blocks_names_its_stage(blocks, containers):
    for found in attribute(shaped_blocks(blocks, containers, 400_000)):
        assert found.stage == "app"
        app = found.shares[1]
        assert 0 < app.low_ns < found.delta_ns < app.high_ns < 2 * found.delta_ns


@pytest.mark.parametrize(("blocks", "containers", "more_ns"), [(1, 2, 400_000), (2, 4, 0)])
def test_too_few_labelings_or_no_change_name_none(blocks, containers, more_ns):
    assert {part.stage for part in attribute(shaped_blocks(blocks, containers, more_ns))} == {None}


def test_a_block_that_lacks_a_container_has_no_part_in_the_interval():
    pairs = shaped_blocks(2, 4, 400_000)
    alone = attribute(shaped_blocks(1, 4, 400_000))[0].shares[1]
    lacking = [
        *pairs[:4],
        replace(pairs[4], candidate=run_of([])),
        *pairs[5:],
    ]
    app = attribute(lacking)[0].shares[1]
    assert (app.low_ns, app.high_ns) == (alone.low_ns, alone.high_ns)


def test_a_slower_dependency_is_named_after_two_blocks_as_well():
    pairs = [
        replace(pair, start=at // 4, replica=at % 4)
        for at, pair in enumerate(dependent_pairs(300_000, 40_000))
    ]
    assert {found.stage for found in attribute(pairs)} == {"depend"}
