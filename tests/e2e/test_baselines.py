"""Exit code 5 and the stored side of 0, 1 and 4: run, baseline, compare, report."""

from __future__ import annotations

import json
import secrets
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import docker.errors
import jsonschema
import numpy as np
import pytest

from socklat_gate.baseline.campaigns import campaign_of, result_at
from socklat_gate.baseline.store import BaselineStore
from socklat_gate.errors import Exit, Reason
from socklat_gate.measured.campaign import Campaign, Fingerprint
from socklat_gate.measured.histogram import Histogram
from socklat_gate.measured.run_values import metric_value
from socklat_gate.scenario.tables import tomllib
from socklat_gate.wording.units import ns
from tests.e2e.done import Done
from tests.e2e.harness import Gate
from tests.e2e.scenarios import write_scenario
from tests.services.build import build_image

pytestmark = [pytest.mark.kernel, pytest.mark.docker, pytest.mark.beside]

# Of this process, which removes them, and of no other that runs these tests.
_OWN = secrets.token_hex(4)
RELEASED_TAG = f"socklat-test/e2e-released:{_OWN}"
OTHER_TAG = f"socklat-test/e2e-other:{_OWN}"
BUCKETS_AN_OCTAVE = 128


@dataclass(frozen=True)
class Measured:
    """What one real ``socklat-gate run`` gave; the tests share it."""

    done: Done
    scenario: Path
    campaign: Campaign


@pytest.fixture(scope="module")
def measured(docker_client: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Measured]:
    command = ["/delay", "--before-response", "3000"]
    build_image(docker_client, "delay.c", RELEASED_TAG, command)
    build_image(docker_client, "delay.c", OTHER_TAG, [*command, "--port", "7000"])
    runner = Gate(tmp_path_factory.mktemp("measured"), docker_client)
    # The images differ in their command only, so the scenario must not name one.
    service = {"image": RELEASED_TAG, "command": None}
    scenario = write_scenario(runner.directory / "socklat.toml", {"service": service})
    done = runner.run("run", scenario, "--runs", "2", "--seed", "5", apart=True)
    assert done.code == Exit.PASS, done.stderr
    assert runner.left_behind() == []
    yield Measured(done, scenario, campaign_of(result_at(done.out)))
    for tag in (RELEASED_TAG, OTHER_TAG):
        docker_client.images.remove(tag, force=True)


