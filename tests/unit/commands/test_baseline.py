"""The commands of ``socklat-gate baseline`` as one works with them."""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from socklat_gate.baseline.store import BaselineStore
from socklat_gate.commands.root import cli
from socklat_gate.errors import NoUsableBaseline, Reason, UsageError
from socklat_gate.measured.verdict import Outcome
from socklat_gate.report.writer import write_reports
from socklat_gate.scenario.loader import load_scenario
from tests.unit.factories import make_campaign, make_result
from tests.unit.job.fakes import run as whole_run
from tests.unit.repositories import Repository, clone_of, new_repository
from tests.unit.verdict.builders import campaign_of

COMMIT = "1f2e3d4c5b6a79880123456789abcdef01234567"
SCENARIO = """
name = "demo"
[service]
port = 80
[load]
driver = "http"
"""


@pytest.fixture(autouse=True)
def _outside_of_ci_and_nothing_temporary_stays(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[None]:
    monkeypatch.delenv("GITHUB_EVENT_PATH", raising=False)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    monkeypatch.chdir(tmp_path)
    home = tmp_path / "temporary"
    home.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(home))
    yield
    assert list(home.iterdir()) == []


def baseline(*arguments: object) -> Result:
    words = ["baseline", *map(str, arguments)]
    return CliRunner().invoke(cli, words, catch_exceptions=False)


def refused(reason: Reason, *arguments: object) -> str:
    with pytest.raises((UsageError, NoUsableBaseline)) as caught:
        baseline(*arguments)
    assert caught.value.reason is reason
    assert caught.value.remedy
    return caught.value.message


def result(directory: Path, outcome: Outcome = Outcome.PASS, **changes: object) -> Path:
    """A stored result of a gate."""
    directory.mkdir(exist_ok=True)
    made = make_result(outcome=outcome)
    write_reports(replace(made, commit=COMMIT, branch="main", **changes), directory)
    return directory


