"""A reference built from a commit, and baselines on a git branch: real images, real gates."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from socklat_gate.documents.files import read_result
from socklat_gate.errors import Exit, Reason
from tests.e2e.harness import Gate
from tests.e2e.scenarios import DELAY_TAG, write_scenario
from tests.services.own_images import OwnImages
from tests.unit.repositories import Repository, clone_of, new_repository

pytestmark = [pytest.mark.kernel, pytest.mark.docker, pytest.mark.beside]

BUILT = {"service": {"image": None, "command": None, "build": "app"}}
KEPT = ["--baselines", "kept"]
QUICK, SLOW = (["/delay", "--before-response", delay_us] for delay_us in ("3000", "4500"))


@pytest.fixture
def repository(gate: Gate, own_images: OwnImages, monkeypatch: pytest.MonkeyPatch) -> Repository:
    """Where the command runs: "feature" is checked out, and 1.5 ms slower than "main"."""
    for name in ("GITHUB_BASE_REF", "GITHUB_EVENT_PATH"):
        monkeypatch.delenv(name, raising=False)
    source = new_repository(gate.directory / "source")
    write_scenario(source.path / "socklat.toml", BUILT)
    source.commit(own_images.dockerfile(DELAY_TAG, QUICK), "app/Dockerfile")
    bare = gate.directory / "remote.git"
    source.git("clone", "--quiet", "--bare", str(source.path), str(bare))
    clone = clone_of(Repository(bare), gate.directory / "clone")
    clone.git("checkout", "--quiet", "-b", "feature")
    clone.commit(own_images.dockerfile(DELAY_TAG, SLOW), "app/Dockerfile")
    gate.directory = clone.path
    return clone


def test_the_merge_base_is_built_and_compared_with(gate: Gate, repository: Repository) -> None:
    base = repository.git("rev-parse", "main")
    before = repository.git("worktree", "list")
    path = repository.path / "socklat.toml"
    done = gate.gate(path, "--baseline-ref", "main", baseline=None)
    verdict = done.judged(Exit.REGRESSION, Reason.REGRESSION)
    assert verdict["candidate_image"].startswith("socklat-gate/build:")
    assert verdict["baseline_commit"] == base
    assert verdict["baseline_choice"] == "the merge base of 'main'"
    assert verdict["commit"] == repository.git("rev-parse", "feature")
    assert base[:12] in done.report
    assert repository.git("worktree", "list") == before


@pytest.mark.slow
def test_the_command_of_the_merge_base_is_a_part_of_its_arm(
    gate: Gate, repository: Repository
) -> None:
    repository.git("checkout", "--quiet", "main")
    path = repository.path / "socklat.toml"
    text = path.read_text("utf-8")
    repository.git("checkout", "--quiet", "-b", "command")
    repository.commit(text.replace("[load]", f"command = {SLOW}\n[load]", 1), "socklat.toml")
    done = gate.gate(path, "--baseline-ref", "main", baseline=None)
    # One image, started in two ways.
    done.judged(Exit.REGRESSION, Reason.REGRESSION)
    pairs = read_result(gate.out / "result.json").pairs
    assert len({run.image_id for pair in pairs for run in (pair.baseline, pair.candidate)}) == 1
    assert "/delay --before-response 4500" in done.report


# Its twins that always run: a directory's in test_baselines.py, the branch in tests/unit/baseline.
@pytest.mark.slow
def test_what_was_promoted_to_a_branch_is_the_reference(
    gate: Gate, repository: Repository, tmp_path: Path
) -> None:
    at = ["--baselines", "git+branch:perf"]
    path = repository.path / "socklat.toml"
    repository.git("checkout", "--quiet", "main")
    base = repository.git("rev-parse", "HEAD")
    assert gate.run("run", path, "--runs", "1").code == Exit.PASS
    promoted = gate.run("baseline", "promote", gate.out, *at, out=False)
    assert promoted.code == Exit.PASS, promoted.stderr
    assert promoted.stdout.startswith("git+branch:perf@origin:delay/")
    repository.git("checkout", "--quiet", "feature")
    done = gate.gate(path, *at, baseline=None)
    verdict = done.judged(Exit.REGRESSION, Reason.REGRESSION)
    assert verdict["baseline_commit"] == base
    assert verdict["baseline_choice"].startswith("the nearest ancestor with a baseline, 1 commit")
    refused = gate.run("baseline", "promote", gate.out, *at, out=False)
    assert f"[{Reason.RESULT_NOT_PASSED.value}]" in refused.stderr
    assert repository.git("status", "--porcelain") == ""


def test_a_reference_whose_image_is_gone_is_built_from_its_commit(
    gate: Gate, repository: Repository, docker_client: Any
) -> None:
    path = repository.path / "socklat.toml"
    repository.git("checkout", "--quiet", "main")
    base = repository.git("rev-parse", "HEAD")
    assert gate.run("run", path, "--runs", "1").code == Exit.PASS
    measured = read_result(gate.out / "result.json").campaign
    assert measured is not None
    assert gate.run("baseline", "promote", gate.out, *KEPT, out=False).code == Exit.PASS
    docker_client.images.remove(measured.image_id, force=True)
    repository.git("checkout", "--quiet", "feature")
    before = repository.git("worktree", "list")
    done = gate.gate(path, *KEPT, baseline=None)
    verdict = done.judged(Exit.REGRESSION, Reason.REGRESSION)
    assert verdict["pairs"] > 0  # side by side, not by numbers
    assert verdict["baseline_commit"] == base
    assert any(f"was built anew from its commit {base[:12]}" in note for note in verdict["notes"])
    assert "was built anew from its commit" in done.report
    assert repository.git("worktree", "list") == before


# Its twins that always run: tests/unit/job/test_nightly.py, and drift in tests/unit/verdict.
@pytest.mark.slow
def test_a_night_beside_the_release_joins_the_drift_series(
    gate: Gate, repository: Repository
) -> None:
    path = repository.path / "socklat.toml"
    repository.git("tag", "v1.0.0", "main")
    done = gate.gate(path, "--nightly", "--baseline-ref", "v1.0.0", *KEPT, baseline=None)
    verdict = done.judged(Exit.REGRESSION, Reason.REGRESSION)
    assert verdict["baseline_choice"] == "the pinned release 'v1.0.0'"
    assert "stored for the drift series: " in done.stderr
    told = gate.run("baseline", "drift", path, *KEPT, out=False)
    release = repository.git("rev-parse", "v1.0.0")
    assert f"beside the pinned release {release[:12]} in the night of" in told.stdout
    assert told.code == Exit.PASS  # of one night by two pairs
    listed = gate.run("baseline", "history", path, *KEPT, out=False)
    assert "beside the release" in listed.stdout
    assert repository.git("rev-parse", "HEAD")[:12] in listed.stdout
    none = gate.gate(path, "--nightly", *KEPT, baseline=None)
    assert (none.code, none.stdout) == (Exit.USAGE, "")
    assert f"[{Reason.BAD_ARGUMENT.value}]" in none.stderr


@pytest.mark.usefixtures("repository")
def test_a_place_that_does_not_respond_is_no_baseline(
    gate: Gate, scenario: Callable[..., Path]
) -> None:
    Repository(gate.directory).git("remote", "set-url", "origin", "/nowhere.git")
    at = ["--baselines", "git+branch:perf"]
    gate.gate(scenario(), *at, baseline=None).judged(Exit.NO_BASELINE, Reason.BASELINE_UNREACHABLE)
