"""What a step shows, with reports that a gate wrote and an API that responds."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import pytest

from socklat_gate.errors import Reason, UsageError
from socklat_gate.forge.exit_policy import FailOn, outcome_exit
from socklat_gate.forge.finding import finding_of
from socklat_gate.forge.github.api import GitHub
from socklat_gate.forge.github.publishing import Wanted, artifact_address, publish
from socklat_gate.forge.github.runner import MAX_SUMMARY_BYTES, Runner
from socklat_gate.forge.github.workflow_job import Job, job_of
from socklat_gate.forge.scenario_name import scenario_name
from socklat_gate.forge.verdict_history import history_in
from socklat_gate.measured.result import Result
from socklat_gate.measured.verdict import Outcome, Verdict
from socklat_gate.report.writer import write_reports
from tests.unit.factories import make_result, worded_reasons
from tests.unit.forge.github.api_server import ApiServer, Fault
from tests.unit.forge.github.events import HEAD_SHA, MERGE_SHA, environment, pull_request
from tests.unit.forge.github.runner_files import commands_in, outputs_of
from tests.unit.repositories import new_repository

ARTIFACT = "https://github.com/octo/shop/actions/runs/1234/artifacts/9"


class Step:
    """One call of `publish`, and what came of it."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.out = directory / "out"
        self.out.mkdir()
        self.log = io.StringIO()
        self.runner = Runner(self.log, directory / "output", directory / "summary")

    def job(self, name: str = "pull_request", **changes: str) -> Job:
        payload = {"pull_request": pull_request()} if name == "pull_request" else {}
        return job_of(environment(self.directory, name, payload, **changes))

    def publish(
        self,
        result: Result | None,
        api: GitHub | None = None,
        job: Job | None = None,
        exit_code: int | None = None,
        fail_on: FailOn = FailOn.REGRESSION,
        scenario: Path | None = None,
        key: str = "",
        check_name: str = "",
    ) -> None:
        if result is not None:
            write_reports(result, self.out)
        if exit_code is None:
            assert result is not None
            exit_code = outcome_exit(result)
        finding = finding_of(self.out, exit_code, self.directory / "log", scenario)
        wanted = Wanted(fail_on, comment=True, check=True, key=key, check_name=check_name)
        publish(self.runner, job or self.job(), api, finding, self.out, wanted, ARTIFACT)

    @property
    def outputs(self) -> dict[str, str]:
        return outputs_of(self.directory / "output")

    @property
    def summary(self) -> str:
        return (self.directory / "summary").read_text("utf-8")

    @property
    def annotations(self) -> list[tuple[str, str]]:
        return [(c.name, c.message) for c in commands_in(self.log.getvalue())]


@pytest.fixture
def step(tmp_path: Path) -> Step:
    return Step(tmp_path)


def test_outputs_of_a_regression(step: Step) -> None:
    step.publish(make_result())
    assert step.outputs == {
        "verdict": "regression",
        "change-p50": "0.004000",
        "change-p99": "0.310000",
        "report": str(step.out / "report.md"),
        "result-json": str(step.out / "result.json"),
        "verdict-json": str(step.out / "verdict.json"),
    }
    assert all(Path(step.outputs[name]).is_file() for name in ("report", "result-json"))


def test_the_summary_is_the_report_with_its_source(step: Step) -> None:
    step.publish(make_result())
    assert step.summary.startswith("✘ **REGRESSION** - `response_p99` is 31.0% slower")
    assert f"[artifact]({ARTIFACT}) of [run 1234](" in step.summary
    assert f"`{HEAD_SHA[:12]}`" in step.summary


@pytest.mark.parametrize(
    ("outcome", "fail_on", "level", "conclusion"),
    [
        (Outcome.PASS, FailOn.REGRESSION, "notice", "success"),
        (Outcome.REGRESSION, FailOn.REGRESSION, "error", "failure"),
        (Outcome.INCONCLUSIVE, FailOn.REGRESSION, "warning", "neutral"),
        (Outcome.INCONCLUSIVE, FailOn.INCONCLUSIVE, "error", "failure"),
        (Outcome.INVALID, FailOn.REGRESSION, "error", "failure"),
        (Outcome.NO_BASELINE, FailOn.REGRESSION, "error", "failure"),
    ],
)
def test_annotation_and_check_follow_the_verdict(
    step: Step,
    server: ApiServer,
    api: GitHub,
    outcome: Outcome,
    fail_on: FailOn,
    level: str,
    conclusion: str,
) -> None:
    step.publish(make_result("gate", outcome), api, fail_on=fail_on)
    assert [name for name, _ in step.annotations] == [level]
    (check,) = server.checks
    assert (check["conclusion"], check["head_sha"]) == (conclusion, HEAD_SHA)
    assert check["name"] == "socklat-gate: checkout"
    assert check["details_url"] == ARTIFACT


