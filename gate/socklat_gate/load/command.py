"""Load by any other tool (pgbench, k6, h2load): one process an arm, both at the same time."""

from __future__ import annotations

import logging
import os
import re
import shlex
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import partial
from types import TracebackType
from typing import IO, Any

from socklat_gate.errors import InvalidMeasurement, Reason, UsageError
from socklat_gate.invoker import invoker
from socklat_gate.keeper import Keeper
from socklat_gate.load.cpuset import run_on_cpus
from socklat_gate.load.load_driver import (
    POLL_EVERY_S,
    Endpoint,
    Poll,
    Progress,
    Window,
    make_window,
)
from socklat_gate.load.no_proxy import without_proxy
from socklat_gate.load.secret_files import SecretFiles
from socklat_gate.load.tail import tail_of
from socklat_gate.measured.histogram import Histogram
from socklat_gate.measured.load_counts import LoadCounts
from socklat_gate.measured.pair import ARMS
from socklat_gate.scenario import Load
from socklat_gate.scenario.rate_steps import mean_rate
from socklat_gate.scenario.secret import reveal, shown

__all__ = ["CommandLoad"]

log = logging.getLogger(__name__)

CHECK_EVERY_S = 0.05
END_WITHIN_S = 2.0
_PLACEHOLDER = re.compile(r"\{(host|port|seed|rate|duration_s|connections|arm)\}")


