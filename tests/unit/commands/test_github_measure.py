"""What the measuring step gives to the gate."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from socklat_gate.commands.root import cli
from socklat_gate.errors import GateError, Reason
from socklat_gate.forge.github import gate_step
from socklat_gate.forge.github.event import PullRequest
from socklat_gate.forge.github.target import merge_group_base
from tests.unit.forge.github.events import HEAD_SHA, OWN, environment, pull_request
from tests.unit.forge.github.runner_files import commands_in


@pytest.mark.parametrize(
    ("base_ref", "given", "expected"),
    [
        ("main", (), "main"),
        ("", (), None),
        (None, (), None),
        ("main", ("--gate-from", "off"), None),
        ("main", ("--gate-from", "release"), "release"),
        (None, ("--gate-from", "release"), "release"),
    ],
)
def test_in_a_pull_request_limits_are_those_of_its_target(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    base_ref: str | None,
    given: tuple[str, ...],
    expected: str | None,
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GITHUB_BASE_REF", raising=False)
    if base_ref is not None:
        monkeypatch.setenv("GITHUB_BASE_REF", base_ref)
    called: list[tuple[str, ...]] = []
    monkeypatch.setattr(
        gate_step, "run_gate", lambda _runner, gate, _environment: called.append(gate.arguments)
    )
    words = ["github", "measure", "socklat.toml", *given]
    done = CliRunner().invoke(cli, words, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    (arguments,) = called
    found = arguments[arguments.index("--gate-from") + 1] if "--gate-from" in arguments else None
    assert found == expected


def test_sudo_is_told_which_variables_the_scenario_needs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "socklat.toml").write_text(
        'name = "x"\n[service]\nimage = "x"\nport = 80\nenv = { A = { file = "f" } }\n'
        '[load]\ndriver = "http"\nheaders = { authorization = { env = "API_TOKEN" } }\n'
    )
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    kept: list[tuple[str, ...]] = []
    monkeypatch.setattr(
        gate_step, "run_gate", lambda _runner, gate, _environment: kept.append(gate.variables)
    )
    for words in (["socklat.toml"], ["socklat.toml", "--sudo", "never"], ["no-such-file"]):
        more = [] if "--sudo" in words else ["--sudo", "always"]
        CliRunner().invoke(cli, ["github", "measure", *words, *more], catch_exceptions=False)
    assert kept == [("API_TOKEN",), (), ()]


BASE = "d" * 40
QUEUED = {
    "merge_group": {
        "head_sha": HEAD_SHA,
        "head_ref": f"refs/heads/gh-readonly-queue/main/pr-7-{BASE}",
        "base_sha": BASE,
        "base_ref": "refs/heads/main",
    }
}


def measured(
    directory: Path,
    monkeypatch: pytest.MonkeyPatch,
    event: tuple[str, dict[str, Any]],
    *arguments: str,
    **changes: str,
) -> tuple[dict[str, str], Mapping[str, str], str]:
    """Options of the gate, its environment, and what the step said."""
    monkeypatch.chdir(directory)
    monkeypatch.delenv("GITHUB_BASE_REF", raising=False)
    for name, value in {**environment(directory, *event), **changes}.items():
        monkeypatch.setenv(name, value)
    called: list[tuple[tuple[str, ...], Mapping[str, str]]] = []
    monkeypatch.setattr(
        gate_step, "run_gate", lambda _runner, gate, env: called.append((gate.arguments, env))
    )
    words = ["github", "measure", "socklat.toml", *arguments]
    done = CliRunner().invoke(cli, words, catch_exceptions=False)
    ((given, env),) = called
    options = {a: b for a, b in pairwise(given) if a.startswith("--")}
    return options, env, done.output


def test_a_merge_queue_compares_with_what_its_group_comes_after(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    event = ("merge_group", QUEUED)
    options, _, _ = measured(tmp_path, monkeypatch, event, "--baseline-ref", "auto")
    assert (options["--baseline-ref"], options["--gate-from"]) == (BASE, BASE)
    # `${{ github.base_ref }}`, which is empty there.
    empty = {"SOCKLAT_ACTION_BASELINE_REF": ""}
    options, _, _ = measured(tmp_path, monkeypatch, event, **empty)
    assert options["--baseline-ref"] == BASE
    off = {"SOCKLAT_ACTION_BASELINE_REF": "off"}
    options, _, _ = measured(tmp_path, monkeypatch, event, **off)
    assert "--baseline-ref" not in options
    assert options["--gate-from"] == BASE


@pytest.mark.parametrize(
    ("payload", "ref", "base"),
    [
        ({"merge_group": {"head_sha": HEAD_SHA, "base_ref": "refs/heads/main"}}, "", "main"),
        ({"merge_group": {"base_ref": "release/1.x"}}, "", "release/1.x"),
        ({"merge_group": {"head_sha": HEAD_SHA}}, f"gh-readonly-queue/v1/pr-7-{BASE}", "v1"),
        ({}, f"gh-readonly-queue/v1/pr-7-{BASE}", "v1"),
        ({"merge_group": {"base_sha": "main"}}, f"gh-readonly-queue/v1/pr-7-{BASE}", "v1"),
        ({}, "main", ""),
    ],
)
def test_a_payload_without_that_commit_has_the_branch(
    tmp_path: Path, payload: dict[str, Any], ref: str, base: str
) -> None:
    variables = environment(tmp_path, "merge_group", payload, GITHUB_REF=f"refs/heads/{ref}")
    assert merge_group_base(variables) == base


@pytest.mark.parametrize("given", ["", "off", "auto"])
def test_a_push_has_no_target(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: str) -> None:
    changes = {"SOCKLAT_ACTION_BASELINE_REF": given}
    options, _, _ = measured(tmp_path, monkeypatch, ("push", {}), **changes)
    assert "--baseline-ref" not in options
    assert "--gate-from" not in options


def test_a_pull_request_that_was_looked_up_is_measured_as_in_a_job_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    subject = PullRequest.model_validate(pull_request(OWN)).model_dump_json()
    arguments = ("--baseline-ref", "auto", "--subject", subject)
    changes = {"GITHUB_REF": "refs/heads/main"}
    event = ("workflow_dispatch", {})
    options, env, _ = measured(tmp_path, monkeypatch, event, *arguments, **changes)
    assert (options["--baseline-ref"], options["--gate-from"]) == ("main", "main")
    assert (env["GITHUB_BASE_REF"], env["GITHUB_HEAD_REF"]) == ("main", "topic")
    # Else what is measured would be stored as of main.
    assert env["GITHUB_REF"] == "refs/pull/7/head"


def test_variables_that_the_gate_will_not_have_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "socklat.toml").write_text('[service]\ncompose = "c.yml"\n')
    (tmp_path / "c.yml").write_text("a: ${TAG} ${GITHUB_TOKEN} ${LEVEL:-info} ${SET}")
    changes = {"GITHUB_TOKEN": "ghs_x", "SET": "1"}
    _, _, output = measured(tmp_path, monkeypatch, ("push", {}), **changes)
    warned = [command.message for command in commands_in(output) if command.name == "warning"]
    assert len(warned) == 2
    assert "names GITHUB_TOKEN, which is this job's own" in warned[0]
    assert "names TAG, which is not set" in warned[1]


def test_an_empty_ref_is_told_or_the_merge_queues(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`--baseline-ref "$GITHUB_BASE_REF"` in a script of one's own."""
    monkeypatch.chdir(tmp_path)
    words = ["gate", "none.toml", "--baseline-ref", ""]
    for name, value in environment(tmp_path, "push", {}).items():
        monkeypatch.setenv(name, value)
    done = CliRunner().invoke(cli, words, standalone_mode=False)
    assert isinstance(done.exception, GateError)
    assert done.exception.message == "--baseline-ref is empty"
    for name, value in environment(tmp_path, "merge_group", QUEUED).items():
        monkeypatch.setenv(name, value)
    done = CliRunner().invoke(cli, words, standalone_mode=False)
    assert isinstance(done.exception, GateError)
    assert done.exception.reason is Reason.NO_SUCH_FILE


def test_an_empty_gate_from_is_the_merge_queues(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else the limits of the change itself would hold there."""
    asked: list[str | None] = []

    def planned(_path: Path, ref: str | None) -> None:
        asked.append(ref)
        raise GateError(Reason.BAD_SCENARIO, "enough")

    monkeypatch.setattr("socklat_gate.job.gate_from.planned_scenario", planned)
    for event in (("push", {}), ("merge_group", QUEUED)):
        for name, value in environment(tmp_path, *event).items():
            monkeypatch.setenv(name, value)
        CliRunner().invoke(cli, ["gate", "none.toml", "--gate-from", ""], standalone_mode=False)
    assert asked == ["", BASE]
