"""Limits and waivers as the target branch has them."""

from __future__ import annotations

from pathlib import Path

import pytest

from socklat_gate.errors import Reason, UsageError
from socklat_gate.job.gate_from import planned_scenario
from socklat_gate.wording.notes import note_text
from tests.unit.repositories import Repository, clone_of, new_repository

SCENARIO = """name = "demo"
[service]
image = "demo:2"
port = 80
[load]
driver = "http"
rate = 2000
[gate]
alpha_pass = 0.02
[[gate.metrics]]
quantile = 0.5
tolerance = 0.05
regression_threshold = 0.1
"""
LOOSE = SCENARIO.replace("0.05\n", "0.5\n").replace("= 0.1\n", "= 0.9\n")
WAIVER = """
[[waiver]]
metric = "response_p50"
ceiling = 0.6
expires = {}
link = "https://tracker.example/1"
baseline = "1f2e3d4c5b6a"
"""


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repository:
    """ "main" has the scenario; "topic" is checked out."""
    monkeypatch.delenv("GITHUB_BASE_REF", raising=False)
    made = new_repository(tmp_path / "repository")
    made.commit(SCENARIO, "perf/socklat.toml")
    made.git("checkout", "--quiet", "-b", "topic")
    return made


def refused(path: Path, ref: str) -> UsageError:
    with pytest.raises(UsageError) as caught:
        planned_scenario(path, ref)
    assert caught.value.remedy
    return caught.value


def test_a_change_cannot_loosen_its_own_gate(repository: Repository) -> None:
    path = repository.path / "perf" / "socklat.toml"
    loose = LOOSE.replace("rate = 2000", "rate = 3000").replace("0.02", "0.09")
    own_image = '[baseline]\nimage = "demo:slow"\n'
    repository.commit(loose + own_image + WAIVER.format("2999-12-31"), "perf/socklat.toml")
    planned, (note,) = planned_scenario(path, "main")
    (metric,) = planned.gate.metrics
    assert (metric.tolerance, planned.gate.alpha_pass) == (0.05, 0.02)
    assert (planned.waiver, planned.baseline.image) == ([], None)
    assert planned.load.rate == 3000
    text = note_text(note)
    assert repository.git("rev-parse", "main")[:12] in text
    assert "not used: gate.alpha_pass, gate.metrics, waiver, baseline.image" in text
    assert "as changed here: load.rate" in text
    own, notes = planned_scenario(path, None)
    assert (own.gate.metrics[0].tolerance, notes) == (0.5, ())


def test_other_rows_and_bodies_are_named(repository: Repository) -> None:
    path = repository.path / "perf" / "socklat.toml"
    request = '[[load.request]]\nname = "put"\npath = "/{id}"\nbody_file = "body.json"\n'
    text = SCENARIO.replace("[gate]", f'feeder = "rows.csv"\n{request}[gate]')
    repository.git("checkout", "--quiet", "main")
    for name, content in (("rows.csv", "id\n1\n"), ("body.json", "{}"), ("socklat.toml", text)):
        repository.commit(content, f"perf/{name}")
    repository.git("checkout", "--quiet", "-B", "topic")
    repository.commit("id\n1\n1\n", "perf/rows.csv")
    _, (note,) = planned_scenario(path, "main")
    assert "as changed here: load.feeder (rows.csv)" in note_text(note)
    assert "body.json" not in note_text(note)
    repository.commit("[]", "perf/body.json")
    _, (note,) = planned_scenario(path, "main")
    assert "load.request.put.body_file (body.json)" in note_text(note)


def test_other_types_of_messages_are_named(repository: Repository) -> None:
    path = repository.path / "perf" / "socklat.toml"
    grpc = 'path = "/shop.Cart/Add"\n[load.grpc]\nproto = "shop.proto"\n'
    text = SCENARIO.replace('"http"', '"grpc"').replace("[gate]", f"{grpc}[gate]")
    proto = 'syntax = "proto3"; package shop; message Item { int32 id = 1; string name = 2; }'
    proto += " service Cart { rpc Add(Item) returns (Item); }\n"
    repository.git("checkout", "--quiet", "main")
    repository.commit(proto, "perf/shop.proto")
    repository.commit(text, "perf/socklat.toml")
    repository.git("checkout", "--quiet", "-B", "topic")
    _, (note,) = planned_scenario(path, "main")
    assert "as changed here" not in note_text(note)
    repository.commit(proto.replace("id = 1", "id = 3"), "perf/shop.proto")
    _, (note,) = planned_scenario(path, "main")
    assert "as changed here: load.grpc.proto (shop.proto)" in note_text(note)