@pytest.fixture
def store(measured: Measured, tmp_path: Path) -> Callable[..., Path]:
    """Stores copies of the measured campaign, a few buckets apart; returns the directory."""

    def save(count: int = 5, **changes: Any) -> Path:
        for number in range(count):
            copy = shifted(measured.campaign, number - count // 2)
            copy = replace(copy, created=f"2026-01-0{number + 1}T00:00:00+00:00")
            BaselineStore.at(tmp_path / "baselines").save(replace(copy, **changes))
        return tmp_path / "baselines"

    return save


def shifted(campaign: Campaign, buckets: int) -> Campaign:
    """The same campaign with all service times some buckets up (0.5-0.8% each)."""
    runs = []
    for run in campaign.runs:
        assert run.corrected is not None
        corrected = replace(run.corrected, histograms=_shifted(run.corrected.histograms, buckets))
        histograms = _shifted(run.histograms, buckets)
        runs.append(replace(run, histograms=histograms, corrected=corrected))
    return replace(campaign, runs=tuple(runs))


def _shifted(histograms: Mapping[str, Histogram], buckets: int) -> dict[str, Histogram]:
    counts = np.roll(histograms["response"].counts, buckets)
    return {**histograms, "response": Histogram(counts)}


def test_run_measures_without_a_verdict(measured: Measured) -> None:
    done = measured.done
    assert "responded" in done.stdout
    told = [one for one in done.stderr.splitlines() if not one.startswith("run excluded: ")]
    assert [one.partition("  ")[0] for one in told] == ["run 1/2", "run 2/2"]
    assert told[0].startswith("run 1/2  response p50 3.")
    assert done.verdict["verdict"] is None
    assert done.verdict["exit_code"] == 0
    assert done.verdict["seed"] == 5
    assert len(measured.campaign.runs) == 2
    assert measured.campaign.mode == "single"
    assert RELEASED_TAG in done.report


def test_saved_listed_shown_and_verified(gate: Gate, measured: Measured) -> None:
    options = ["--baselines", "kept"]
    saved = gate.run("baseline", "save", measured.done.out, *options, out=False, apart=True)
    path = Path(saved.stdout.strip())
    assert (saved.code, saved.stderr) == (0, "")
    assert (gate.directory / path).is_file()
    again = gate.run("baseline", "save", measured.done.out / "result.json", *options, out=False)
    assert again.stdout == saved.stdout

    listed = gate.run("baseline", "list", *options, out=False)
    header, row = listed.stdout.splitlines()
    assert header.split() == [
        "scenario",
        "created",
        "(UTC)",
        "mode",
        "runs",
        "image",
        "branch",
        "commit",
        "file",
    ]
    assert row.split()[2:] == ["single", "2", RELEASED_TAG, "-", "unknown", path.name]
    assert row.index(path.name) == header.index("file")

    shown = gate.run("baseline", "show", path, out=False)
    assert (shown.code, shown.stderr) == (0, "")
    p50 = ns(metric_value(measured.campaign.runs[0], "service", 0.5))
    for text in (RELEASED_TAG, measured.campaign.image_id, "kernel:", "p99", p50):
        assert text in shown.stdout

    verified = gate.run("baseline", "verify", *options, out=False)
    assert (verified.code, verified.stdout) == (0, f"ok  {path}\n")


def test_a_damaged_file_is_found_and_named(gate: Gate, store: Callable[..., Path]) -> None:
    kept = store(2)
    damaged = sorted((kept / "delay").iterdir())[0]
    damaged.write_text(damaged.read_text("utf-8").replace('"commit":"unknown"', '"commit":"f00"'))
    verified = gate.run("baseline", "verify", out=False)
    error = verified.refused(Exit.NO_BASELINE, Reason.BASELINE_CORRUPT)
    assert "1 of 2 files" in error
    assert f"DAMAGED  baselines/delay/{damaged.name} was altered" in verified.stdout
    listed = gate.run("baseline", "list", out=False)
    assert listed.code == 0
    assert f"{damaged.name}  DAMAGED: " in listed.stdout


@pytest.mark.parametrize(
    ("count", "buckets", "code", "reason"),
    [
        (5, 1, Exit.PASS, Reason.WITHIN_PREDICTION),
        (5, BUCKETS_AN_OCTAVE, Exit.REGRESSION, Reason.REGRESSION),
        (4, 0, Exit.INCONCLUSIVE, Reason.TOO_FEW_CAMPAIGNS),
    ],
)
def test_compare(
    gate: Gate,
    measured: Measured,
    store: Callable[..., Path],
    count: int,
    buckets: int,
    code: Exit,
    reason: Reason,
) -> None:
    base = store(count) / "delay"
    new = BaselineStore.at(gate.directory / "new")
    candidate = gate.directory / "new" / new.save(shifted(measured.campaign, buckets))
    arguments = ["compare", base, candidate, "--scenario", measured.scenario]
    done = gate.run(*arguments)
    verdict = done.judged(code, reason)
    assert verdict["kind"] == "compare"
    assert done.stdout.strip() == done.report.strip()
    as_json = json.loads(gate.run(*arguments, "--json", out=False).stdout)
    assert {**as_json, "duration_s": 0} == {**verdict, "duration_s": 0}


def test_compare_takes_a_result_too(
    gate: Gate, measured: Measured, store: Callable[..., Path]
) -> None:
    arguments = ["compare", store() / "delay", measured.done.out, "--scenario", measured.scenario]
    gate.run(*arguments, apart=True).judged(Exit.PASS, Reason.WITHIN_PREDICTION)


def truncate(path: Path) -> None:
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])


def alter(path: Path) -> None:
    text = path.read_text("utf-8")
    path.write_text(text.replace('"sent":', '"sent":1', 1), encoding="utf-8")


def age(path: Path) -> None:
    document = json.loads(path.read_text("utf-8"))
    path.write_text(json.dumps({**document, "schema_version": 99}), encoding="utf-8")


ELSEWHERE = Fingerprint({"kernel": "6.1.0-other"})
UNUSABLE = [
    (None, {}, Reason.BASELINE_MISSING),
    (Path.unlink, {}, Reason.BASELINE_EMPTY),
    (lambda path: path.write_bytes(b""), {}, Reason.BASELINE_EMPTY),
    (truncate, {}, Reason.BASELINE_CORRUPT),
    (alter, {}, Reason.BASELINE_CORRUPT),
    (age, {}, Reason.BASELINE_SCHEMA),
    (Path.exists, {"scenario_hash": "0" * 16}, Reason.BASELINE_SCENARIO),
    (Path.exists, {"fingerprint": ELSEWHERE}, Reason.BASELINE_FINGERPRINT),
]
IDS = [
    "missing",
    "empty-directory",
    "empty-file",
    "truncated",
    "altered",
    "version",
    "scenario",
    "fingerprint",
]


@pytest.fixture
def unusable(
    store: Callable[..., Path],
    damage: Callable[[Path], object] | None,
    changes: dict[str, Any],
) -> Path:
    """The directory of the one stored campaign, with a case's changes and damage."""
    kept = store(1, **changes)
    if damage is None:
        shutil.rmtree(kept / "delay")
    else:
        (path,) = (kept / "delay").iterdir()
        damage(path)
    return kept / "delay"


