"""Running the gate as a step, with commands that do what a gate may do."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
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
    sudo_prefix,
)
from socklat_gate.forge.github.runner import Runner
from socklat_gate.interrupt import interruptible
from tests.unit.forge.github.runner_files import commands_in, outputs_of

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
    given = {"PATH": "/bin", "GITHUB_SHA": "a", "DOCKER_HOST": "x", "LD_PRELOAD": "y"}
    assert sudo_prefix(given) == ("sudo", "-n", "--preserve-env=DOCKER_HOST,GITHUB_SHA")
    assert sudo_prefix({"PATH": "/bin"}) == ("sudo", "-n")


def test_under_sudo_the_reports_go_to_who_asked(tmp_path: Path) -> None:
    """With a sudo that writes down what it is asked, since tests must not need the real one."""
    log, out = tmp_path / "calls", tmp_path / "out"
    out.mkdir()
    fake = tmp_path / "sudo"
    fake.write_text(f'#!{SHELL}\nprintf "%s\\n" "$*" >>{log}\n')
    fake.chmod(0o755)
    gate = Gate(("socklat-gate",), ("s.toml",), out, sudo=True)
    variables = {"PATH": f"{tmp_path}:/bin:/usr/bin", "RUNNER_TEMP": str(tmp_path)}
    code = (
        "import os, sys; from pathlib import Path; "
        "from socklat_gate.forge.github.gate_step import *; "
        "from socklat_gate.forge.github.runner import Runner; "
        f"g = Gate(('socklat-gate',), ('s.toml',), Path({str(out)!r}), True); "
        "run_gate(Runner(sys.stdout, None, None), g, os.environ)"
    )
    root = Path(__file__).resolve().parents[4] / "gate"
    subprocess.run(
        [sys.executable, "-c", code], env={**variables, "PYTHONPATH": str(root)}, check=True
    )
    assert gate.sudo
    asked = log.read_text().splitlines()
    assert asked[0] == "-n --preserve-env=RUNNER_TEMP socklat-gate gate s.toml"
    assert asked[1] == f"-n chown -R {os.getuid()}:{os.getgid()} {out}"


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
    (tmp_path / "docker").write_text(f'#!{SHELL}\necho "$@" >>{calls}\n')
    (tmp_path / "docker").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    runner = runner_in(tmp_path)
    with pytest.raises(RuntimeError), built_image(runner, tmp_path) as tag:  # noqa: PT012
        assert calls.read_text() == f"build --tag {tag} {tmp_path}\n"
        raise RuntimeError
    assert calls.read_text().splitlines()[1] == f"image rm {tag}"


def test_sudo_keeps_what_the_scenario_names() -> None:
    given = {"PATH": "/bin", "API_TOKEN": "a", "OTHER": "b"}
    assert sudo_prefix(given, ("API_TOKEN", "UNSET")) == ("sudo", "-n", "--preserve-env=API_TOKEN")


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