@pytest.mark.parametrize(
    ("fail_on", "level", "conclusion"),
    [
        (FailOn.REGRESSION, "error", "failure"),
        (FailOn.REGRESSION_ONLY, "warning", "neutral"),
        (FailOn.INCONCLUSIVE, "error", "failure"),
    ],
)
def test_what_could_not_be_judged_is_red_and_says_what_to_change(
    step: Step, server: ApiServer, api: GitHub, fail_on: FailOn, level: str, conclusion: str
) -> None:
    verdict = Verdict(Outcome.INCONCLUSIVE, worded_reasons((Reason.SAME_IMAGE, "same image")))
    step.publish(replace(make_result(), verdict=verdict), api, fail_on=fail_on)
    ((name, said),) = step.annotations
    assert name == level
    assert ("--allow-same-image" in said) == (fail_on is FailOn.REGRESSION)
    assert server.checks[0]["conclusion"] == conclusion


@pytest.mark.parametrize("exit_code", [0, 4])
@pytest.mark.parametrize("kept", ["nothing", "half", "another", "run"])
def test_an_exit_code_alone_is_neither_green_nor_neutral(
    step: Step, server: ApiServer, api: GitHub, kept: str, exit_code: int
) -> None:
    kinds = {"another": make_result(), "run": make_result("run")}
    write_reports(kinds.get(kept, make_result("gate", Outcome.PASS)), step.out)
    path = step.out / "result.json"
    if kept == "nothing":
        path.unlink()
    elif kept == "half":
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    step.publish(None, api, exit_code=exit_code, fail_on=FailOn.REGRESSION_ONLY)
    assert [name for name, _ in step.annotations] == ["error"]
    assert server.checks[0]["conclusion"] == "failure"


def test_a_comment_carries_the_history_of_a_pull_request(
    step: Step, server: ApiServer, api: GitHub
) -> None:
    outcomes = [Outcome.REGRESSION, Outcome.INCONCLUSIVE, Outcome.PASS]
    for run, outcome in enumerate(outcomes, 1):
        job = step.job(GITHUB_RUN_ID=str(run))
        step.publish(make_result("gate", outcome), api, job)
    (comment,) = server.comments
    assert "**PASS**" in comment["body"]
    assert [entry.verdict for entry in history_in(comment["body"])] == outcomes
    table = comment["body"].partition("<summary>Earlier verdicts</summary>")[2]
    assert table.index("? inconclusive") < table.index("✘ regression")
    assert "✔ pass" not in table
    assert step.outputs["comment-url"] == comment["html_url"]


def test_a_run_that_is_published_again_is_no_earlier_verdict(
    step: Step, server: ApiServer, api: GitHub
) -> None:
    for _ in range(2):
        step.publish(make_result(), api)
    assert "Earlier verdicts" not in server.comments[0]["body"]


def test_a_history_that_somebody_edited_is_dropped(
    step: Step, server: ApiServer, api: GitHub
) -> None:
    step.publish(make_result(), api)
    server.comments[0]["body"] += "<!-- socklat-gate history [1] -->\n"
    step.publish(make_result(), api, step.job(GITHUB_RUN_ID="2"))
    assert len(history_in(server.comments[0]["body"])) == 1


def test_a_push_gets_a_check_and_no_comment(step: Step, server: ApiServer, api: GitHub) -> None:
    step.publish(make_result(), api, step.job("push"))
    assert server.comments == []
    assert server.checks[0]["head_sha"] == MERGE_SHA


def test_a_read_only_token_warns_and_the_rest_is_published(
    step: Step, server: ApiServer, api: GitHub
) -> None:
    server.read_only = True
    step.publish(make_result(), api)
    levels = [name for name, _ in step.annotations]
    assert levels == ["error", "warning", "warning"]
    said = step.annotations[1][1]
    assert "no comment was written" in said
    assert "docs/howto/github.md" in said
    assert step.outputs["verdict"] == "regression"
    assert step.summary.startswith("✘")


