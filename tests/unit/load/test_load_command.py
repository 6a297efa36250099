from __future__ import annotations

import json
import os
import pwd
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from socklat_gate.errors import InvalidMeasurement, Reason
from socklat_gate.load.command import CommandLoad
from socklat_gate.load.process import Endpoint, LoadProcess, make_load
from socklat_gate.scenario import Command, Load
from socklat_gate.scenario.secret import SecretRef
from tests.unit.load.load_waiting import gone, wait_until

ROOT = Path(__file__).resolve().parents[3]
ENDPOINTS = (Endpoint("10.0.0.1", 6379), Endpoint("10.0.0.2", 6379))


def command_load(*argv, ok_exit_codes=(0,), **options):
    settings = {"rate": 250.0, "duration_s": 1.5, "warmup_s": 0.5, "timeout_s": 5.0, **options}
    command = Command(argv=list(argv), ok_exit_codes=list(ok_exit_codes))
    return Load(driver="command", command=command, **settings)


def python(code, *args, **options):
    return command_load(sys.executable, "-c", code, *args, **options)


def run(load, endpoints=ENDPOINTS, **options):
    with CommandLoad(load, endpoints, 42) as driver:
        driver.connect()
        driver.start(time.monotonic_ns())
        return driver.wait(**options)


def test_each_endpoint_gets_its_command_with_arguments_and_environment(tmp_path, monkeypatch):
    for name in [name for name in os.environ if name.startswith("SOCKLAT_")]:
        monkeypatch.delenv(name)  # of the test run itself
    code = (
        "import json, os, sys; name = os.environ['SOCKLAT_ARM'];"
        "own = {k: v for k, v in os.environ.items() if k.startswith('SOCKLAT')};"
        "json.dump([sys.argv[2:], own], open(f'{sys.argv[1]}/{name}', 'w'))"
    )
    words = ["{host}:{port}", "{seed}/{rate}", '{"d": {duration_s}}', "{connections}", "{other}"]
    counts = run(python(code, str(tmp_path), *words))
    for arm, host in (("baseline", "10.0.0.1"), ("candidate", "10.0.0.2")):
        argv, environment = json.loads((tmp_path / arm).read_text())
        assert argv == [f"{host}:6379", "42/250", '{"d": 2}', "32", "{other}"]
        assert environment == {
            "SOCKLAT_HOST": host,
            "SOCKLAT_PORT": "6379",
            "SOCKLAT_SEED": "42",
            "SOCKLAT_RATE": "250",
            "SOCKLAT_DURATION_S": "2",
            "SOCKLAT_CONNECTIONS": "32",
            "SOCKLAT_ARM": arm,
        }
    assert [(count.external, count.planned, count.sent) for count in counts] == [(True, 0, 0)] * 2


def test_both_commands_run_at_the_same_time(tmp_path):
    # Each ends only once it sees the other: one after the other would never finish.
    code = (
        "import os, pathlib, sys, time; me = os.environ['SOCKLAT_ARM'];"
        "here = pathlib.Path(sys.argv[1]); (here / me).touch()\n"
        "while len(list(here.iterdir())) < 2: time.sleep(0.01)"
    )
    assert len(run(python(code, str(tmp_path)))) == 2


def test_one_endpoint_is_the_single_arm():
    code = "import os, sys; sys.exit(os.environ['SOCKLAT_ARM'] != 'single')"
    assert len(run(python(code), ENDPOINTS[:1])) == 1


def test_the_window_follows_the_start():
    load = python("pass")
    with CommandLoad(load, ENDPOINTS, 1) as driver:
        driver.connect()
        start_ns = time.monotonic_ns() + 50_000_000
        window = driver.start(start_ns)
        assert time.monotonic_ns() >= start_ns
    assert (window.from_ns - start_ns, window.to_ns - start_ns) == (500_000_000, 2_000_000_000)


@pytest.mark.parametrize(
    ("load", "words"),
    [
        (python("import sys; print('no such table'); sys.exit(3)"), "exit code 3.*no such table"),
        (python("import os; os.kill(os.getpid(), 9)"), "signal 9"),
        (python("import sys; sys.exit(3)", ok_exit_codes=(0, 99)), "exit code 3"),
        (python("import os; os.kill(os.getpid(), 9)", ok_exit_codes=(0, 9)), "signal 9"),
        (command_load("no-such-tool-anywhere", "{host}"), "'no-such-tool-anywhere' was not found"),
        (
            python(
                "import time; print('still busy', flush=True); time.sleep(60)",
                duration_s=0.5,
                warmup_s=0.0,
                timeout_s=0.5,
            ),
            "still ran after 1 s.*still busy",
        ),
    ],
)
def test_failures_show_the_last_lines(load, words):
    with pytest.raises(InvalidMeasurement) as caught:
        run(load)
    assert re.search(f"(?s){words}", f"{caught.value.message}\n{caught.value.log}")
    assert caught.value.reason is Reason.LOAD_DRIVER_FAILED
    assert "SOCKLAT_" in (caught.value.remedy or "")


def test_exit_codes_that_the_scenario_allows_are_no_failure():
    code = "import os, sys; sys.exit(99 if os.environ['SOCKLAT_ARM'] == 'candidate' else 0)"
    counts = run(python(code, ok_exit_codes=(0, 99)))
    assert [count.external for count in counts] == [True, True]
    with pytest.raises(InvalidMeasurement, match="exit code 99") as caught:
        run(python(code))
    assert "load.command.ok_exit_codes" in (caught.value.remedy or "")


