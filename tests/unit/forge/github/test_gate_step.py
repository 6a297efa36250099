"""Running the gate as a step, with commands that do what a gate may do."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import pytest

from socklat_gate.errors import Interrupted, UsageError
from socklat_gate.forge.github.gate_step import (
    TAIL_LINES,
    Gate,
    built_image,
    child_environment,
    run_gate,
)
from socklat_gate.forge.github.runner import Runner
from socklat_gate.forge.github.sudo import carry
from socklat_gate.interrupt import interruptible
from tests.unit.forge.github.runner_files import commands_in, outputs_of
from tests.unit.load.load_waiting import wait_until

SHELL = "/bin/sh"


def runner_in(directory: Path) -> Runner:
    return Runner(io.StringIO(), directory / "output", None)


def run(directory: Path, script: str, runner: Runner | None = None) -> tuple[int, str, str]:
    """Exit code, log, and the end of the output that was kept."""
    runner = runner or runner_in(directory)
    path = directory / "gate"
    path.write_text(f"#!{SHELL}\n{script}\n")
    path.chmod(0o755)
    gate = Gate((str(path),), ("socklat.toml", "--out", "x"), directory / "out", sudo=False)
    exit_code = run_gate(runner, gate, {**os.environ, "RUNNER_TEMP": str(directory)})
    outputs = outputs_of(directory / "output")
    assert outputs["exit-code"] == str(exit_code)
    assert isinstance(runner.log, io.StringIO)
    return exit_code, runner.log.getvalue(), Path(outputs["log"]).read_text()


@pytest.mark.parametrize("code", [0, 1, 2, 4, 5, 6, 70])
def test_the_exit_code_is_an_output(tmp_path: Path, code: int) -> None:
    assert run(tmp_path, f"exit {code}")[0] == code


def test_the_arguments_are_those_of_gate(tmp_path: Path) -> None:
    assert "gate socklat.toml --out x\n" in run(tmp_path, 'echo "$@"')[1]


def test_both_streams_are_in_the_log_and_command_nothing(tmp_path: Path) -> None:
    script = 'echo "::error::out"; echo "::error::err" >&2; printf "no end"'
    _, log, tail = run(tmp_path, script)
    assert [c.name for c in commands_in(log)] == ["group", "stop-commands", "endgroup"]
    assert tail == "::error::out\n::error::err\nno end"


def test_doctor_speaks_when_the_machine_cannot_measure(tmp_path: Path) -> None:
    _, log, tail = run(tmp_path, 'echo "I am $1"; [ "$1" = doctor ] || exit 3')
    assert log.index("I am gate") < log.index("I am doctor")
    assert tail == "I am gate"


def test_the_end_of_the_output_is_kept_within_bounds(tmp_path: Path) -> None:
    script = 'i=0; while [ $i -lt 200 ]; do echo line $i; i=$((i+1)); done; printf "%09000d" 0'
    _, log, tail = run(tmp_path, script)
    assert "line 0\n" in log
    assert tail.splitlines()[0] == f"line {200 - TAIL_LINES + 1}"
    assert len(tail) < 5000


def test_a_line_without_end_takes_no_memory_for_itself(tmp_path: Path) -> None:
    _, log, tail = run(tmp_path, "head -c 3000000 /dev/zero | tr '\\0' x")
    assert log.count("x") >= 3_000_000
    assert max(map(len, log.splitlines())) <= 1 << 16
    assert len(tail) < 100_000


def test_a_gate_that_was_killed(tmp_path: Path) -> None:
    assert run(tmp_path, "kill -9 $$")[0] == 137


def test_a_command_that_cannot_be_run(tmp_path: Path) -> None:
    runner = runner_in(tmp_path)
    gate = Gate((str(tmp_path / "none"),), (), tmp_path, sudo=False)
    assert run_gate(runner, gate, {"RUNNER_TEMP": str(tmp_path)}) == 2
    assert "cannot run" in Path(outputs_of(tmp_path / "output")["log"]).read_text()


def test_a_signal_reaches_the_gate_whose_end_is_waited_for(tmp_path: Path) -> None:
    script = 'trap "echo cleaning up; exit 130" INT; echo ready; while :; do sleep 0.05; done'
    main = os.getpid()

    class Log(io.StringIO):
        def write(self, text: str) -> int:
            if text == "ready\n":
                threading.Timer(0.05, os.kill, (main, signal.SIGINT)).start()
            return super().write(text)

    runner = Runner(Log(), tmp_path / "output", None)
    with pytest.raises(Interrupted), interruptible():
        run(tmp_path, script, runner)
    assert outputs_of(tmp_path / "output")["exit-code"] == "130"
    assert isinstance(runner.log, io.StringIO)
    assert "cleaning up" in runner.log.getvalue()


def test_the_child_can_neither_speak_for_the_step_nor_to_github() -> None:
    given = {
        "PATH": "/bin",
        "GITHUB_SHA": "a",
        "GITHUB_TOKEN": "secret",
        "GH_TOKEN": "secret",
        "ACTIONS_RUNTIME_TOKEN": "secret",
        "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "secret",
        "INPUT_TOKEN": "secret",
        "SOCKLAT_ACTION_OPTIONS": "x",
        "SOCKLAT_CACHE": "kept",
        **dict.fromkeys(
            ("GITHUB_OUTPUT", "GITHUB_ENV", "GITHUB_PATH", "GITHUB_STEP_SUMMARY"), "/file"
        ),
    }
    assert child_environment(given) == {
        "PATH": "/bin",
        "GITHUB_SHA": "a",
        "SOCKLAT_CACHE": "kept",
    }


def test_sudo_keeps_what_a_gate_looks_at() -> None:
    usual = [
        *("PATH", "HOME", "DOCKER_CONFIG", "DOCKER_HOST", "COMPOSE_PROFILES", "COMPOSE_FILE"),
        *("DOCKER_AUTH_CONFIG", "AZURE_STORAGE_KEY", "GOOGLE_APPLICATION_CREDENTIALS"),
        *("HTTPS_PROXY", "http_proxy", "no_proxy", "ALL_PROXY", "SSL_CERT_FILE", "XDG_RUNTIME_DIR"),
        *("GITHUB_SHA", "RUNNER_TEMP", "AWS_SECRET_ACCESS_KEY", "BUILDX_BUILDER", "TZ", "LC_ALL"),
    ]
    secret = ["GITHUB_PAT", "DOCKER_PASSWORD", "RUNNER_TOKEN", "GITHUB_TOKEN", "GH_TOKEN"]
    other = ["LD_PRELOAD", "PYTHONPATH", "ACTIONS_RUNTIME_TOKEN", "INPUT_TOKEN", "MAIL"]
    given = dict.fromkeys([*usual, *secret, *other], "x")
    assert list(carry(given, ()).kept) == sorted(usual)
    assert carry({"MAIL": "x"}, ()).prefix == ("sudo", "-n")
    # By name also PATH is kept where sudo has a `secure_path`, and by `--preserve-env` alone not.
    assert carry({"TZ": "x", "PATH": "y"}, ()).prefix == ("sudo", "-n", "--preserve-env=PATH,TZ")


def test_sudo_keeps_what_scenario_and_compose_files_name_and_no_token() -> None:
    given = dict.fromkeys(("TAG", "DB_PASSWORD", "DOCKER_PASSWORD", "GITHUB_TOKEN", "OTHER"), "x")
    carried = carry(given, ("TAG", "DB_PASSWORD", "DOCKER_PASSWORD", "GITHUB_TOKEN", "UNSET"))
    assert carried.kept == ("DB_PASSWORD", "DOCKER_PASSWORD", "TAG")
    assert "DB_PASSWORD, DOCKER_PASSWORD, TAG" in carried.line


def test_under_sudo_the_reports_go_to_who_asked(tmp_path: Path) -> None:
    """With a sudo that writes down what it is asked, since tests must not need the real one."""
    log, out = tmp_path / "calls", tmp_path / "out"
    out.mkdir()
    fake = tmp_path / "sudo"
    fake.write_text(f'#!{SHELL}\nprintf "%s\\n" "$*" >>{log}\n')
    fake.chmod(0o755)
    gate = Gate(("socklat-gate",), ("s.toml",), out, sudo=True)
    variables = {"PATH": f"{tmp_path}:/bin:/usr/bin", "RUNNER_TEMP": str(tmp_path), "TAG": "1"}
    variables["LC_CTYPE"] = "C.UTF-8"  # else Python sets it itself
    code = (
        "import os, sys; from pathlib import Path; "
        "from socklat_gate.forge.github.gate_step import *; "
        "from socklat_gate.forge.github.runner import Runner; "
        f"g = Gate(('socklat-gate',), ('s.toml',), Path({str(out)!r}), True, ('TAG',)); "
        "run_gate(Runner(sys.stdout, None, None), g, os.environ)"
    )
    root = Path(__file__).resolve().parents[4] / "gate"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**variables, "PYTHONPATH": str(root)},
        check=True,
        capture_output=True,
        text=True,
    )
    assert gate.sudo
    assert "sudo: root's gate is given LC_CTYPE, PATH, RUNNER_TEMP, TAG\n" in done.stdout
    asked = log.read_text().splitlines()
    kept = "LC_CTYPE,PATH,RUNNER_TEMP,SOCKLAT_LIFELINE,TAG"
    assert asked[0] == f"-n --preserve-env={kept} socklat-gate gate s.toml"
    assert asked[1] == f"-n chown -R {os.getuid()}:{os.getgid()} {out}"


GATE_OF_ROOT = """
import os, sys, time
from socklat_gate.errors import Interrupted
from socklat_gate.interrupt import follow_lifeline, interruptible
try:
    with interruptible():
        follow_lifeline()
        print("ready", flush=True)
        time.sleep(60)