def test_a_comment_that_fails_leaves_the_check(step: Step, server: ApiServer, api: GitHub) -> None:
    server.faults = [Fault("GET", "/comments", 500, body={"message": "oops"})]
    step.publish(make_result(), api)
    assert server.comments == []
    assert len(server.checks) == 1
    assert "500 (oops)" in step.annotations[1][1]


SCENARIO = 'name = "checkout"\n[service]\nimage = "x"\nport = 80\n[load]\npayload = "x"\n'


def test_without_a_result_the_end_of_the_output_is_shown(
    step: Step, server: ApiServer, api: GitHub
) -> None:
    scenario = step.directory / "socklat.toml"
    scenario.write_text(SCENARIO)
    step.publish(make_result(), api)
    (step.out / "result.json").unlink()
    log = "measuring\n\x1b[31merror: \x1b[0mno Docker [no_docker]\ntry: start it\n"
    (step.directory / "log").write_text(log)
    (step.directory / "summary").write_text("")
    step.publish(None, api, step.job(GITHUB_RUN_ID="2"), exit_code=3, scenario=scenario)
    assert step.summary.startswith("⊘ **NO VERDICT** - socklat-gate cannot measure")
    assert "exit code 3): no Docker" in step.summary
    assert "- `try: start it`" in step.summary
    body = server.comments[0]["body"]
    assert "**NO VERDICT**" in body
    assert "✘ regression" in body.partition("Earlier verdicts")[2]
    assert server.checks[-1]["conclusion"] == "failure"


def test_a_result_of_another_run_is_not_taken_for_this_ones(step: Step) -> None:
    step.publish(make_result("gate", Outcome.PASS), exit_code=1)
    assert "another run's" in step.summary
    assert "**PASS**" not in step.summary
    assert step.outputs["verdict"] == ""
    assert step.annotations[0][0] == "error"


def test_a_damaged_result_is_named(step: Step) -> None:
    write_reports(make_result(), step.out)
    (step.out / "result.json").write_text("{")
    step.publish(None, exit_code=1)
    assert "not valid JSON" in step.summary


def test_a_summary_is_cut_to_the_room_that_is_left(step: Step) -> None:
    result = make_result()
    reasons = worded_reasons((result.verdict.reasons[0].code, "because " * 60)) * 2400  # type: ignore[union-attr]
    (step.directory / "summary").write_text("x" * 10_000)
    step.publish(replace(result, verdict=replace(result.verdict, reasons=reasons)))
    size = (step.directory / "summary").stat().st_size
    assert MAX_SUMMARY_BYTES - 2000 < size <= MAX_SUMMARY_BYTES
    assert "because of the size limit" in step.summary


def test_a_full_summary_is_left_as_it_is(step: Step) -> None:
    (step.directory / "summary").write_text("x" * MAX_SUMMARY_BYTES)
    step.publish(make_result())
    assert (step.directory / "summary").stat().st_size == MAX_SUMMARY_BYTES
    assert step.annotations[0][0] == "error"


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example/",
        f"{ARTIFACT})[x](https://evil.example",
        f"{ARTIFACT}\n",
        "https://github.com/octo/shop/actions/runs/../../x",
        "https://github.com/octo/other/actions/runs/1/artifacts/2",
    ],
)
def test_an_address_elsewhere_is_no_artifact(step: Step, url: str) -> None:
    with pytest.raises(UsageError, match="is not the address of an artifact"):
        artifact_address(step.job(), url)
    assert artifact_address(step.job(), "") == ""
    assert artifact_address(step.job(), ARTIFACT) == ARTIFACT


def test_log_lines_of_others_are_for_the_jobs_log_alone(tmp_path: Path) -> None:
    (tmp_path / "log").write_text("note: ours\n| theirs, with a secret\nerror: died [x]\n")
    finding = finding_of(tmp_path, 6, tmp_path / "log", None)
    assert isinstance(finding.report, str)
    assert "theirs" not in finding.report
    assert "note: ours" in finding.report
    assert "died" in finding.problem


