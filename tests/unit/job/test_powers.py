"""What a pull request's scenario may do to the runner: only what the workflow allows."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from socklat_gate.errors import Exit, Reason, UsageError
from socklat_gate.job import powers
from socklat_gate.job.powers import powers_in, require_allowed
from socklat_gate.scenario.loader import load_scenario
from socklat_gate.scenario.powers import Power
from socklat_gate.service.compose import StackReading

GATE = Path(__file__).resolve().parents[3] / "gate"
PULL_REQUEST = {"GITHUB_EVENT_NAME": "pull_request"}
HEAD = 'name = "shop"\n\n[service]\nimage = "shop:dev"\nport = 8080\n'
HTTP = '\n[load]\ndriver = "http"\n'
COMMAND = '\n[load]\ndriver = "command"\n[load.command]\nargv = ["wrk", "http://{host}:{port}/"]\n'


def written(directory: Path, text: str) -> Path:
    path = directory / "socklat.toml"
    path.write_text(text, encoding="utf-8")
    return path


def refusal(
    path: Path, allowed: str | None = None, environment: dict[str, str] | None = None
) -> UsageError | None:
    try:
        require_allowed(
            path,
            load_scenario(path),
            None if allowed is None else powers_in(allowed),
            PULL_REQUEST if environment is None else environment,
        )
    except UsageError as error:
        return error
    return None


def test_a_scenario_of_containers_alone_asks_for_nothing(tmp_path: Path) -> None:
    assert refusal(written(tmp_path, HEAD + HTTP)) is None


def test_a_load_command_needs_the_workflows_word(tmp_path: Path) -> None:
    path = written(tmp_path, HEAD + COMMAND)
    error = refusal(path)
    assert error is not None
    assert (error.exit_code, error.reason) == (Exit.USAGE, Reason.NOT_ALLOWED)
    assert f"{path}:10: load.command.argv runs wrk (commands)" in error.message
    assert "`allow: commands`" in str(error.remedy)
    assert "`--allow commands`" in str(error.remedy)
    assert refusal(path, "commands") is None
    assert refusal(path, "mounts, files") is not None
    assert refusal(path, environment={**PULL_REQUEST, "SOCKLAT_ALLOW": "commands"}) is None
    assert refusal(path, "", {**PULL_REQUEST, "SOCKLAT_ALLOW": "commands"}) is not None


@pytest.mark.parametrize(
    "environment",
    [
        {},
        {"CI": "true", "GITHUB_EVENT_NAME": "push", "GITHUB_REF": "refs/heads/main"},
        {"CI": "true", "GITHUB_EVENT_NAME": "schedule"},
        {"CI": "true", "TRAVIS_PULL_REQUEST": "false", "BUILDKITE_PULL_REQUEST": "false"},
        {"GITLAB_CI": "true", "CI_COMMIT_BRANCH": "main"},
    ],
)
def test_a_laptop_and_what_was_merged_are_not_asked(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    assert refusal(written(tmp_path, HEAD + COMMAND), environment=environment) is None


@pytest.mark.parametrize(
    "environment",
    [
        {"GITHUB_EVENT_NAME": "pull_request_target"},
        {"GITHUB_EVENT_NAME": "pull_request_review_comment"},
        {"GITHUB_EVENT_NAME": "issue_comment"},
        {"GITHUB_EVENT_NAME": "workflow_run"},
        {"GITHUB_EVENT_NAME": "workflow_dispatch", "GITHUB_REF": "refs/pull/7/merge"},
        {"GITHUB_EVENT_NAME": "workflow_dispatch", "SOCKLAT_ACTION_SUBJECT": '{"number": 7}'},
        {"GITLAB_CI": "true", "CI_MERGE_REQUEST_IID": "7"},
        {"GITLAB_CI": "true", "CI_EXTERNAL_PULL_REQUEST_IID": "7"},
        {"BUILDKITE_PULL_REQUEST": "7"},
        {"CHANGE_ID": "7"},
        {"CIRCLE_PULL_REQUEST": "https://github.com/a/b/pull/7"},
        {"SYSTEM_PULLREQUEST_PULLREQUESTID": "7"},
        {"DRONE_PULL_REQUEST": "7"},
        {"CI": "woodpecker", "CI_COMMIT_PULL_REQUEST": "7"},
        {"BITBUCKET_PR_ID": "7"},
        {"TRAVIS_PULL_REQUEST": "7"},
    ],
)
def test_every_ci_systems_pull_requests_are_asked(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    assert refusal(written(tmp_path, HEAD + COMMAND), environment=environment) is not None


def test_each_mount_and_what_is_behind_it(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    volumes = 'volumes = ["./data:/data:ro", "/:/host"]\n'
    path = written(tmp_path, HEAD + volumes + HTTP)
    error = refusal(path)
    assert error is not None
    assert f"{path}:6: service.volumes mounts {tmp_path}/data (mounts)" in error.message
    assert "mounts / (docker-socket)" in error.message
    assert f"{tmp_path}/data (docker-socket)" not in error.message
    only_mounts = refusal(path, "mounts")
    assert only_mounts is not None
    assert "allow: docker-socket mounts" in str(only_mounts.remedy)
    assert refusal(path, "mounts docker-socket") is None


@pytest.mark.parametrize("source", ["/var/run/docker.sock", "/run", "/var/run", "link"])
def test_dockers_socket_by_any_way(tmp_path: Path, source: str) -> None:
    (tmp_path / "link").symlink_to("/run/docker.sock")
    path = written(tmp_path, f'{HEAD}volumes = ["{source}:/x"]\n{HTTP}')
    error = refusal(path, "mounts")
    assert error is not None
    assert "(docker-socket)" in error.message


def test_files_outside_of_the_checkout(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    (tmp_path / "token.txt").write_text("0123456789")
    (tmp_path / "sub").mkdir()
    (tmp_path / "away").symlink_to("/etc/hostname")
    inside = HEAD + 'env = { A = { file = "../token.txt" } }\n' + HTTP
    assert refusal(written(tmp_path / "sub", inside)) is None
    outside = HEAD + 'env = { A = { file = "../away" }, B = { file = "/etc/shadow" } }\n' + HTTP
    error = refusal(written(tmp_path / "sub", outside))
    assert error is not None
    assert "service.env.A.file reads ../away (files)" in error.message
    assert "service.env.B.file reads /etc/shadow (files)" in error.message
    request = '[[load.request]]\nname = "a"\npath = "/"\nbody_file = "/etc/hostname"\n'
    said = str(refusal(written(tmp_path, HEAD + HTTP + request + 'method = "POST"\n')))
    assert "load.request.0.body_file reads /etc/hostname (files)" in said
    tls = HEAD + HTTP + 'tls = { ca_file = "/etc/ssl/ca.pem" }\n'
    assert "load.tls.ca_file" in str(refusal(written(tmp_path, tls)))
    build = HEAD.replace('image = "shop:dev"', 'build = "../.."') + HTTP
    assert "service.build reads ../.." in str(refusal(written(tmp_path, build)))


STACK = """
services:
  api:
    image: shop-api
    env_file: [/home/runner/.aws/credentials]
  db:
    extends: {file: more.yaml, service: db}
