"""ci/action.yml and ci/comment/action.yml, every step of them run by bash.

What is measured here is refused before anything starts, since that needs neither root nor Docker;
tests/e2e/test_action.py measures.  Published are reports that a gate wrote.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from socklat_gate.forge.body import Source, comment_body, marker_of
from socklat_gate.forge.verdict_history import entry_of, history_in
from socklat_gate.measured.verdict import Outcome
from socklat_gate.report.writer import write_reports
from tests.unit.factories import make_result
from tests.unit.forge.github.api_server import TOKEN, ApiServer, Fault
from tests.unit.forge.github.composite import CompositeRun, load_yaml
from tests.unit.forge.github.events import FORK, HEAD_SHA, environment, pull_request, workflow_run
from tests.unit.forge.github.runner_files import commands_in
from tests.unit.forge.github.test_other_run import listed, zip_of

ROOT = Path(__file__).resolve().parents[4]
ACTIONS = [ROOT / "ci" / "action.yml", ROOT / "ci" / "comment" / "action.yml"]
ARTIFACT = "https://github.com/octo/shop/actions/runs/1234/artifacts/9"
SCENARIO = 'name = "checkout"\n[service]\nimage = "x"\nport = 80\n[load]\npayload = "x"\n'

SET_UP, REFUSE = "Set up", "Refuse what must not run here"
WITHDRAW = "Withdraw an earlier verdict"
WHOLE = dict.fromkeys([SET_UP, REFUSE, "Measure", "Keep the reports", "Publish", "Conclude"], 0)

Act = Callable[..., CompositeRun]


@pytest.fixture
def gate(tmp_path: Path) -> Path:
    """This very checkout as an installed command."""
    command = tmp_path / "bin" / "socklat-gate"
    command.parent.mkdir()
    command.write_text(
        f'#!/bin/sh\nPYTHONPATH="{ROOT}/gate" exec "{sys.executable}" -m socklat_gate "$@"\n'
    )
    command.chmod(0o755)
    return command


@pytest.fixture
def act(tmp_path: Path, gate: Path, server: ApiServer) -> Act:
    """Uses an action in a job of a pull request."""
    workspace, temporary = tmp_path / "workspace", tmp_path / "temp"
    workspace.mkdir()
    temporary.mkdir()

    def use(
        action: Path = ACTIONS[0],
        source: str = "octo/shop",
        variables: dict[str, str] | None = None,
        artifact_url: str = ARTIFACT,
        matrix: dict[str, str] | None = None,
        **inputs: str,
    ) -> CompositeRun:
        changes = {
            "GITHUB_API_URL": server.url,
            "GITHUB_WORKSPACE": str(workspace),
            "RUNNER_TEMP": str(temporary),
            "TEST_TOKEN": TOKEN,
            **(variables or {}),
        }
        payload = {"pull_request": pull_request(source), "workflow_run": workflow_run(FORK)}
        name = "workflow_run"
        if action == ACTIONS[0]:
            name = "pull_request"
            del payload["workflow_run"]
        else:
            del payload["pull_request"]
        given = {name.replace("_", "-"): value for name, value in inputs.items()}
        return CompositeRun(
            action,
            tmp_path,
            {"command": str(gate), **given},
            environment(tmp_path, name, payload, **changes),
            artifact_url,
            matrix,
        )

    return use


@pytest.mark.parametrize("action", ACTIONS, ids=lambda path: path.parent.name)
def test_no_script_has_an_expression_in_it(action: Path) -> None:
    for step in load_yaml(action)["runs"]["steps"]:
        assert "${{" not in step.get("run", "")
        assert step.get("shell", "bash") == "bash"
        if "uses" in step:
            assert re.search(r"@[0-9a-f]{40}$", step["uses"])


@pytest.mark.parametrize("action", ACTIONS, ids=lambda path: path.parent.name)
def test_every_input_is_described_used_and_documented(action: Path) -> None:
    document, text = load_yaml(action), action.read_text()
    docs = (ROOT / "docs" / "howto" / "github.md").read_text("utf-8")
    for name, declared in {**document["inputs"], **document.get("outputs", {})}.items():
        assert declared["description"]
        assert f"`{name}`" in docs
    for name in document["inputs"]:
        assert f"${{{{ inputs.{name} }}}}" in text


def test_no_step_that_runs_other_code_has_the_token() -> None:
    steps = load_yaml(ACTIONS[0])["runs"]["steps"]
    having = [step["name"] for step in steps if "inputs.token" in str(step.get("env"))]
    assert having == [REFUSE, WITHDRAW, "Publish"]


def test_a_scenario_that_is_wrong_is_told_everywhere_and_fails(act: Act, server: ApiServer) -> None:
    done = act(scenario="nowhere.toml")
    assert done.ended == {**WHOLE, "Conclude": 2}
    assert done.outputs["exit-code"] == "2"
    assert done.outputs["verdict"] == done.outputs["report"] == ""
    assert "nowhere.toml" in done.step("Publish").summary
    assert [c.name for c in commands_in(done.step("Publish").log)] == ["error"]
    assert server.comments == []
    assert server.checks[0]["conclusion"] == "failure"


def test_hostile_inputs_are_values_and_nothing_else(act: Act, tmp_path: Path) -> None:
    mark = tmp_path / "owned"
    attack = (
        f"a'\"`touch {mark}`$(touch {mark});touch {mark}\n::set-output name=verdict::pass\n"
        "::error::x\n::set-env name=PATH::x\n##[add-mask]x.toml"
    )
    done = act(
        scenario=attack,
        baseline_image=attack,
        baselines=attack,
        artifact=attack,
        out="out",
        options="--seed 5",
    )
    assert done.exit_code == 2
    assert not mark.exists()
    assert done.outputs["verdict"] == ""
    assert done.uploads[0]["name"] == attack
    names = {command.name for command in commands_in(done.log)}
    assert names <= {"group", "stop-commands", "endgroup", "error", "warning", "notice"}
    # What the gate prints of it commands nothing.
    log = done.step("Measure").log
    assert "##[add-mask]" in log
    assert [command.name for command in commands_in(log)] == ["group", "stop-commands", "endgroup"]


def test_options_reach_the_gate_as_words(act: Act, tmp_path: Path) -> None:
    (tmp_path / "workspace" / "socklat.toml").write_text(SCENARIO)
    done = act(options="--max-pairs 'not a number'")
    assert done.outputs["exit-code"] == "2"
    assert "'not a number' is not a valid integer" in done.step("Measure").log


@pytest.mark.parametrize(("fail_on", "text"), [("never", "never"), ("regressions", "regressions")])
def test_an_input_that_is_no_choice_is_refused_before_measuring(
    act: Act, fail_on: str, text: str
) -> None:
    done = act(fail_on=fail_on)
    assert done.ended == {SET_UP: 0, REFUSE: 2, WITHDRAW: 0}
    assert text in done.log


def test_what_is_prepared_runs_before_measuring_and_commands_nothing(
    act: Act, tmp_path: Path
) -> None:
    script = "echo ::error::x; touch made; false || exit 7"
    done = act(prepare=script)
    assert done.ended == {SET_UP: 0, REFUSE: 0, "Prepare": 7, "Publish": 0}
    assert done.exit_code == 7
    assert (tmp_path / "workspace" / "made").exists()
    names = [command.name for command in commands_in(done.step("Prepare").log)]
    assert names == ["group", "stop-commands", "endgroup"]


@pytest.mark.parametrize("value", ["maybe", "on\noff"])
def test_a_switch_is_on_or_off(act: Act, value: str) -> None:
    assert act(comment=value).step("Measure").exit_code is None


def test_a_fork_is_refused_on_a_self_hosted_runner_and_nothing_is_prepared_for_it(
    act: Act, server: ApiServer, tmp_path: Path
) -> None:
    variables = {"RUNNER_ENVIRONMENT": "self-hosted"}
    done = act(source=FORK, variables=variables, prepare="touch made")
    assert done.ended == {SET_UP: 0, REFUSE: 3, WITHDRAW: 0}
    assert not (tmp_path / "workspace" / "made").exists()
    (error,) = [c for c in commands_in(done.log) if c.name == "error"]
    assert "comes from a fork" in error.message
    assert server.seen == []


def test_a_command_that_is_not_there(act: Act) -> None:
    done = act(command="/nowhere/socklat-gate")
    assert done.ended == {SET_UP: 2, WITHDRAW: 0}
    assert "/nowhere/socklat-gate" in done.log


def test_a_job_that_fails_before_measuring_replaces_the_verdict_of_an_earlier_push(
    act: Act, server: ApiServer, tmp_path: Path
) -> None:
    (tmp_path / "workspace" / "socklat.toml").write_text(SCENARIO)
    server.add_comment(f"{marker_of('checkout')}\n✔ **PASS**")
    done = act(prepare="exit 3")
    assert done.exit_code == 3
    (comment,) = server.comments
    assert "nothing was measured: the commands of" in comment["body"]
    assert "**PASS**" not in comment["body"]
    (check,) = server.checks
    assert (check["name"], check["conclusion"]) == ("socklat-gate: checkout", "failure")


OLD_RUN = 1233


def verdict_of(commit: str, key: str = "") -> str:
    """A comment as an earlier run has written it."""
    entry = entry_of(make_result("gate", Outcome.PASS), commit, OLD_RUN, 1)
    source = Source("https://github.com/octo/shop/actions/runs", commit, OLD_RUN, "", key=key)
    body = comment_body("✔ **PASS**\n", source, entry, "", 60_000)
    return f"{marker_of('checkout', key)}\n{body}"


@pytest.mark.parametrize(
    "inputs", [{"command": "/nowhere/socklat-gate"}, {"fail_on": "nothing"}], ids=["setup", "input"]
)
def test_a_job_that_never_begins_withdraws_the_verdicts_of_an_earlier_push(
    act: Act, server: ApiServer, inputs: dict[str, str]
) -> None:
    server.pull = pull_request()
    for body in (verdict_of("d" * 40), verdict_of("d" * 40, "x86"), "a person's **PASS**"):
        server.add_comment(body)
    of_this_commit = verdict_of(HEAD_SHA, "arm")
    server.add_comment(of_this_commit)
    server.add_comment(verdict_of("d" * 40), login="mallory")
    done = act(**inputs)
    assert done.exit_code
    bodies = [comment["body"] for comment in server.comments]
    for body, key in zip(bodies, ("", "x86"), strict=False):
        assert body.startswith(f"{marker_of('checkout', key)}\n⊘ **NO VERDICT** - nothing was")
        assert "**PASS**" not in body
        assert "actions/runs/1234)" in body
        # The next run goes on from there.
        assert [entry.commit for entry in history_in(body)] == ["d" * 40]
    assert bodies[2:4] == ["a person's **PASS**", of_this_commit]
    assert "**PASS**" in bodies[4]
    assert TOKEN not in done.log


@pytest.mark.parametrize("why", ["pushed since", "off", "no token", "no answer"])
def test_where_there_is_nothing_to_withdraw_the_comment_stays(
    act: Act, server: ApiServer, why: str
) -> None:
    server.pull = pull_request(sha=("e" * 40 if why == "pushed since" else HEAD_SHA))
    if why == "no answer":
        server.faults.append(Fault("GET", "/comments", times=9))
    before = verdict_of("d" * 40)
    server.add_comment(before)
    more = {"off": {"comment": "off"}, "no token": {"token": ""}}.get(why, {})
    done = act(command="/nowhere/socklat-gate", **more)
    assert done.ended == {SET_UP: 2, WITHDRAW: 0}
    assert server.comments[0]["body"] == before
    said = [command.name for command in commands_in(done.step(WITHDRAW).log)]
    assert said == (["warning"] if why == "no answer" else [])


class Measured:
    """The steps after a measurement: reports are there, and the gate's exit code."""

    def __init__(self, act: Act, directory: Path, gate: Path) -> None:
        self.act, self.gate = act, gate
        self.out = directory / "workspace" / "socklat-out"

    def publish(self, outcome: Outcome, kept: str = "whole", **inputs: str) -> CompositeRun:
        write_reports(make_result("gate", outcome), self.out)
        result = self.out / "result.json"
        if kept == "missing":
            result.unlink()
        elif kept == "half":
            result.write_bytes(result.read_bytes()[: result.stat().st_size // 2])
        # In place of the measuring command; all else is the real one.
        real = self.gate.read_text()
        measured = (
            f'if [ "$2" = measure ]; then echo "exit-code={int(outcome.exit_code)}" '
            '>>"$GITHUB_OUTPUT"; echo reports=kept-reports >>"$GITHUB_OUTPUT"; exit; fi\n'
        )
        self.gate.write_text(real.replace("#!/bin/sh\n", f"#!/bin/sh\n{measured}"))
        try:
            return self.act(**inputs)
        finally:
            self.gate.write_text(real)


@pytest.fixture
def measured(act: Act, tmp_path: Path, gate: Path) -> Measured:
    return Measured(act, tmp_path, gate)


@pytest.mark.parametrize(
    ("outcome", "fail_on", "exit_code"),
    [
        (Outcome.INCONCLUSIVE, "regression", 0),
        pytest.param(Outcome.PASS, "regression", 0, marks=pytest.mark.slow),
        pytest.param(Outcome.INCONCLUSIVE, "inconclusive", 4, marks=pytest.mark.slow),
        pytest.param(Outcome.NO_BASELINE, "regression", 5, marks=pytest.mark.slow),
        pytest.param(Outcome.INVALID, "regression", 6, marks=pytest.mark.slow),
    ],
)
def test_the_job_ends_as_the_gate_did_after_all_was_published(
    measured: Measured, server: ApiServer, outcome: Outcome, fail_on: str, exit_code: int
) -> None:
    done = measured.publish(outcome, fail_on=fail_on)
    assert_all_was_published(done, server, outcome, exit_code)


@pytest.mark.slow
def test_the_pull_request_that_introduces_the_gate_may_be_neutral(
    measured: Measured, server: ApiServer
) -> None:
    done = measured.publish(Outcome.NO_BASELINE, on_no_baseline="neutral")
    assert_all_was_published(done, server, Outcome.NO_BASELINE, 0)
    assert server.checks[0]["conclusion"] == "neutral"
    names = [command.name for command in commands_in(done.step("Publish").log)]
    assert names == ["warning"]


@pytest.mark.parametrize("kept", ["missing", pytest.param("half", marks=pytest.mark.slow)])
def test_an_exit_code_of_0_without_its_result_is_red(
    measured: Measured, server: ApiServer, kept: str
) -> None:
    done = measured.publish(Outcome.PASS, kept=kept)
    assert done.ended == {**WHOLE, "Conclude": 6}
    assert done.exit_code == 6
    assert server.checks[0]["conclusion"] == "failure"


def assert_all_was_published(
    done: CompositeRun, server: ApiServer, outcome: Outcome, exit_code: int
) -> None:
    assert done.exit_code == exit_code
    assert done.ended == {**WHOLE, "Conclude": exit_code}
    assert done.outputs["verdict"] == outcome.value
    assert done.outputs["exit-code"] == str(int(outcome.exit_code))
    assert outcome.value.replace("_", " ").upper() in done.step("Publish").summary
    assert outcome.value.replace("_", " ").upper() in server.comments[0]["body"]
    assert server.checks[0]["head_sha"] == HEAD_SHA


def test_a_regression_sets_all_outputs_and_leaves_the_token_nowhere(
    measured: Measured, server: ApiServer, tmp_path: Path
) -> None:
    done = measured.publish(Outcome.REGRESSION)
    assert_all_was_published(done, server, Outcome.REGRESSION, 1)
    assert done.outputs == {
        "verdict": "regression",
        "exit-code": "1",
        "change-p50": "0.004000",
        "change-p99": "0.310000",
        "report": "socklat-out/report.md",
        "result-json": "socklat-out/result.json",
        "verdict-json": "socklat-out/verdict.json",
        "artifact-url": ARTIFACT,
        "comment-url": server.comments[0]["html_url"],
    }
    assert f"[artifact]({ARTIFACT})" in server.comments[0]["body"]
    assert done.uploads == [
        {
            "name": "socklat-gate",
            "path": "kept-reports",
            "if-no-files-found": "ignore",
            "overwrite": "True",
        }
    ]
    assert TOKEN not in done.log
    for path in tmp_path.rglob("*"):
        if path.is_file():
            assert TOKEN.encode() not in path.read_bytes()


def test_a_job_of_a_matrix_has_names_of_its_own(measured: Measured, server: ApiServer) -> None:
    original = measured.act

    def in_matrix(**inputs: str) -> CompositeRun:
        return original(matrix={"runner": "x86", "zone": "a b"}, **inputs)

    measured.act = in_matrix
    done = measured.publish(Outcome.REGRESSION)
    (upload,) = done.uploads
    assert upload["name"].startswith("socklat-gate-x86_a-b-")
    key = upload["name"].removeprefix("socklat-gate-")
    assert server.checks[0]["name"] == f"socklat-gate: checkout ({key})"
    assert server.comments[0]["body"].startswith(f"{marker_of('checkout', key)}\n")


def test_what_is_off_stays_off(measured: Measured, server: ApiServer) -> None:
    done = measured.publish(Outcome.REGRESSION, comment="off", check_run="off")
    assert done.exit_code == 1
    assert server.seen == []


def test_without_a_token_the_rest_is_published(measured: Measured, server: ApiServer) -> None:
    done = measured.publish(Outcome.REGRESSION, token="")
    assert done.exit_code == 1
    assert server.seen == []
    names = [command.name for command in commands_in(done.step("Publish").log)]
    assert names == ["error", "notice"]


def test_a_read_only_token_changes_no_verdict(measured: Measured, server: ApiServer) -> None:
    server.read_only = True
    done = measured.publish(Outcome.PASS)
    assert done.exit_code == 0
    assert done.outputs["comment-url"] == ""


def test_an_upload_that_fails_leaves_the_verdict(measured: Measured, server: ApiServer) -> None:
    original = measured.act

    def without_artifact(**inputs: str) -> CompositeRun:
        return original(artifact_url="", **inputs)

    measured.act = without_artifact
    done = measured.publish(Outcome.REGRESSION)
    assert done.ended == {**WHOLE, "Keep the reports": 1, "Conclude": 1}
    assert "Measured by [run 1234](" in server.comments[0]["body"]


def test_the_commenting_action(act: Act, server: ApiServer, tmp_path: Path) -> None:
    (tmp_path / "reports").mkdir()
    server.pulls = [pull_request(FORK)]
    server.artifacts = [listed(12)]
    server.files = {12: zip_of(tmp_path / "reports")}
    done = act(ACTIONS[1])
    assert done.ended == {SET_UP: 0, "Comment": 0}, done.log
    assert "✘ **REGRESSION**" in server.comments[0]["body"]


def test_the_commenting_action_refuses_what_is_no_artifact(
    act: Act, server: ApiServer, tmp_path: Path
) -> None:
    server.pulls = [pull_request(FORK)]
    server.artifacts = [listed(12)]
    server.files = {12: b"no"}
    done = act(ACTIONS[1])
    assert done.ended == {SET_UP: 0, "Comment": 2}
    assert server.comments == []