def test_jobs_of_a_matrix_have_a_comment_and_a_check_each(
    step: Step, server: ApiServer, api: GitHub
) -> None:
    step.publish(make_result(), api, key="x86")
    step.publish(make_result("gate", Outcome.PASS), api, key="arm")
    bodies = [comment["body"] for comment in server.comments]
    assert ["**REGRESSION**" in body for body in bodies] == [True, False]
    assert "(`arm`)" in bodies[1]
    names = [check["name"] for check in server.checks]
    assert names == ["socklat-gate: checkout (x86)", "socklat-gate: checkout (arm)"]


def test_two_jobs_that_write_one_comment_are_told(
    step: Step, server: ApiServer, api: GitHub
) -> None:
    for job in ("x86", "x86", "arm"):
        step.publish(make_result(), api, step.job(GITHUB_JOB=job))
    warned = [message for level, message in step.annotations if level == "warning"]
    assert len(warned) == 1
    assert "jobs x86 and arm" in warned[0]
    # A run that is repeated, and a later run, are no other job.
    step.publish(make_result(), api, step.job(GITHUB_JOB="x86", GITHUB_RUN_ATTEMPT="2"))
    step.publish(make_result(), api, step.job(GITHUB_JOB="arm", GITHUB_RUN_ID="99"))
    assert len([level for level, _ in step.annotations if level == "warning"]) == 1


@pytest.mark.parametrize("other", [{"GITHUB_JOB": "arm"}, {"RUNNER_NAME": "second"}])
def test_a_job_of_the_same_run_turns_no_red_check_green(
    step: Step, server: ApiServer, api: GitHub, other: dict[str, str]
) -> None:
    """GitHub shows the newer of two checks with one name."""
    first = {"GITHUB_JOB": "x86", "RUNNER_NAME": "first"}
    step.publish(make_result(), api, step.job(**first))
    step.publish(make_result("gate", Outcome.PASS), api, step.job(**{**first, **other}))
    assert [check["conclusion"] for check in server.checks] == ["failure", "failure"]
    assert "x86 on first of this run failed" in server.checks[1]["output"]["title"]
    step.publish(make_result("gate", Outcome.PASS), api, step.job(**{**first, **other}))
    assert server.checks[2]["conclusion"] == "failure"
    # The job itself once more, the run once more, and another name are their own.
    step.publish(make_result("gate", Outcome.PASS), api, step.job(**first))
    step.publish(make_result("gate", Outcome.PASS), api, step.job(**first, GITHUB_RUN_ATTEMPT="2"))
    step.publish(make_result("gate", Outcome.PASS), api, step.job(**other), key="arm")
    assert [check["conclusion"] for check in server.checks[3:]] == ["success", "success", "success"]


def test_a_check_has_the_name_that_the_workflow_gives_it(
    step: Step, server: ApiServer, api: GitHub
) -> None:
    step.publish(make_result(), api, check_name="latency", key="x86")
    assert server.checks[0]["name"] == "latency (x86)"


def test_a_run_about_an_older_commit_leaves_the_comment(
    step: Step, server: ApiServer, api: GitHub
) -> None:
    """One that is repeated, or that ended after the next one."""
    server.pull = pull_request()
    step.publish(make_result(), api)
    server.pull = pull_request(sha="e" * 40)
    step.publish(make_result("gate", Outcome.PASS), api, step.job(GITHUB_RUN_ATTEMPT="2"))
    (comment,) = server.comments
    assert "**REGRESSION**" in comment["body"]
    assert step.annotations[-1][0] == "notice"
    assert "pushed since" in step.annotations[-1][1]
    assert [check["head_sha"] for check in server.checks] == [HEAD_SHA, HEAD_SHA]


TYPOS = {
    "a key": 'name = "checkout"\n[service]\nimag = "x"\n',
    "no TOML": "name = 'checkout'\n[service\nimage = \n",
    "a value": 'name = "checkout" # x\n[gate]\nmetrics = [',
}


@pytest.mark.parametrize("text", TYPOS.values(), ids=TYPOS)
def test_a_push_with_a_typo_replaces_the_verdict_under_the_same_name(
    step: Step, server: ApiServer, api: GitHub, text: str
) -> None:
    step.publish(make_result("gate", Outcome.PASS), api)
    (step.out / "result.json").unlink()
    scenario = step.directory / "socklat.toml"
    scenario.write_text(text)
    step.publish(None, api, step.job(GITHUB_RUN_ID="2"), exit_code=2, scenario=scenario)
    (comment,) = server.comments
    assert "**NO VERDICT**" in comment["body"]
    assert "✔ pass" in comment["body"].partition("Earlier verdicts")[2]
    assert {check["name"] for check in server.checks} == {"socklat-gate: checkout"}
    assert server.checks[-1]["conclusion"] == "failure"