@pytest.fixture(params=["directory", "git"])
def location(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> str:
    if request.param == "directory":
        return "baselines"
    source = new_repository(tmp_path / "source")
    source.git("clone", "--quiet", "--bare", str(source.path), str(tmp_path / "remote.git"))
    clone = clone_of(Repository(tmp_path / "remote.git"), tmp_path / "clone")
    monkeypatch.chdir(clone.path)
    return "git+branch:perf"


def test_promoted_listed_verified_shown_and_exported(location: str, tmp_path: Path) -> None:
    at = ["--baselines", location]
    promoted = baseline("promote", result(tmp_path / "out"), *at).stdout.strip()
    assert "checkout/20260304T050607Z-" in promoted
    assert baseline("promote", tmp_path / "out", *at).stdout.strip() == promoted
    _, row = baseline("list", *at).stdout.splitlines()
    assert row.split()[2:] == [
        "paired",
        "2",
        "example/service:1.3",
        "main",
        COMMIT[:12],
        promoted.rpartition("/")[2],
    ]
    assert baseline("verify", *at).stdout == f"ok  {promoted}\n"
    shown = baseline("show", "checkout", *at).stdout
    assert "response_p50" in shown
    assert COMMIT in shown
    exported = baseline("export", "--parquet", tmp_path / "all.parquet", *at).stdout
    assert exported.startswith("1 campaigns, ")
    direct = baseline("history", "checkout", *at).stdout
    assert baseline("history", "checkout", "--parquet", tmp_path / "all.parquet").stdout == direct
    assert COMMIT[:12] in direct


@pytest.mark.parametrize("options", [(), ("--branch", f"gh-readonly-queue/main/pr-7-{COMMIT}")])
def test_in_a_merge_queue_it_is_the_target_branchs(
    tmp_path: Path, options: tuple[str, ...]
) -> None:
    """Nobody could find what is stored for the queue's own branch, which is gone by then."""
    out = result(tmp_path / "out")
    queued = replace(make_result(outcome=Outcome.PASS), commit=COMMIT)
    write_reports(replace(queued, branch=f"gh-readonly-queue/main/pr-7-{COMMIT}"), out)
    baseline("promote", out, *options)
    assert " main " in baseline("list").stdout


def test_what_did_not_pass_or_is_of_a_fork_is_not_promoted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for outcome in Outcome:
        if outcome is not Outcome.PASS:
            out = result(tmp_path / outcome.value, outcome)
            refused(Reason.RESULT_NOT_PASSED, "promote", out)
            refused(Reason.RESULT_NOT_PASSED, "promote", out, "--allow-dirty")
    dirty = tmp_path / "dirty"
    dirty.mkdir()
    passed = make_result(outcome=Outcome.PASS)
    write_reports(replace(passed, commit=f"{COMMIT}-dirty"), dirty)
    refused(Reason.COMMIT_UNKNOWN, "promote", dirty)
    event = tmp_path / "event.json"
    event.write_text(json.dumps({"pull_request": {"head": {"repo": None}}}))
    monkeypatch.setenv("GITHUB_EVENT_PATH", str(event))
    refused(Reason.FROM_FORK, "promote", result(tmp_path / "out"), "--allow-dirty")
    assert not (tmp_path / "baselines").exists()
    monkeypatch.delenv("GITHUB_EVENT_PATH")
    baseline("promote", dirty, "--allow-dirty", "--branch", "lab")
    (stored,) = BaselineStore.at("baselines").campaigns("checkout")
    assert (stored.campaign.commit, stored.campaign.branch) == (f"{COMMIT}-dirty", "lab")


def test_a_run_without_verdict_is_promoted(tmp_path: Path) -> None:
    out = tmp_path / "measured"
    out.mkdir()
    made = make_result("run")
    assert made.campaign is not None
    campaign = replace(made.campaign, branch="main")
    write_reports(replace(made, commit=COMMIT, campaign=campaign), out)
    baseline("promote", out)
    (stored,) = BaselineStore.at("baselines").campaigns("checkout")
    assert (stored.campaign.mode, stored.campaign.branch) == ("single", "main")


def test_pruned(location: str) -> None:
    store = BaselineStore.at(location)
    for day in range(1, 6):
        created = f"2026-03-{day:02d}T00:00:00Z"
        store.save(make_campaign(1, created=created, commit=f"{day:040x}", branch="main"))
        store.save(make_campaign(1, created=created, scenario_name="other"))
    store.place.close()
    arguments = ["prune", "--keep", 2, "--keep-commit", f"{1:040x}", "--baselines", location]
    arguments += ["--scenario", "checkout"]
    would = baseline(*arguments, "--dry-run").stdout.splitlines()
    assert [name.rpartition("/")[2][:8] for name in would] == ["20260302", "20260303"]
    assert len(baseline("list", "--baselines", location).stdout.splitlines()) == 11
    assert baseline(*arguments).stdout.splitlines() == would
    assert len(baseline("list", "--baselines", location).stdout.splitlines()) == 9
    assert baseline(*arguments).stdout == ""


def test_damaged_files_are_removed_when_asked_for(tmp_path: Path) -> None:
    store = BaselineStore.at("baselines")
    names = [store.save(make_campaign(1, created=f"2026-03-0{day}T00:00:00Z")) for day in (1, 2, 3)]
    (tmp_path / "baselines" / names[1]).write_text("junk")
    refused(Reason.BASELINE_CORRUPT, "verify")
    refused(Reason.BASELINE_CORRUPT, "prune", "--keep", 1)
    gone = baseline("prune", "--keep", 1, "--damaged").stdout.splitlines()
    assert gone == [f"baselines/{names[1]}", f"baselines/{names[0]}"]
    assert baseline("verify").stdout == f"ok  baselines/{names[2]}\n"


def test_only_a_branch_has_a_history_to_compact(location: str) -> None:
    store = BaselineStore.at(location)
    for day in (1, 2):
        store.save(make_campaign(1, created=f"2026-03-0{day}T00:00:00Z"))
    store.place.close()
    refused(Reason.BAD_ARGUMENT, "prune", "--baselines", location)
    if location == "baselines":
        refused(Reason.BAD_ARGUMENT, "prune", "--compact")
        return
    remote = Repository(Path("../remote.git").resolve())
    assert remote.git("rev-list", "--count", "perf") == "2"
    baseline("prune", "--compact", "--dry-run", "--baselines", location)
    assert remote.git("rev-list", "--count", "perf") == "2"
    baseline("prune", "--compact", "--baselines", location)
    assert remote.git("rev-list", "--count", "perf") == "1"
    assert len(baseline("list", "--baselines", location).stdout.splitlines()) == 3


@pytest.fixture
def slower_since(tmp_path: Path) -> str:
    """Twelve campaigns of which the later half is 20% slower; the scenario's file."""
    store = BaselineStore.at("baselines")
    for day in range(12):
        runs = [whole_run((0.2 if day >= 6 else 0.0) + 0.001 * (day + at)) for at in range(2)]
        campaign = replace(campaign_of(runs), scenario_name="demo", commit=f"{day:040x}")
        store.save(replace(campaign, created=f"2026-03-{1 + day:02d}T05:06:07Z", branch="main"))
    return "demo"


def test_where_the_history_changed(slower_since: str, tmp_path: Path) -> None:
    text = baseline("history", slower_since).stdout
    p50 = text.partition("\n\n")[0].splitlines()
    assert p50[0].split() == ["response_p50", "▁▁▁▁▁▁██████"]
    marked = [line for line in p50 if line.startswith("*")]
    assert [line.split()[1] for line in marked] == ["2026-03-07T05:06:07"]
    assert "from 2026-03-07" in p50[-1]
    baseline("export", "--parquet", "h.parquet", "--scenario", "demo")
    assert baseline("history", slower_since, "--parquet", "h.parquet").stdout == text


def test_the_history_is_shown_as_bars(slower_since: str) -> None:
    lines = baseline("show", slower_since).stdout.splitlines()
    (p50,) = [line for line in lines if line.startswith("response_p50")]
    assert p50.split()[1:3] == ["▁▁▁▁▁▁██████", "12"]
    assert p50.endswith("+23.5%")


CONTAINER = """
[[gate.metrics]]
stage = "startup"
[[gate.metrics]]
stage = "memory"
"""


def test_memory_and_starts_have_a_history_in_units_of_their_own(tmp_path: Path) -> None:
    path = tmp_path / "socklat.toml"
    path.write_text(SCENARIO + CONTAINER, encoding="utf-8")
    scenario_hash = load_scenario(path).measured_hash()
    store = BaselineStore.at("baselines")
    for day in range(3):
        numbers = {"startup_ns": 500_000_000, "peak_memory_bytes": (100 + 20 * day) << 20}
        runs = [replace(whole_run(0.0), **numbers) for _ in range(2)]
        campaign = replace(campaign_of(runs), scenario_name="demo", scenario_hash=scenario_hash)
        store.save(replace(campaign, created=f"2026-03-{1 + day:02d}T05:06:07Z", branch="main"))
    shown = baseline("show", path).stdout
    (startup,) = [line for line in shown.splitlines() if line.startswith("startup")]
    (memory,) = [line for line in shown.splitlines() if line.startswith("peak_memory")]
    assert "500 ms" in startup
    assert re.search(r" 3 +100 MiB +140 MiB +140 MiB +\+40.0%$", memory)
    text = baseline("history", path).stdout
    assert "120 MiB" in text
    assert "126 ms" not in text
    baseline("export", "--parquet", "h.parquet")
    assert baseline("history", path, "--parquet", "h.parquet").stdout == text


def test_a_file_is_shown_as_ever_and_other_things_are_named(tmp_path: Path) -> None:
    name = BaselineStore.at("baselines").save(make_campaign(2))
    shown = baseline("show", f"baselines/{name}").stdout
    assert "kernel:" in shown
    assert "exchanges" in shown
    assert "none.json" in refused(Reason.BASELINE_MISSING, "show", "none.json")
    refused(Reason.BASELINE_EMPTY, "show", "nobody")
    refused(Reason.BASELINE_EMPTY, "show", "checkout", "--branch", "main2", "--baselines", "x")
    (tmp_path / "socklat.toml").write_text(SCENARIO, encoding="utf-8")
    refused(Reason.BASELINE_EMPTY, "show", "socklat.toml")
    refused(Reason.BASELINE_EMPTY, "history", "socklat.toml")
    refused(Reason.BAD_ARGUMENT, "history", "baselines/x")
    refused(Reason.BASELINE_EMPTY, "export", "--parquet", "x.parquet", "--baselines", "x")


def test_what_is_printed_cannot_steer_the_terminal(tmp_path: Path) -> None:
    evil = "\x1b[2J\u202e\nfake"
    changes = {"image": evil, "branch": evil, "commit": evil}
    BaselineStore.at("baselines").save(make_campaign(1, **changes))
    for command in (["list"], ["show", "checkout"], ["history", "checkout"]):
        text = baseline(*command).stdout
        assert "\x1b" not in text
        assert "\u202e" not in text
        assert "\nfake" not in text


def test_a_gate_takes_one_reference() -> None:
    words = ["gate", "socklat.toml", "--baseline-image", "a", "--baseline-ref", "main"]
    with pytest.raises(UsageError, match="both name the reference") as caught:
        CliRunner().invoke(cli, words, catch_exceptions=False)
    assert caught.value.reason is Reason.BAD_ARGUMENT


def test_compare_takes_a_location_too(location: str, tmp_path: Path) -> None:
    store = BaselineStore.at(location)
    store.save(make_campaign(2, mode="paired", commit="a" * 40))
    store.place.close()
    out = result(tmp_path / "out")
    base = location if location.startswith("git") else f"file://{Path(location).resolve()}"
    done = CliRunner().invoke(cli, ["compare", base, str(out), "--json"], catch_exceptions=False)
    verdict = json.loads(done.stdout)
    assert verdict["exit_code"] == 4
    assert verdict["reasons"][0]["code"] == "too_few_campaigns"
    assert verdict["baseline_commit"] == "a" * 40
    words = ["compare", f"file://{tmp_path}/nowhere", str(out)]
    with pytest.raises(NoUsableBaseline) as caught:
        CliRunner().invoke(cli, words, catch_exceptions=False)
    assert caught.value.reason is Reason.NO_BASELINE_YET
