"""The committed recordings: all there, readable, small, and decided as they must be."""

from __future__ import annotations

import pytest

from tests.benchmarks.recorded import DIRECTORY, SUFFIX, load, names
from tests.benchmarks.replay import replay
from tests.benchmarks.scenes import SCENES

MAX_BYTES = 20_000_000
FEWEST_PAIRS = 15
JOBS = 300


def test_every_scene_is_recorded_and_all_are_small() -> None:
    assert set(names()) == {scene.name for scene in SCENES}
    assert sum(path.stat().st_size for path in DIRECTORY.glob(f"*{SUFFIX}")) < MAX_BYTES


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.name)
def test_pairs_are_whole_and_corrected(scene) -> None:
    recorded = load(scene.name)
    assert (recorded.facts.kind, recorded.facts.stage) == (scene.kind, scene.stage)
    used = [pair for pair in recorded.pairs if not pair.set_aside]
    assert len(used) >= FEWEST_PAIRS
    for pair in used:
        for run in (pair.baseline, pair.candidate):
            assert run.corrected is not None
            assert 0 < run.corrected.used["service"].total <= run.corrected.logged
            assert run.cpu_ns > 0


@pytest.mark.parametrize("name", ["redis-same", "nginx-same", "api-same"])
def test_equal_arms_hardly_ever_fail_and_nearly_always_pass(name: str) -> None:
    done = replay(DIRECTORY / f"{name}{SUFFIX}", JOBS, seed=1)
    assert done.decided.failed.mean() <= 0.01
    assert done.decided.passed.mean() >= 0.9


@pytest.mark.parametrize("name", ["api-block", "api-depend", "api-p50-5"])
def test_large_effects_are_found(name: str) -> None:
    done = replay(DIRECTORY / f"{name}{SUFFIX}", JOBS, seed=1)
    assert done.decided.failed.mean() >= 0.9