def test_a_scenario_that_is_gone_has_the_name_that_the_target_branch_knows(
    tmp_path: Path,
) -> None:
    made = new_repository(tmp_path / "repository")
    made.commit(SCENARIO, "perf/socklat.toml")
    made.git("checkout", "--quiet", "-b", "topic")
    path = made.path / "perf" / "socklat.toml"
    path.write_text("name = ")
    assert scenario_name(path, "main") == "checkout"
    path.unlink()
    path.parent.rmdir()
    assert scenario_name(path) == ""
    assert scenario_name(path, "no-such-branch") == ""
    assert scenario_name(made.path / "none.toml", "main") == ""


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ('[tool.other]\nname = "x"\n[tool.socklat-gate]\nname = "shop"\n[a', "shop"),
        ('[project]\nname = "x"\n[a', ""),
        ('[tool.socklat-gate]\n[x]\nname = "x"\n[a', ""),
        ('[tool.socklat-gate]\nname = "shop"\n', "shop"),
        ("name = 7\n", ""),
    ],
)
def test_a_name_in_a_file_of_several_tools(tmp_path: Path, text: str, name: str) -> None:
    path = tmp_path / "pyproject.toml"
    path.write_text(text)
    assert scenario_name(path) == name


def test_without_any_name_the_verdicts_of_earlier_pushes_go(
    step: Step, server: ApiServer, api: GitHub
) -> None:
    step.publish(make_result("gate", Outcome.PASS), api)
    (step.out / "result.json").unlink()
    server.comments[0]["body"] = server.comments[0]["body"].replace(HEAD_SHA, "9" * 40)
    gone = step.directory / "gone.toml"
    step.publish(None, api, step.job(GITHUB_RUN_ID="2"), exit_code=2, scenario=gone)
    assert "**NO VERDICT**" in server.comments[0]["body"]
    assert server.checks[-1]["name"] == "socklat-gate"


@pytest.mark.parametrize("host", ["GITEA", "FORGEJO"])
@pytest.mark.parametrize(
    ("outcome", "state"),
    [
        (Outcome.PASS, "success"),
        (Outcome.REGRESSION, "failure"),
        (Outcome.INCONCLUSIVE, "warning"),
    ],
)
def test_where_there_are_no_checks_it_is_a_commit_status(
    step: Step, server: ApiServer, api: GitHub, host: str, outcome: Outcome, state: str
) -> None:
    server.login = f"{host.lower()}-actions"
    variables = {f"{host}_ACTIONS": "true", "GITHUB_RUN_NUMBER": "12", "GITHUB_RUN_ATTEMPT": ""}
    payload = {"pull_request": pull_request()}
    given = {**environment(step.directory, "pull_request", payload), **variables}
    job = job_of({name: value for name, value in given.items() if value})
    for _ in range(2):
        step.publish(make_result("gate", outcome), api, job)
    assert server.checks == []
    status = server.statuses[0]
    assert (status["state"], status["sha"]) == (state, HEAD_SHA)
    assert status["context"] == "socklat-gate: checkout"
    (comment,) = server.comments
    assert "/actions/runs/12)" in comment["body"]


def test_a_persons_token_makes_a_commit_status(step: Step, server: ApiServer, api: GitHub) -> None:
    said = {"message": "You must authenticate via a GitHub App."}
    server.faults = [Fault("POST", "/check-runs", 403, body=said, times=9)]
    step.publish(make_result("gate", Outcome.INCONCLUSIVE), api)
    step.publish(make_result(), api)
    assert [status["state"] for status in server.statuses] == ["success", "failure"]
    assert server.statuses[0]["description"].startswith("inconclusive: ")
    assert "no check was written" not in str(step.annotations)


def test_a_sudo_that_refuses_is_no_regression(tmp_path: Path) -> None:
    """It ends with 1, as a regression does."""
    said = "sudo: sorry, you are not allowed to set the following environment variables: TAG\n"
    (tmp_path / "log").write_text(said)
    finding = finding_of(tmp_path, 1, tmp_path / "log", None)
    assert finding.problem.startswith("there is no result (exit code 1): sudo: sorry")
    assert finding.ending.exit_code == 1
