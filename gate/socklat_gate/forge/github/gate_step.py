"""Run the gate as a step does: its output is untrusted, and its end is an output.

The gate runs as a process of its own, without the runner's command files and without any token:
what it starts may be a pull request's code.
"""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import subprocess
import tempfile
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from socklat_gate import masking
from socklat_gate.errors import Exit, Interrupted, Reason, UsageError
from socklat_gate.forge.finding import MAX_TAIL_BYTES
from socklat_gate.forge.github.runner import Runner
from socklat_gate.forge.github.sudo import carry, hidden
from socklat_gate.interrupt import LIFELINE, STOP_BYTES, obey_signal
from socklat_gate.wording.sanitise import FOREIGN

__all__ = ["Gate", "built_image", "child_environment", "run_gate"]

TAIL_LINES = 40
MAX_LINE = 1500
PIECE = 1 << 16
HELP_WITHIN_S = 20.0


@dataclass(frozen=True, slots=True)
class Gate:
    """What to run: ``command`` is how socklat-gate is called, ``arguments`` follow ``gate``.

    ``variables`` are those that the scenario and its compose files name, which sudo would drop.
    """

    command: tuple[str, ...]
    arguments: tuple[str, ...]
    out: Path
    sudo: bool
    variables: tuple[str, ...] = ()


def run_gate(runner: Runner, gate: Gate, environment: Mapping[str, str]) -> int:
    """Run the gate; sets the outputs ``exit-code`` and ``log``, returns the exit code.

    The log is a file with the end of the output, where later steps can read it.

    A signal is passed on to the gate, whose end is waited for.  When this machine cannot measure,
    doctor says what to do.
    """
    child = {**child_environment(environment), LIFELINE: "stdin"}
    masking.suspect(environment)
    carried = carry(child, gate.variables)
    prefix = carried.prefix if gate.sudo else ()
    with runner.untrusted_output("socklat-gate gate"):
        if gate.sudo:
            _show(runner, carried.line, deque())
        command = [*prefix, *gate.command, "gate", *gate.arguments]
        exit_code, tail = _run(runner, command, child)
        if gate.sudo and gate.out.exists():
            # Whoever cleans the workspace up later is not root.
            owner = f"{os.getuid()}:{os.getgid()}"
            _run(runner, ["sudo", "-n", "chown", "-R", owner, str(gate.out)], child)
    runner.set_outputs({"exit-code": str(exit_code)})
    if directory := runner.directory_for_steps(environment):
        runner.set_outputs({"log": str(_save_tail(tail, directory))})
    if exit_code == Exit.UNFIT_ENVIRONMENT:
        with runner.untrusted_output("socklat-gate doctor"):
            _run(runner, [*prefix, *gate.command, "doctor"], child)
    return exit_code


def child_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment without what lets a process speak for this step or to GitHub."""
    return {name: value for name, value in environment.items() if not hidden(name)}


@contextmanager
def built_image(runner: Runner, directory: Path) -> Iterator[str]:
    """The image that a directory's Dockerfile makes, by a tag that is removed afterwards.

    Raises `UsageError` (NO_SUCH_IMAGE) when it cannot be built, and `Interrupted`.
    """
    masking.suspect(os.environ)
    docker = shutil.which("docker")
    tag = f"socklat-gate-candidate:{secrets.token_hex(6)}"
    environment = child_environment(os.environ)
    exit_code = 127
    if docker:
        environment |= _builder_variables(docker, environment)
        with runner.untrusted_output("docker build"):
            exit_code, _ = _run(
                runner, [docker, "build", "--tag", tag, str(directory)], environment
            )
    obey_signal()  # which is why it failed, then
    if exit_code != Exit.PASS or docker is None:
        raise UsageError(
            Reason.NO_SUCH_IMAGE,
            f"docker build {directory} failed with exit code {exit_code}",
            remedy="see its output above, or build the image in a step before and name it",
        )
    try:
        yield tag
    finally:
        with runner.untrusted_output("docker image rm"):
            _run(runner, [docker, "image", "rm", tag], environment)


def _builder_variables(docker: str, environment: Mapping[str, str]) -> dict[str, str]:
    """Those by which the command builds as the gate builds a baseline: with BuildKit if it has it.

    One that has not fails where it is asked for it.
    """
    # An attestation has the time in it: equal sources would be different images.
    plain = {"BUILDX_NO_DEFAULT_ATTESTATIONS": "1"}
    asked = {"DOCKER_BUILDKIT": "1", **environment}
    try:
        done = subprocess.run(
            [docker, "build", "--help"],
            env=asked,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=HELP_WITHIN_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return plain
    has_buildkit = done.returncode == 0 and b"--secret" in done.stdout
    return plain | ({"DOCKER_BUILDKIT": asked["DOCKER_BUILDKIT"]} if has_buildkit else {})


def _run(
    runner: Runner, command: Sequence[str], environment: Mapping[str, str]
) -> tuple[int, list[str]]:
    """Exit code and last lines of a command that shares this step's log.

    A signal is passed on, as such and by standard input: no signal reaches what runs as root.
    """
    tail: deque[str] = deque(maxlen=TAIL_LINES)
    try:
        # Both streams as one, so that no line gets past the end of the untrusted part.
        process = subprocess.Popen(
            command,
            env=dict(environment),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
    except OSError as error:
        _show(runner, f"error: cannot run {command[0]}: {error.strerror}", tail)
        return int(Exit.USAGE), list(tail)
    assert process.stdin is not None
    assert process.stdout is not None
    with process.stdout as output:
        try:
            _copy(runner, output, tail)
        except Interrupted as stop:
            number = signal.SIGTERM if stop.exit_code is Exit.SIGTERM else signal.SIGINT
            with suppress(ProcessLookupError, PermissionError):
                process.send_signal(number)
            with suppress(OSError):
                os.write(process.stdin.fileno(), STOP_BYTES[number])
            _copy(runner, output, tail)
        status = process.wait()
    process.stdin.close()
    return (128 - status if status < 0 else status), list(tail)


def _copy(runner: Runner, output: IO[bytes], tail: deque[str]) -> None:
    while piece := output.readline(PIECE):
        _show(runner, piece.decode("utf-8", "replace").rstrip("\r\n"), tail)


def _show(runner: Runner, line: str, tail: deque[str]) -> None:
    line = masking.mask_foreign(line)
    runner.log.write(line + "\n")
    runner.log.flush()
    # What containers and tools wrote is for the job's log alone.
    if not line.startswith(FOREIGN):
        tail.append(line[:MAX_LINE])


def _save_tail(tail: Sequence[str], directory: Path) -> Path:
    handle, name = tempfile.mkstemp(prefix="socklat-gate-", suffix=".log", dir=directory)
    with os.fdopen(handle, "wb") as file:
        file.write("\n".join(tail).encode("utf-8", "replace")[:MAX_TAIL_BYTES])
    return Path(name)
