from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from socklat_gate.commands.publish import publish
from socklat_gate.forge.sticky_note import MAX_NOTE
from socklat_gate.measured.result import GateResult
from socklat_gate.measured.verdict import Outcome
from socklat_gate.report.writer import write_reports
from tests.unit.factories import make_result, worded
from tests.unit.forge.github.api_server import TOKEN as GITHUB_TOKEN
from tests.unit.forge.github.api_server import ApiServer
from tests.unit.forge.hosts.server import (
    NUMBER,
    PROJECT,
    TOKEN,
    ForgejoServer,
    GitLabServer,
    HostServer,
)
from tests.unit.repositories import new_repository

SHA = "a" * 40


@pytest.fixture
def out(tmp_path: Path) -> Path:
    write_reports(make_result("gate", Outcome.REGRESSION), tmp_path / "out")
    return tmp_path / "out"


@pytest.fixture
def server() -> Iterator[ForgejoServer]:
    with ForgejoServer() as started:
        yield started


def call(out: Path, *arguments: str | int, code: int = 1) -> Result:
    words = [str(out), "--exit-code", str(code), *map(str, arguments)]
    return CliRunner().invoke(publish, words, catch_exceptions=False, standalone_mode=False)


def test_another_ci_names_the_host(
    out: Path, server: ForgejoServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Woodpecker says which pull request, and nothing of the host."""
    for name, value in {
        "CI": "woodpecker",
        "CI_COMMIT_SHA": SHA,
        "CI_COMMIT_PULL_REQUEST": "7",
        "CI_PIPELINE_URL": "https://ci.example/repos/1/pipeline/9",
        "MINE": TOKEN,
    }.items():
        monkeypatch.setenv(name, value)
    named = ("--repository", "shops/shop", "--token-variable", "MINE", "--url", server.url)
    done = call(out, "--host", "forgejo", *named)
    assert done.return_value == 1
    assert "comment: http" in done.stderr
    assert "[run 9](https://ci.example/repos/1/pipeline/9) of `aaaaaaaaaaaa`" in server.bodies[0]
    assert TOKEN not in done.output


def test_github_from_another_ci(out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Jenkins builds what is on GitHub; a job's token may not ask whose it is."""
    monkeypatch.setenv("JENKINS_URL", "https://jenkins.example/")
    monkeypatch.setenv("CHANGE_ID", "7")
    monkeypatch.setenv("GITHUB_TOKEN", GITHUB_TOKEN)
    with ApiServer() as github:
        for number in range(150):
            github.add_comment(f"talk {number}", login="somebody")
        for _ in range(2):
            done = call(out, "--host", "github", "--url", github.url, "--repository", "octo/shop")
        assert "comment: http" in done.stderr
        assert len(github.comments) == 151
        assert "**REGRESSION**" in github.comments[-1]["body"]


def test_two_machines_have_two_comments(
    out: Path, server: ForgejoServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORGEJO_TOKEN", TOKEN)
    named = ("--host", "forgejo", "--url", server.url, "--repository", "shops/shop", "--number", 7)
    for key in ("arm64", "x86, 8 CPUs", "arm64"):
        call(out, *named, "--key", key)
    assert len(server.notes) == 2
    assert "(`arm64`)" in server.bodies[0]


def test_without_a_ci_there_is_nowhere_to_publish(out: Path) -> None:
    done = call(out)
    assert done.return_value == 1
    assert "this job names no code host" in done.stderr
    assert "--body FILE" in done.stderr
    assert call(out, "--host", "none").stderr == ""


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((), "no pull request: nothing to comment on"),
        (("--number", 7), "the address of its API is not known: GITHUB_API_URL is not set"),
        (("--number", 7, "--url", "file:///etc/passwd"), "'file:///etc/passwd' is not one"),
        (("--number", 7, "--url", "https://x.example"), "the repository is not known"),
        (
            ("--number", 7, "--url", "https://x.example", "--repository", "a/../b"),
            "'a/../b' is not one",
        ),
        (
            ("--number", 7, "--url", "https://x.example", "--repository", "a/b"),
            "FORGEJO_TOKEN or GITEA_TOKEN or GITHUB_TOKEN is not set",
        ),
    ],
)
def test_what_is_missing_is_named(out: Path, arguments: tuple[str | int, ...], says: str) -> None:
    done = call(out, "--host", "forgejo", *arguments)
    assert done.return_value == 1
    assert says in done.stderr


