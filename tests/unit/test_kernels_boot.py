"""``ci/vm/boot.sh`` around a process that is no machine: when it is given up, and why."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CONSOLE = (
    "@ 4 s: booted\r\n"
    "tests/conformance/test_a.py::test_one[kprobe] PASSED                      [ 50%]\r\n"
    "tests/conformance/test_a.py::test_two[kprobe] "
)
STUCK = "1 tests, last tests/conformance/test_a.py::test_two[kprobe]"


def watch(tmp_path: Path, process: str, settings: str) -> tuple[int, str, str]:
    """The status of `watch_machine` with a process beside it, what it said, and the problem."""
    console, problem = tmp_path / "console.log", tmp_path / "problem"
    console.write_bytes(CONSOLE.encode())
    script = f"""
        say() {{ printf '%s\\n' "$*" >&2; }}
        . ci/vm/boot.sh
        {settings}
        {process} &
        watch_machine $! "$1" "$2"
        status=$?
        kill $! 2>/dev/null
        exit $status
    """
    command = ["bash", "-c", script, "bash", str(console), str(problem)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    return done.returncode, done.stderr, problem.read_text("utf-8") if problem.exists() else ""


def test_a_machine_that_ends_is_no_problem(tmp_path: Path) -> None:
    assert watch(tmp_path, "true", "") == (0, "", "")


@pytest.mark.parametrize(
    ("setting", "what"),
    [
        ("BOOT_LIMIT_S=1", "did not finish within 1 s"),
        ("QUIET_LIMIT_S=1", "has said nothing for 1 s"),
    ],
)
def test_one_that_does_not_go_on_is_given_up_and_its_test_named(
    tmp_path: Path, setting: str, what: str
) -> None:
    status, _, problem = watch(tmp_path, "sleep 600", setting)
    assert (status, problem) == (1, f"the machine {what}: {STUCK}\n")


def test_progress_is_said_meanwhile(tmp_path: Path) -> None:
    _, said, _ = watch(tmp_path, "sleep 600", "BOOT_LIMIT_S=2 PROGRESS_S=1")
    assert said.splitlines()[0].endswith(f" s: {STUCK}")


def test_time_does_not_pass_for_a_machine_that_stands(tmp_path: Path) -> None:
    standing = tmp_path / "standing"
    standing.touch()
    settings = f"BOOT_LIMIT_S=3; (sleep 3; rm {standing}) &"
    assert watch(tmp_path, "sleep 4", settings) == (0, "", "")


def test_a_machine_runs_only_while_it_has_the_lock(tmp_path: Path) -> None:
    """Somebody else has it at first, and gets it again after the machine's turn."""
    standing, lock, log = (tmp_path / name for name in ("standing", "lock", "log"))
    script = f"""
        . ci/vm/boot.sh
        TURN_LOCK={lock} TURN_S=3
        once() {{
          for _ in {{1..400}}; do if eval "$1"; then return; fi; sleep 0.02; done
          return 1
        }}
        say_to_machine() {{ echo "$2" >>{log}; }}
        exec 7>{lock}
        flock 7
        sleep 600 &
        machine=$!
        take_turns $machine monitor {standing} 7>&- &
        once '[ -e {standing} ]' && sleep 0.2 && ! [ -e {log} ] && echo "stands" >>{log}
        flock -u 7
        once '! [ -e {standing} ]' && echo "runs" >>{log}
        flock 7
        echo "had" >>{log}
        kill $machine
        flock -u 7
        wait
    """
    subprocess.run(["bash", "-c", script], cwd=ROOT, check=True, capture_output=True)
    assert log.read_text("utf-8").split() == ["stands", "cont", "runs", "stop", "had"]
    assert not standing.exists()