class CommandLoad:
    """`LoadDriver` for ``command``: runs ``load.command.argv`` once an endpoint.

    The command finds ``SOCKLAT_HOST``, ``_PORT``, ``_SEED``, ``_RATE`` (requests per second of
    this arm), ``_DURATION_S`` (warm-up included), ``_CONNECTIONS`` and ``_ARM`` (``baseline``,
    ``candidate``, or ``single``) in its environment; ``{host}``, ``{port}`` and so on in argv are
    replaced by the same values, as they are in ``load.command.environment``.  A secret in argv
    becomes the path of a file in memory: command lines are for all to read.  Where its environment
    names a proxy, ``NO_PROXY`` and ``no_proxy`` have the host too.  The command must exit
    with one of ``load.command.ok_exit_codes``.  Commands run side by side from start to end: they
    cannot be interleaved, nor ended early or late.  Under sudo they run as the user who called it;
    whatever they started ends with this process, however that ends.  Raises `UsageError` for a CPU
    set that does not exist.
    """

    def __init__(self, load: Load, endpoints: Sequence[Endpoint], seed: int) -> None:
        assert load.command is not None, "the scenario checks that driver command has a command"
        self._load = load
        self._argv = load.command.argv
        self._environment = load.command.environment
        self._ok = frozenset(load.command.ok_exit_codes)
        self._endpoints = tuple(endpoints)
        self._seed = seed
        self._running: list[tuple[subprocess.Popen[bytes], IO[bytes]]] = []
        self._window: Window | None = None
        self._user = invoker()
        self._keeper = Keeper()

    def __enter__(self) -> CommandLoad:
        self._keeper.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        # Until the leader is reaped, no other process group or session can get its number.
        for process, _ in self._running:
            _signal_group(process, signal.SIGTERM)
        deadline_s = time.monotonic() + END_WITHIN_S
        while not all(map(_ended, self._processes)) and time.monotonic() < deadline_s:
            time.sleep(CHECK_EVERY_S)
        self._keeper.__exit__(kind, error, trace)
        for process, output in self._running:
            process.wait()
            output.close()
        self._running.clear()

    @property
    def _processes(self) -> list[subprocess.Popen[bytes]]:
        return [process for process, _ in self._running]

    def pids(self) -> tuple[int, ...]:
        """The commands, in the order of the endpoints."""
        return tuple(process.pid for process in self._processes)

    def connect(self) -> None:
        """Check that the command exists."""
        program = shown(self._argv[0])
        if shutil.which(program) is None:
            remedy = None
            if self._user is not None and "/" not in program:
                remedy = (
                    f"sudo gave this job a PATH of its own ({os.environ.get('PATH', '')}): name "
                    'the command by its path, or call `sudo --preserve-env env "PATH=$PATH" ...`'
                )
            raise self._failure(f"{program!r} was not found", "", remedy)

    def start(self, start_ns: int) -> Window:
        """Start the commands at ``start_ns`` (CLOCK_MONOTONIC), waiting until then."""
        time.sleep(max(0.0, (start_ns - time.monotonic_ns()) / 1e9))
        names: tuple[str, ...] = ("single",) if len(self._endpoints) == 1 else ARMS
        with run_on_cpus(self._load.cpuset):
            for name, endpoint in zip(names, self._endpoints, strict=True):
                self._spawn(self._values(name, endpoint))
        self._window = make_window(self._load, start_ns, self._load.duration_s)
        return self._window

    def end_at(self, end_ns: int) -> Window:  # noqa: ARG002 - the command knows its duration
        """The window stays what it is."""
        assert self._window is not None, "start comes before end_at"
        return self._window

    def wait(
        self,
        on_progress: Progress | None = None,  # noqa: ARG002 - the tool's progress is unknown
        poll: Poll | None = None,
    ) -> tuple[LoadCounts, ...]:
        """Wait for all commands; their counts are zeros, marked ``external``."""
        assert self._window is not None, "start comes before wait"
        deadline_s = self._window.to_ns / 1e9 + self._load.timeout_s
        polled_s = time.monotonic()
        while not self._all_done():
            now_s = time.monotonic()
            if now_s > deadline_s:
                late = next(output for process, output in self._running if not _ended(process))
                allowed_s = self._load.warmup_s + self._load.duration_s + self._load.timeout_s
                raise self._failure(f"still ran after {allowed_s:g} s", tail_of(late))
            if poll is not None and now_s - polled_s >= POLL_EVERY_S:
                polled_s = now_s
                poll()
            time.sleep(CHECK_EVERY_S)
        nothing = LoadCounts(0, 0, 0, 0, 0, 0, 0, 0, Histogram.empty(), external=True)
        return (nothing,) * len(self._endpoints)

    def sent(self) -> None:
        """Nobody knows what a command sent on which connection."""

    def _values(self, arm: str, endpoint: Endpoint) -> dict[str, str]:
        return {
            "host": endpoint.host,
            "port": str(endpoint.port),
            "seed": str(self._seed),
            "rate": f"{mean_rate(self._load):.15g}",
            "duration_s": f"{self._load.warmup_s + self._load.duration_s:.15g}",
            "connections": str(self._load.connections),
            "arm": arm,
        }

    def _spawn(self, values: Mapping[str, str]) -> None:
        output = tempfile.TemporaryFile()  # noqa: SIM115 - closed by __exit__
        as_user: dict[str, Any] = {}
        of_user: dict[str, str] = {}
        if self._user is not None:
            as_user = self._user.process_options()
            of_user = self._user.variables(os.environ)
            # Tools open /dev/stdout by its name as well.
            os.fchown(output.fileno(), self._user.uid, self._user.gid)
        fill = partial(_fill, values)
        own = {f"SOCKLAT_{name.upper()}": value for name, value in values.items()}
        try:
            given = {
                name: fill(text) if isinstance(text, str) else reveal(text)
                for name, text in self._environment.items()
            }
            with SecretFiles(self._argv) as files:
                argv = [
                    fill(item) if isinstance(item, str) else files.path_of(at)
                    for at, item in enumerate(self._argv)
                ]
                process = subprocess.Popen(
                    argv,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    env=without_proxy(
                        {**os.environ, **of_user, **given, **own, **self._keeper.environment},
                        values["host"],
                    ),
                    pass_fds=files.descriptors,
                    start_new_session=True,  # a session of its own, to be ended as a whole
                    **as_user,
                )
        except OSError as error:
            output.close()
            who = f" by {self._user.display_name}, who called sudo" if self._user else ""
            raise self._failure(f"could not be started{who}: {error.strerror}", "") from None
        except UsageError:
            output.close()
            raise
        self._running.append((process, output))
        self._keeper.keep(process.pid)
        log.info("load command %s started as process %d", argv[0], process.pid)

    def _all_done(self) -> bool:
        """Whether all commands ended well; raises when one did not."""
        for process, output in self._running:
            status = _status(process)
            if status is not None and status not in self._ok:
                how = f"exit code {status}" if status > 0 else f"signal {-status}"
                raise self._failure(f"ended with {how}", tail_of(output))
        return all(map(_ended, self._processes))

    def _failure(self, what: str, tail: str, remedy: str | None = None) -> InvalidMeasurement:
        codes = " or ".join(map(str, sorted(self._ok)))
        return InvalidMeasurement(
            Reason.LOAD_DRIVER_FAILED,
            f"load command {shlex.join(map(shown, self._argv))}: {what}",
            remedy=remedy
            or "run the command by hand with the SOCKLAT_ variables set; it must exit with "
            f"{codes} after SOCKLAT_DURATION_S seconds (name an exit code that says nothing "
            "against the load in load.command.ok_exit_codes)",
        ).with_log(tail)


def _fill(values: Mapping[str, str], text: str) -> str:
    """``text`` with the values; an IPv6 address gets the brackets that it has in a URL."""

    def value_of(match: re.Match[str]) -> str:
        value, rest = values[match[1]], text[match.end() :]
        in_url = rest.startswith(":") or text[: match.start()].endswith(("//", "@"))
        return f"[{value}]" if match[1] == "host" and ":" in value and in_url else value

    return _PLACEHOLDER.sub(value_of, text)


def _status(process: subprocess.Popen[bytes]) -> int | None:
    """Exit code, minus the signal's number, or None while it runs; leaves the zombie be."""
    result = os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    if result is None:
        return None
    return result.si_status if result.si_code == os.CLD_EXITED else -result.si_status


def _ended(process: subprocess.Popen[bytes]) -> bool:
    return _status(process) is not None


def _signal_group(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, number)