"""
MORE = "services: {db: {image: db, env_file: ../../elsewhere.env}}\n"


def test_a_compose_file_is_asked_before_anything_of_it_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "compose.yaml").write_text(STACK)
    (tmp_path / "more.yaml").write_text(MORE)
    merged = {"services": {"api": {"image": "shop-api", "privileged": True}, "db": {}}}
    monkeypatch.setattr(powers, "read_enabled", lambda _files, _tested: StackReading(merged))
    of_stack = HEAD.replace('image = "shop:dev"', 'compose = "compose.yaml"\nservice = "api"')
    path = written(tmp_path, of_stack + HTTP)
    error = refusal(path)
    assert error is not None
    file = tmp_path / "compose.yaml"
    assert f"{file}: services.api.env_file reads /home/runner/.aws/credentials" in error.message
    assert "services.db.env_file reads ../../elsewhere.env (files)" in error.message
    # What compose would say of such a file may hold its lines: it has not been asked.
    assert "privileged" not in error.message
    error = refusal(path, "files")
    assert error is not None
    assert f"{file}: services.api.privileged runs with all privileges (privileged)" in error.message
    assert refusal(path, "files privileged") is None
    assert refusal(path, environment={}) is None


def test_compose_is_not_asked_to_read_what_is_not_allowed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(_files: object, _tested: object) -> StackReading:
        raise AssertionError("compose was asked")

    monkeypatch.setattr(powers, "read_enabled", never)
    (tmp_path / "compose.yaml").write_text("services: {api: {image: shop-api}}\n")
    (tmp_path / ".env").symlink_to("/etc/hostname")
    of_stack = HEAD.replace('image = "shop:dev"', 'compose = "compose.yaml"\nservice = "api"')
    error = refusal(written(tmp_path, of_stack + HTTP))
    assert error is not None
    assert f".env reads {tmp_path}/.env (files)" in error.message


def test_a_network_that_a_stack_shares_is_others_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    merged = {"services": {"api": {"image": "shop-api"}}, "networks": {"proxy": {"external": True}}}
    monkeypatch.setattr(powers, "read_enabled", lambda _files, _tested: StackReading(merged))
    (tmp_path / "compose.yaml").write_text("services: {api: {image: shop-api}}\n")
    of_stack = HEAD.replace('image = "shop:dev"', 'compose = "compose.yaml"\nservice = "api"')
    assert refusal(written(tmp_path, of_stack + HTTP)) is None
    path = written(tmp_path, of_stack + 'shared = ["networks.proxy", "volumes.media"]\n' + HTTP)
    error = refusal(path)
    assert error is not None
    assert "service.shared joins networks.proxy (host-namespaces)" in error.message
    assert "media" not in error.message
    assert refusal(path, "host-namespaces") is None


def test_the_command_ends_with_2_before_it_looks_for_docker(tmp_path: Path) -> None:
    path = written(tmp_path, HEAD + COMMAND)
    variables = {"PATH": "/nowhere", "PYTHONPATH": str(GATE), "DOCKER_HOST": "tcp://192.0.2.1:1"}
    program = [sys.executable, "-m", "socklat_gate"]
    for command in ("gate", "run", "capacity", "calibrate"):
        done = subprocess.run(
            [*program, command, str(path), "--out", str(tmp_path / "out")],
            env={**variables, **PULL_REQUEST, "SOCKLAT_ALLOW": ""},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 2, done.stderr
        assert "[not_allowed]" in done.stderr
        assert "load.command.argv runs wrk (commands)" in done.stderr


def test_words_are_checked() -> None:
    assert powers_in(" commands,mounts\nfiles ") == {Power.COMMANDS, Power.MOUNTS, Power.FILES}
    assert powers_in("") == frozenset()
    with pytest.raises(UsageError, match="did you mean 'privileged'") as caught:
        powers_in("priviledged")
    assert caught.value.reason is Reason.BAD_ARGUMENT
    with pytest.raises(UsageError, match="known are: commands, mounts"):
        powers_in("all")