@pytest.mark.parametrize(("damage", "changes", "reason"), UNUSABLE, ids=IDS)
def test_no_usable_baseline_to_compare_with(
    gate: Gate,
    measured: Measured,
    unusable: Path,
    reason: Reason,
) -> None:
    error = gate.run("compare", unusable, measured.done.out, out=False)
    assert (error.code, error.stdout) == (Exit.NO_BASELINE, "")
    assert f"[{reason.value}]" in error.stderr
    assert "Traceback" not in error.stderr


# One that is found before the probe is loaded and one that is found afterwards.
ALWAYS = ("missing", "scenario")


@pytest.mark.parametrize(
    ("damage", "changes", "reason"),
    [
        pytest.param(*case, id=name, marks=() if name in ALWAYS else pytest.mark.slow)
        for name, case in zip(IDS, UNUSABLE, strict=True)
        if name != "fingerprint"
    ],
)
def test_no_usable_baseline_for_a_gate(
    gate: Gate,
    measured: Measured,
    unusable: Path,
    reason: Reason,
) -> None:
    gated = gate.gate(measured.scenario, "--baselines", unusable.parent, baseline=None)
    nothing = reason is Reason.BASELINE_MISSING
    verdict = gated.judged(Exit.NO_BASELINE, Reason.NO_BASELINE_YET if nothing else reason)
    assert verdict["pairs"] == 0


@pytest.mark.slow
def test_numbers_of_another_machine_give_way_to_their_image(
    gate: Gate, measured: Measured, store: Callable[..., Path]
) -> None:
    arguments = ["--baselines", store(1, fingerprint=ELSEWHERE), "--candidate-image", OTHER_TAG]
    gated = gate.gate(measured.scenario, *arguments, "--max-pairs", 1, baseline=None)
    verdict = gated.judged(Exit.INCONCLUSIVE, Reason.BUDGET_PAIRS)
    assert (verdict["baseline_image"], verdict["pairs"]) == (RELEASED_TAG, 1)
    assert "'6.1.0-other' in the baseline" in gated.report


def test_the_reference_comes_from_the_store_while_its_image_exists(
    gate: Gate, measured: Measured, docker_client: Any
) -> None:
    BaselineStore.at(gate.directory / "kept").save(measured.campaign)
    arguments = ["--candidate-image", OTHER_TAG, "--baselines", "kept"]
    paired = gate.gate(measured.scenario, *arguments, "--max-pairs", 1, baseline=None)
    verdict = paired.judged(Exit.INCONCLUSIVE, Reason.BUDGET_PAIRS)
    assert verdict["baseline_image"] == RELEASED_TAG
    assert verdict["pairs"] == 1
    saved = gate.run("baseline", "save", gate.out, out=False)  # a pair that did not pass
    assert saved.code == Exit.USAGE
    assert "[result_not_passed]" in saved.stderr
    assert not (gate.directory / "baselines").exists()

    # The tests below need the measured result only, no longer its image.
    released = docker_client.images.get(RELEASED_TAG)
    docker_client.images.remove(RELEASED_TAG)
    with pytest.raises(docker.errors.ImageNotFound):
        docker_client.images.get(released.id)
    # The tag moves on to the candidate: held against itself, anything would pass.
    docker_client.images.get(OTHER_TAG).tag(RELEASED_TAG)
    alone = gate.gate(measured.scenario, *arguments, baseline=None)
    verdict = alone.judged(Exit.INCONCLUSIVE, Reason.TOO_FEW_CAMPAIGNS)
    assert verdict["baseline_image"] == "stored campaigns"
    assert "the baseline's image cannot be run" in alone.stderr


def test_a_stored_result_can_be_reported_again(gate: Gate, measured: Measured) -> None:
    out = measured.done.out
    again = gate.run("report", out, out=False, apart=True)
    assert again.stdout.strip() == measured.done.report.strip()
    as_json = gate.run("report", out / "result.json", "--format", "json", out=False).stdout
    assert json.loads(as_json) == measured.done.verdict
    missing = gate.run("report", gate.directory / "nothing", out=False)
    missing.refused(Exit.USAGE, Reason.NO_SUCH_FILE)


def test_the_schemas_describe_what_is_read_and_written(gate: Gate, measured: Measured) -> None:
    scenario = json.loads(gate.run("schema", out=False, apart=True).stdout)
    jsonschema.validate(tomllib.loads(measured.scenario.read_text("utf-8")), scenario)
    verdict = json.loads(gate.run("schema", "verdict", out=False).stdout)
    jsonschema.validate(measured.done.verdict, verdict)