except Interrupted as stop:
    with open(sys.argv[1], "w") as file:
        file.write(str(int(stop.exit_code)))
    sys.exit(stop.exit_code)
"""
STEP = """
import os, sys
from pathlib import Path
from socklat_gate.errors import Interrupted
from socklat_gate.forge.github.gate_step import Gate, run_gate
from socklat_gate.forge.github.runner import Runner
from socklat_gate.interrupt import interruptible
try:
    with interruptible():
        command = (sys.executable, "-c", sys.argv[1], sys.argv[2])
        gate = Gate(command, (), Path("out"), True)
        run_gate(Runner(sys.stdout, Path(sys.argv[3]), None), gate, os.environ)
except Interrupted as stop:
    sys.exit(stop.exit_code)
"""


@pytest.mark.parametrize(
    ("number", "code"),
    [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGKILL, 143)],
)
def test_a_cancel_reaches_what_runs_as_root(
    tmp_path: Path, number: signal.Signals, code: int
) -> None:
    """By a sudo that no signal gets past: the real one cannot be sent any by who called it."""
    fake = tmp_path / "sudo"
    fake.write_text(
        f"#!{SHELL}\ntrap '' INT TERM HUP\nexec 3<&0\nshift 2\nsetsid \"$@\" <&3 &\nwait $!\n"
    )
    fake.chmod(0o755)
    root = Path(__file__).resolve().parents[4] / "gate"
    ended, output = tmp_path / "ended", tmp_path / "output"
    output.touch()
    step = subprocess.Popen(
        [sys.executable, "-c", STEP, GATE_OF_ROOT, str(ended), str(output)],
        env={**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}", "PYTHONPATH": str(root)},
        stdout=subprocess.PIPE,
        text=True,
        cwd=tmp_path,
    )
    try:
        assert step.stdout is not None
        while "ready" not in step.stdout.readline():
            assert step.poll() is None
        step.send_signal(number)
        wait_until(lambda: ended.exists() and bool(ended.read_text()), within_s=5)
        assert ended.read_text() == str(code)
        step.communicate(timeout=10)
    finally:
        step.kill()
        step.wait()
    if number is not signal.SIGKILL:
        assert step.returncode == code
        assert outputs_of(output)["exit-code"] == str(code)


def test_a_build_that_is_interrupted_is_no_build_that_failed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    docker = tmp_path / "docker"
    docker.write_text(f"#!{SHELL}\nkill -INT {os.getpid()}; sleep 0.2; exit 130\n")
    docker.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    with (
        pytest.raises(Interrupted),
        interruptible(),
        built_image(runner_in(tmp_path), tmp_path),
    ):
        pass


@pytest.mark.parametrize("there", [True, False])
def test_an_image_that_cannot_be_built(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, there: bool
) -> None:
    if there:
        (tmp_path / "docker").write_text(f"#!{SHELL}\necho no Dockerfile; exit 5\n")
        (tmp_path / "docker").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    code = 5 if there else 127
    with (
        pytest.raises(UsageError, match=f"exit code {code}"),
        built_image(runner_in(tmp_path), tmp_path),
    ):
        pass


def test_an_image_that_was_built_is_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = tmp_path / "calls"
    (tmp_path / "docker").write_text(f'#!{SHELL}\n[ "$2" = --help ] || echo "$@" >>{calls}\n')
    (tmp_path / "docker").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    runner = runner_in(tmp_path)
    with pytest.raises(RuntimeError), built_image(runner, tmp_path) as tag:  # noqa: PT012
        assert calls.read_text() == f"build --tag {tag} {tmp_path}\n"
        raise RuntimeError
    assert calls.read_text().splitlines()[1] == f"image rm {tag}"


@pytest.mark.parametrize(
    ("help_", "given", "asked"),
    [
        ("echo '  --secret stringArray'", None, "1"),
        ("echo '  --tag list'", None, ""),
        ("echo 'BuildKit is enabled but the buildx component is missing' >&2; exit 1", None, ""),
        ("echo '  --secret stringArray'", "0", "0"),
    ],
)
def test_it_is_built_by_buildkit_where_the_command_has_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, help_: str, given: str | None, asked: str
) -> None:
    seen = tmp_path / "seen"
    (tmp_path / "docker").write_text(
        f'#!{SHELL}\nif [ "$2" = --help ]; then {help_}; exit; fi\n'
        f'echo "$1:$DOCKER_BUILDKIT:$BUILDX_NO_DEFAULT_ATTESTATIONS" >>{seen}\n'
    )
    (tmp_path / "docker").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("DOCKER_BUILDKIT", raising=False)
    if given is not None:
        monkeypatch.setenv("DOCKER_BUILDKIT", given)
    with built_image(runner_in(tmp_path), tmp_path):
        pass
    assert seen.read_text().splitlines()[0] == f"build:{asked}:1"


def test_what_a_build_shows_of_its_arguments_is_masked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of which the job's own token is none: it is not given to the build either."""
    (tmp_path / "docker").write_text(f'#!{SHELL}\necho "#7 RUN npm ci --token=$NPM_TOKEN"\n')
    (tmp_path / "docker").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("NPM_TOKEN", "npm_canary5bd1e8c7")
    runner = runner_in(tmp_path)
    with built_image(runner, tmp_path):
        pass
    assert isinstance(runner.log, io.StringIO)
    assert "#7 RUN npm ci --token=***" in runner.log.getvalue()
    assert "canary" not in runner.log.getvalue()