def test_leaving_ends_the_whole_process_group(tmp_path):
    # The command ignores SIGTERM and has a child of its own, as shell wrappers do.
    code = (
        "import os, pathlib, signal, subprocess, sys, time;"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN);"
        "child = subprocess.Popen(['sleep', '60']);"
        "pathlib.Path(sys.argv[1], str(os.getpid())).write_text(str(child.pid)); time.sleep(60)"
    )

    def container_died():
        wait_until(lambda: [path.read_text() != "" for path in tmp_path.iterdir()] == [True] * 2)
        raise InvalidMeasurement(Reason.SERVICE_DIED, "the container ended")

    with pytest.raises(InvalidMeasurement, match="the container ended"):
        run(python(code, str(tmp_path)), poll=container_died)
    pids = [int(text) for path in tmp_path.iterdir() for text in (path.name, path.read_text())]
    assert len(pids) == 4
    wait_until(lambda: all(map(gone, pids)))


def test_a_background_child_that_outlives_its_command_is_ended_too(tmp_path):
    code = (
        "import subprocess, sys; child = subprocess.Popen(['sleep', '60']);"
        "open(sys.argv[1], 'w').write(str(child.pid))"
    )
    run(python(code, str(tmp_path / "pid")), ENDPOINTS[:1])
    pid = int((tmp_path / "pid").read_text())
    wait_until(lambda: gone(pid))


def test_the_driver_is_chosen_by_the_scenario():
    assert isinstance(make_load(python("pass"), ENDPOINTS, 1), CommandLoad)
    assert isinstance(make_load(Load(payload="x"), ENDPOINTS, 1), LoadProcess)


KILLED = """
import sys, time
from socklat_gate.load.command import CommandLoad
from socklat_gate.load.load_driver import Endpoint
from socklat_gate.scenario import Command, Load
from socklat_gate.scenario.secret import SecretRef
argv = ["timeout", "60", "sh", "-c", 'echo $$ >"$1"; sleep 60', "sh", sys.argv[1]]
load = Load(driver="command", command=Command(argv=argv), rate=250.0, duration_s=60.0)
with CommandLoad(load, (Endpoint("127.0.0.1", 1),), 1) as driver:
    driver.connect()
    driver.start(time.monotonic_ns())
    driver.wait()
"""


def test_a_killed_gate_takes_its_load_tool_along(tmp_path):
    file = tmp_path / "pid"
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "gate")}
    gate = subprocess.Popen([sys.executable, "-c", KILLED, str(file)], env=environment)
    try:
        wait_until(lambda: file.exists() and file.read_text().endswith("\n"))
        tool = int(file.read_text())
        assert not gone(tool)
        gate.kill()
        wait_until(lambda: gone(tool), within_s=5)
    finally:
        gate.kill()
        gate.wait()


def test_leaving_ends_what_went_into_a_group_of_its_own(tmp_path):
    script = 'timeout 60 sh -c \'echo $$ >"$1"; sleep 60\' sh "$1" & sleep 0.3'
    run(command_load("sh", "-c", script, "sh", str(tmp_path / "pid")), ENDPOINTS[:1])
    assert gone(int((tmp_path / "pid").read_text()))


@pytest.fixture
def called_by_nobody(monkeypatch):
    """As under a sudo of the user "nobody"."""
    if os.geteuid() != 0:
        pytest.skip("only root can become another user")
    user = pwd.getpwnam("nobody")
    monkeypatch.setenv("SUDO_UID", str(user.pw_uid))
    monkeypatch.setenv("SUDO_GID", str(user.pw_gid))
    monkeypatch.setenv("HOME", pwd.getpwuid(0).pw_dir)
    return user


def test_under_sudo_a_command_is_who_called_it(called_by_nobody):
    """Its output too, which tools open by its name; and a secret among its arguments."""
    code = (
        "import os, sys; open('/dev/stdout', 'w').write("
        "f'{os.getuid()} {os.getgid()} {os.environ[\"HOME\"]} {open(sys.argv[1]).read()}\\n');"
        "sys.exit(3)"
    )
    os.environ["SECRET_OF_TEST"] = "canary-0123456789"
    try:
        argv = ["python3", "-c", code, SecretRef(env="SECRET_OF_TEST")]
        load = Load(
            driver="command", command=Command(argv=argv), rate=1.0, duration_s=1.0, warmup_s=0.0
        )
        with pytest.raises(InvalidMeasurement) as caught:
            run(load, ENDPOINTS[:1])
    finally:
        del os.environ["SECRET_OF_TEST"]
    user = called_by_nobody
    assert f"{user.pw_uid} {user.pw_gid} {user.pw_dir} ***" in caught.value.log


def test_under_sudo_a_command_that_is_not_found_names_the_path(called_by_nobody):
    with pytest.raises(InvalidMeasurement, match="was not found") as caught:
        run(command_load("no-such-tool-anywhere"), ENDPOINTS[:1])
    assert 'env "PATH=$PATH"' in (caught.value.remedy or "")


def test_under_sudo_what_the_user_may_not_run_is_told(called_by_nobody, tmp_path):
    tool = tmp_path / "tool"
    tool.write_text("#!/bin/sh\n")
    tool.chmod(0o700)
    with pytest.raises(InvalidMeasurement, match="by nobody, who called sudo: Permission denied"):
        run(command_load(str(tool)), ENDPOINTS[:1])