def test_the_body_for_any_other_host(out: Path, tmp_path: Path) -> None:
    done = call(out, "--host", "none", "--body", tmp_path / "body.md")
    assert done.return_value == 1
    body = (tmp_path / "body.md").read_text("utf-8")
    assert "**REGRESSION**" in body
    assert "of `1f2e3d4c5b6a`" in body
    assert len(body) <= MAX_NOTE
    shown = call(out, "--host", "none", "--body", "-").stdout
    # The line of the verdict's history has the time.
    one, other = (text.partition("<!-- socklat-gate history")[0] for text in (shown, body))
    assert one == other


def test_the_exit_code_must_be_that_of_this_gate(out: Path) -> None:
    done = CliRunner().invoke(publish, [str(out)])
    assert "--exit-code" in done.output
    assert call(out, "--host", "none", code=0).return_value == 6
    assert call(out, "--host", "none", code=4).return_value == 6


GITLAB = {"GITLAB_CI": "true", "CI_COMMIT_SHA": SHA}


def passed_at(directory: Path, commit: str) -> Path:
    passed = make_result("gate", Outcome.PASS)
    write_reports(replace(passed, commit=commit), directory / "out")
    return directory / "out"


def test_a_pass_of_another_commit_is_none_of_this_job(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the reports are that a workspace or a cache keeps, when `gate | tee` ends with 0."""
    monkeypatch.chdir(tmp_path)
    for name, value in GITLAB.items():
        monkeypatch.setenv(name, value)
    assert call(passed_at(tmp_path, SHA), "--host", "none", code=0).return_value == 0
    done = call(passed_at(tmp_path, "d" * 40), "--host", "none", "--body", "-", code=0)
    assert done.return_value == 6
    assert "the reports there are of another commit" in done.output
    assert "PASS" not in done.output


def test_changed_files_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name, value in GITLAB.items():
        monkeypatch.setenv(name, value)
    for commit, told in ((SHA, False), (f"{SHA}-dirty", True)):
        done = call(passed_at(tmp_path, commit), "--host", "none", "--body", "-", code=0)
        assert ("`aaaaaaaaaaaa` with changed files" in done.output) == told


def test_what_a_script_checked_out_instead_is_not_the_jobs_commit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It built the reference from main, and never went back."""
    own = new_repository(tmp_path / "own")
    main, job = own.git("rev-parse", "HEAD"), own.commit("change")
    monkeypatch.chdir(own.path)
    monkeypatch.setenv("GITLAB_CI", "true")
    monkeypatch.setenv("CI_COMMIT_SHA", job)
    own.git("checkout", "--quiet", main)
    assert call(passed_at(tmp_path, main), "--host", "none", code=0).return_value == 6
    # Scenarios of another repository are measured at commits that the job's does not have.
    other = new_repository(tmp_path / "scenarios")
    of_other = other.commit("scenarios")
    (other.path / "socklat.toml").write_text('name = "checkout"\n')
    named = ("--host", "none", "--scenario", other.path / "socklat.toml")
    assert call(passed_at(tmp_path, of_other), *named, code=0).return_value == 0


OLDER = "d" * 40
SCENARIO = 'name = "checkout"\n[service]\nimage = "x"\nport = 80\n[load]\npayload = "x"\n'


class Hosted:
    """Jobs of merge requests of a host, in a directory without a clone unless one is made."""

    def __init__(self, host: HostServer, directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.host, self.directory, self.monkeypatch = host, directory, monkeypatch
        monkeypatch.chdir(directory)
        (directory / "socklat.toml").write_text(SCENARIO)

    def job(
        self, commit: str, outcome: Outcome | None, name: str = "latency", **more: str
    ) -> Result:
        """One of a commit; ``outcome`` None: its gate ended with 2 and no result."""
        variables = {"CI_MERGE_REQUEST_SOURCE_BRANCH_SHA": commit, "CI_JOB_NAME": name, **more}
        for variable, value in {**GITLAB, **variables}.items():
            self.monkeypatch.setenv(variable, value)
        self.monkeypatch.setenv("GITLAB_TOKEN", TOKEN)
        self.monkeypatch.setenv("FORGEJO_TOKEN", TOKEN)
        out = self.directory / "out"
        if outcome is None:
            (out / "result.json").unlink(missing_ok=True)
        else:
            write_reports(replace(make_result("gate", outcome), commit=SHA), out)
        host = ("--host", self.host.name, "--url", self.host.url, "--repository", PROJECT)
        code = 2 if outcome is None else int(outcome.exit_code)
        named = (*host, "--number", NUMBER, "--scenario", "socklat.toml")
        return call(out, *named, code=code)


@pytest.fixture(params=[GitLabServer, ForgejoServer], ids=["gitlab", "forgejo"])
def hosted(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Hosted]:
    with request.param() as started:
        yield Hosted(started, tmp_path, monkeypatch)


def test_a_job_of_an_older_push_leaves_the_newer_ones_comment(hosted: Hosted) -> None:
    """One that is repeated, or that ended after the next one."""
    hosted.host.head = SHA
    hosted.job(SHA, Outcome.REGRESSION)
    hosted.host.head = "e" * 40
    done = hosted.job(OLDER, Outcome.PASS)
    assert done.return_value == 0
    assert "somebody has pushed since" in done.stderr
    (body,) = hosted.host.bodies
    assert "**REGRESSION**" in body
    # Where the host does not say what its newest commit is, the comment is written.
    hosted.host.head = ""
    hosted.job(OLDER, Outcome.PASS)
    assert "**PASS**" in hosted.host.bodies[0]


def test_what_the_ci_merged_is_the_newest_as_well(hosted: Hosted) -> None:
    own = new_repository(hosted.directory / "clone")
    own.git("checkout", "--quiet", "-b", "topic")
    hosted.host.head = own.commit("change")
    own.git("checkout", "--quiet", "main")
    own.git("merge", "--quiet", "--no-ff", "-m", "merge", "topic")
    merge = own.git("rev-parse", "HEAD")
    hosted.monkeypatch.chdir(own.path)
    (own.path / "socklat.toml").write_text(SCENARIO)
    done = hosted.job(merge, Outcome.PASS, CI_COMMIT_SHA=merge)
    assert "comment" in done.stderr
    assert "pushed since" not in done.stderr


@pytest.mark.parametrize("text", ["", "no TOML ["])
def test_a_push_whose_scenario_has_no_name_withdraws_what_was_said_before(
    hosted: Hosted, text: str
) -> None:
    hosted.job(OLDER, Outcome.PASS)
    hosted.host.add("a person's **PASS**")
    (hosted.directory / "socklat.toml").write_text(text)
    done = hosted.job(SHA, None)
    assert done.return_value == 2
    first, second = hosted.host.bodies
    assert "**NO VERDICT**" in first
    assert "✔ pass" in first.partition("Earlier verdicts")[2]
    assert second == "a person's **PASS**"
    # Of this very commit a verdict stays.
    (hosted.directory / "socklat.toml").write_text(SCENARIO)
    hosted.job(SHA, Outcome.PASS)
    (hosted.directory / "socklat.toml").write_text(text)
    assert "name is not known" in hosted.job(SHA, None).stderr
    assert "**PASS**" in hosted.host.bodies[0]


def test_parallel_jobs_have_a_comment_each(hosted: Hosted) -> None:
    for name in ("latency: [x86, 8]", "latency: [arm, 4]", "latency 1/2", "latency: [x86, 8]"):
        done = hosted.job(SHA, Outcome.PASS, name)
        assert "warning" not in done.stderr
    assert len(hosted.host.notes) == 3


def test_two_jobs_that_write_one_comment_are_told(hosted: Hosted) -> None:
    assert "warning" not in hosted.job(SHA, Outcome.REGRESSION, "on x86").stderr
    done = hosted.job(SHA, Outcome.PASS, "on arm")
    assert "jobs on-x86 and on-arm write the same comment" in done.stderr
    assert "✘ regression" in hosted.host.bodies[0].partition("Earlier verdicts")[2]
    # A job that is repeated, and a later push, are no other job.
    assert "warning" not in hosted.job(OLDER, Outcome.PASS, "on x86").stderr


def test_without_a_ci_the_checkout_says_which_commit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = new_repository(tmp_path / "here")
    monkeypatch.chdir(here.path)
    head = here.git("rev-parse", "HEAD")
    assert call(passed_at(tmp_path, head), "--host", "none", code=0).return_value == 0
    assert call(passed_at(tmp_path, "d" * 40), "--host", "none", code=0).return_value == 6
    assert call(passed_at(tmp_path, "unknown"), "--host", "none", code=0).return_value == 0


def test_what_is_undecided_and_what_is_new(tmp_path: Path) -> None:
    write_reports(make_result("gate", Outcome.INCONCLUSIVE), tmp_path / "out")
    never = ("--host", "none")
    assert call(tmp_path / "out", *never, code=4).return_value == 0
    assert call(tmp_path / "out", *never, "--fail-on", "inconclusive", code=4).return_value == 4
    write_reports(make_result("gate", Outcome.NO_BASELINE), tmp_path / "out")
    assert call(tmp_path / "out", *never, code=5).return_value == 5
    neutral = (*never, "--on-no-baseline", "neutral")
    assert call(tmp_path / "out", *neutral, code=5).return_value == 0


def test_a_scenario_without_a_result_is_named_by_its_file(
    tmp_path: Path, server: ForgejoServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "socklat.toml").write_text(
        'name = "checkout"\n[service]\nimage = "x"\nport = 80\n[load]\npayload = "x"\n'
    )
    monkeypatch.setenv("FORGEJO_TOKEN", TOKEN)
    named = ("--host", "forgejo", "--url", server.url, "--repository", "shops/shop", "--number", 7)
    done = call(tmp_path, *named, code=3)
    assert done.return_value == 3
    assert "the scenario's name is not known" in done.stderr
    done = call(tmp_path, *named, "--scenario", tmp_path / "socklat.toml", code=3)
    assert "cannot measure on this machine" in server.bodies[0]


def test_a_log_of_the_gate_is_quoted_without_secrets(
    tmp_path: Path, server: ForgejoServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = tmp_path / "gate.log"
    log.write_text(f"error: the daemon said {TOKEN}\n| a container's own line\n", "utf-8")
    monkeypatch.setenv("FORGEJO_TOKEN", TOKEN)
    (tmp_path / "socklat.toml").write_text(
        'name = "checkout"\n[service]\nimage = "x"\nport = 80\n[load]\npayload = "x"\n'
    )
    named = ("--host", "forgejo", "--url", server.url, "--repository", "shops/shop", "--number", 7)
    call(tmp_path, *named, "--scenario", tmp_path / "socklat.toml", "--log", log, code=3)
    (body,) = server.bodies
    assert "the daemon said" in body
    assert TOKEN not in body
    assert "container" not in body


@pytest.mark.parametrize("url", ["javascript:alert(1)", "https://x/)[y](https://evil.example"])
def test_an_address_that_is_none_is_refused(out: Path, url: str) -> None:
    done = CliRunner().invoke(publish, [str(out), "--exit-code", "1", "--artifact-url", url])
    assert "is not a plain address" in str(done.exception)


def test_foreign_text_in_a_note_is_text(
    tmp_path: Path, server: ForgejoServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = make_result("gate", Outcome.REGRESSION)
    assert isinstance(result, GateResult)
    hostile = "/merge @all !7 ~bug [x](https://evil.example)"
    write_reports(replace(result, notes=(worded(hostile),)), tmp_path / "out")
    monkeypatch.setenv("FORGEJO_TOKEN", TOKEN)
    named = ("--host", "forgejo", "--url", server.url, "--repository", "shops/shop", "--number", 7)
    call(tmp_path / "out", *named)
    (body,) = server.bodies
    for raw in ("@all", "!7", "](https://evil.example)"):
        assert raw not in body