@pytest.mark.parametrize("follows", [True, False])
def test_without_the_runners_directory_the_log_lies_beside_its_files_or_nowhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, follows: bool
) -> None:
    shared, own = tmp_path / "shared", tmp_path / "own"
    for directory in (shared, own):
        directory.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(shared))
    runner = Runner(io.StringIO(), own / "output" if follows else None, None)
    gate = Gate((str(tmp_path / "none"),), (), tmp_path, sudo=False)
    assert run_gate(runner, gate, {}) == 2
    assert list(shared.iterdir()) == []
    logs = list(own.glob("*.log"))
    assert [outputs_of(own / "output")["log"]] == [str(logs[0])] if follows else not logs


def test_what_others_wrote_stays_in_the_log(tmp_path: Path) -> None:
    script = "echo 'error: it died'; for n in $(seq 60); do echo \"| theirs $n\"; done; exit 6"
    _, log, tail = run(tmp_path, script)
    assert "| theirs 60\n" in log
    assert tail == "error: it died"


def test_what_looks_secret_is_masked_in_log_and_tail(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DB_PASSWORD", "canary5bd1e8c7a2f4096")
    _, log, tail = run(tmp_path, 'echo "password is $DB_PASSWORD"')
    assert "password is ***\n" in log
    assert "password is ***" in tail