def test_baselines_that_the_change_commits_are_named(repository: Repository) -> None:
    """Whoever writes them chooses what is compared with."""
    path = repository.path / "perf" / "socklat.toml"
    repository.git("checkout", "--quiet", "main")
    repository.commit("{}", "perf/baselines/demo/after.json")
    repository.git("checkout", "--quiet", "topic")
    _, (note,) = planned_scenario(path, "main")
    assert "baselines" not in note_text(note)  # main has moved on, and the change did nothing
    for name in ("one", "two"):
        repository.commit("{}", f"perf/baselines/demo/{name}.json")
    _, (note,) = planned_scenario(path, "main")
    assert "as changed here: baselines/ (2 files)" in note_text(note)


def test_nor_by_starting_from_an_older_commit(repository: Repository) -> None:
    path = repository.path / "perf" / "socklat.toml"
    repository.git("checkout", "--quiet", "main")
    repository.commit(SCENARIO.replace("0.05\n", "0.03\n"), "perf/socklat.toml")
    repository.git("checkout", "--quiet", "topic")
    planned, _ = planned_scenario(path, "main")
    assert planned.gate.metrics[0].tolerance == 0.03


def test_in_ci_the_branch_of_the_remote_counts(
    repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clone = clone_of(repository, tmp_path / "clone")
    clone.git("checkout", "--quiet", "-B", "main", "origin/topic")
    clone.commit(LOOSE, "perf/socklat.toml")
    path = clone.path / "perf" / "socklat.toml"
    assert planned_scenario(path, "main")[0].gate.metrics[0].tolerance == 0.5
    monkeypatch.setenv("GITHUB_BASE_REF", "main")
    assert planned_scenario(path, "main")[0].gate.metrics[0].tolerance == 0.05


@pytest.mark.parametrize("how", ["file", "directory"])
def test_nor_by_putting_a_link_in_the_files_place(repository: Repository, how: str) -> None:
    path = repository.path / "perf" / "socklat.toml"
    repository.commit(LOOSE, "loose/other.toml" if how == "file" else "loose/socklat.toml")
    repository.git("rm", "--quiet", "perf/socklat.toml")
    if how == "file":
        path.parent.mkdir(exist_ok=True)
        path.symlink_to("../loose/other.toml")
    else:
        path.parent.symlink_to("loose")
    assert planned_scenario(path, None)[0].gate.metrics[0].tolerance == 0.5
    planned, (note,) = planned_scenario(path, "main")
    assert planned.gate.metrics[0].tolerance == 0.05
    assert "not used: gate.metrics" in note_text(note)


def test_a_link_that_the_target_branch_has_is_followed(repository: Repository) -> None:
    link = repository.path / "socklat.toml"
    repository.git("checkout", "--quiet", "main")
    link.symlink_to("perf/socklat.toml")
    repository.git("add", "--all")
    repository.git("commit", "--quiet", "-m", "link")
    repository.git("checkout", "--quiet", "-B", "topic")
    repository.commit(LOOSE, "perf/socklat.toml")
    assert planned_scenario(link, "main")[0].gate.metrics[0].tolerance == 0.05


def test_a_tree_that_is_reached_by_a_link(repository: Repository, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(repository.path / "perf")
    repository.commit(LOOSE, "perf/socklat.toml")
    planned, _ = planned_scenario(tmp_path / "link" / "socklat.toml", "main")
    assert planned.gate.metrics[0].tolerance == 0.05


@pytest.mark.parametrize("name", ["new.toml", "pyproject.toml"])
def test_a_scenario_that_is_new_has_its_own(repository: Repository, name: str) -> None:
    repository.git("checkout", "--quiet", "main")
    repository.commit("[project]\nname = 'x'\n", "pyproject.toml")
    repository.git("checkout", "--quiet", "topic")
    text = LOOSE
    if name == "pyproject.toml":
        text = LOOSE.replace("name =", "[tool.socklat-gate]\nname =", 1)
        for table in ("[service]", "[load]", "[gate]", "[[gate.metrics]]"):
            inner = table.replace("[service", "[tool.socklat-gate.service")
            inner = inner.replace("[load", "[tool.socklat-gate.load")
            inner = inner.replace("[gate", "[tool.socklat-gate.gate")
            text = text.replace(table + "\n", inner + "\n")
    repository.commit(text, name)
    planned, (note,) = planned_scenario(repository.path / name, "main")
    assert planned.gate.metrics[0].tolerance == 0.5
    assert "does not have this scenario yet" in note_text(note)


@pytest.mark.parametrize(
    ("there", "message"),
    [
        ("name = [", "main:{path} is not TOML"),
        (
            SCENARIO.replace("alpha_pass", "alpha_pas"),
            "main:{path}:9: unknown key 'gate.alpha_pas'",
        ),
        (SCENARIO.replace("tolerance = 0.05", "tolerance = 0.3"), "main:{path}"),
    ],
)
def test_what_is_wrong_there_is_named_there(
    repository: Repository, there: str, message: str
) -> None:
    repository.git("checkout", "--quiet", "main")
    repository.commit(there, "perf/socklat.toml")
    repository.git("checkout", "--quiet", "topic")
    path = repository.path / "perf" / "socklat.toml"
    error = refused(path, "main")
    assert error.reason is Reason.BAD_SCENARIO
    assert message.format(path=path) in error.message
    assert "gate-from: off" in str(error.remedy)


def test_what_is_wrong_here_is_named_here(repository: Repository) -> None:
    path = repository.path / "perf" / "socklat.toml"
    path.write_text(SCENARIO.replace("port = 80", "port = 0"))
    error = refused(path, "main")
    assert f"{path}:4: service.port" in error.message


def test_a_load_that_is_too_short_for_the_limits_there(repository: Repository) -> None:
    path = repository.path / "perf" / "socklat.toml"
    path.write_text(SCENARIO.replace("rate = 2000", "rate = 2"))
    assert "response_p50 needs about" in refused(path, "main").message


@pytest.mark.parametrize("ref", ["nowhere", "--upload-pack=x", "main..topic", "0" * 40])
def test_a_ref_that_is_not_there(repository: Repository, ref: str) -> None:
    error = refused(repository.path / "perf" / "socklat.toml", ref)
    assert error.reason is Reason.NO_SUCH_COMMIT


def test_a_shallow_clone_is_told_what_to_do(
    repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository.git("checkout", "--quiet", "topic")
    clone = clone_of(repository, tmp_path / "clone", "--depth=1")
    monkeypatch.setenv("GITHUB_BASE_REF", "main")
    error = refused(clone.path / "perf" / "socklat.toml", "main")
    assert error.reason is Reason.NO_SUCH_COMMIT
    assert "fetch-depth: 0" in str(error.remedy)


def test_dead_waivers_there_stop_nobody(repository: Repository) -> None:
    repository.git("checkout", "--quiet", "main")
    unbound = WAIVER.format("2999-12-31").replace('baseline = "1f2e3d4c5b6a"\n', "")
    expired = WAIVER.format("2020-01-01")
    repository.commit(SCENARIO + unbound + expired, "perf/socklat.toml")
    repository.git("checkout", "--quiet", "topic")
    planned, notes = planned_scenario(repository.path / "perf" / "socklat.toml", "main")
    assert planned.waiver == []
    texts = [note_text(note) for note in notes[1:]]
    assert "it names no baseline" in texts[0]
    assert "its last day has passed" in texts[1]


def test_those_in_force_there_are(repository: Repository) -> None:
    repository.git("checkout", "--quiet", "main")
    repository.commit(SCENARIO + WAIVER.format("2999-12-31"), "perf/socklat.toml")
    repository.git("checkout", "--quiet", "topic")
    planned, notes = planned_scenario(repository.path / "perf" / "socklat.toml", "main")
    assert [waiver.ceiling for waiver in planned.waiver] == [0.6]
    assert len(notes) == 1
