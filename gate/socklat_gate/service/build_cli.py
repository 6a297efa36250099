"""Builds by the ``docker build`` command, with BuildKit and what the user has set up for it."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import lru_cache

from socklat_gate.interrupt import defer_signals
from socklat_gate.keeper import Keeper
from socklat_gate.scenario.secret import reveal
from socklat_gate.service.build_order import BuildOrder, OnLine
from socklat_gate.service.build_user import build_user
from socklat_gate.service.client import daemon_url
from socklat_gate.service.daemon_address import command_environment, daemon_address

__all__ = ["SWITCHED_OFF", "CliBuilder", "cli_builder", "is_switched_off"]

ASK_WITHIN_S = 20.0
END_WITHIN_S = 5.0
MAX_LINE = 1 << 14
SWITCHED_OFF = "DOCKER_BUILDKIT=0 is set"
INSTALL = "install its buildx plugin (docker-buildx)"


class CliBuilder:
    """`Builder` by a ``docker`` command whose ``build`` has BuildKit; ``options`` are its own."""

    name = "BuildKit by `docker build`"
    lacks = ""
    takes_secrets = True

    def __init__(self, docker: str, options: str) -> None:
        self._docker = docker
        # A builder of the user's own leaves its image where no container can be made of it.
        self._load = ("--load",) if "--load" in options else ()

    @property
    def variables(self) -> dict[str, str]:
        """Those by which a command that calls ``docker`` builds with this one."""
        path = os.environ.get("PATH", os.defpath)
        return {
            "DOCKER_BUILDKIT": "1",
            "PATH": os.pathsep.join((os.path.dirname(self._docker), path)),
        }

    def build(self, order: BuildOrder, tag: str, on_line: OnLine) -> str:
        """See `Builder`."""
        secrets = {name: f"SOCKLAT_SECRET_{at}" for at, name in enumerate(order.how.secrets)}
        argv = [self._docker, "build", *self._load, "--progress=plain", "--tag", tag]
        argv += ["--file", str(order.dockerfile)]
        argv += ["--target", order.how.target] if order.how.target else []
        argv += ["--platform", order.how.platform] if order.how.platform else []
        cache = {"BUILDKIT_CACHE_MOUNT_NS": order.cache} if order.cache else {}
        for name, value in {**cache, **order.how.args}.items():
            argv += ["--build-arg", f"{name}={value}"]
        for name, variable in secrets.items():
            argv += ["--secret", f"id={name},env={variable}"]
        values = {secrets[name]: reveal(text) for name, text in order.how.secrets.items()}
        with _running([*argv, str(order.directory)], _environment(values)) as process:
            assert process.stdout is not None
            last = ""
            while data := process.stdout.readline(MAX_LINE):
                line = data.decode(errors="replace").rstrip()
                # What follows an error is where to read more of it.
                if line and not last.startswith("ERROR"):
                    last = line
                on_line(line)
            code = process.wait()
        return (last or f"docker build ended with exit code {code}") if code else ""


def cli_builder() -> tuple[CliBuilder | None, str]:
    """The builder of the first command that has BuildKit; or None and why there is none.

    One that a machine was given later may hide another one, and need not have as much.
    """
    if is_switched_off():
        return None, SWITCHED_OFF
    why_not = ""
    for docker in _commands():
        options, why = _options(docker, daemon_url())
        if "--secret" in options:
            return CliBuilder(docker, options), ""
        why_not = why_not or why or f"{docker} has no BuildKit: {INSTALL}"
    return None, why_not or "no `docker` command is installed here"


def is_switched_off() -> bool:
    """Whether the environment says that nothing is built with BuildKit."""
    return os.environ.get("DOCKER_BUILDKIT", "").lower() in ("0", "false")


def _commands() -> Iterator[str]:
    """Each ``docker`` on the PATH, the one that is called by its name first."""
    seen = set()
    for directory in os.environ.get("PATH", os.defpath).split(os.pathsep):
        found = shutil.which("docker", path=directory) if directory else None
        if found and (real := os.path.realpath(found)) not in seen:
            seen.add(real)
            yield found


@lru_cache(maxsize=4)
def _options(docker: str, _daemon: str) -> tuple[str, str]:
    """The help of ``build``, which has the options of its builder; or why there is none."""
    try:
        done = subprocess.run(
            [docker, "build", "--help"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            env=_environment({}),
            timeout=ASK_WITHIN_S,
            check=False,
            **build_user().options,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return "", f"{docker} build --help: {error}"
    text = done.stdout.decode(errors="replace")
    if done.returncode or "buildx component is missing" in done.stderr.decode(errors="replace"):
        return "", ""
    return text, ""


def _environment(values: Mapping[str, str]) -> dict[str, str]:
    """This process's, towards the same daemon, whatever context the command would choose."""
    kept = command_environment(os.environ)
    kept.pop("DOCKER_CONTEXT", None)
    of_builder = {
        "DOCKER_BUILDKIT": "1",
        "DOCKER_HOST": daemon_address().url,
        "DOCKER_CLI_HINTS": "false",
        # An attestation has the time in it: equal sources would be different images.
        "BUILDX_NO_DEFAULT_ATTESTATIONS": "1",
    }
    return {**kept, **build_user().variables, **of_builder, **values}


@contextmanager
def _running(argv: list[str], environment: Mapping[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    """A process that ends with the block: a build that nobody waits for must not go on."""
    with Keeper() as keeper:
        process = subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={**environment, **keeper.environment},
            # A signal meant for this tool must not look like a build that failed.
            start_new_session=True,
            **build_user().options,
        )
        keeper.keep(process.pid)
        assert process.stdout is not None
        try:
            yield process
        finally:
            with defer_signals(), process.stdout:
                if process.poll() is None:
                    _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
    try:
        process.wait(END_WITHIN_S)
    except subprocess.TimeoutExpired:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
