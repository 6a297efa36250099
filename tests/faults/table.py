"""The faults, and what must come of each of them."""

from __future__ import annotations

import os
import shutil
import signal
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

from tests.faults.bench import FAST_US, ROOT, Room
from tests.faults.proxy import Wrong
from tests.faults.trial import PHASES, Fault, Strike

__all__ = ["FAULTS", "SMOKE"]

MEASURING = ("start", "ready", "warm-up", "measure")
DOCKER = ("build", *MEASURING, "decide", "report")
GATE = DOCKER

ENDED = frozenset({1, 4, 6})
"""Whatever it is, it is a verdict on a candidate that is slower: never a pass."""
REFUSED = frozenset({2, 3, 6})
ANY = ENDED | REFUSED
CANCEL_S = 7.0

SHORT_WAIT = (
    {"in": "gate", "at": "socklat_gate.service.client:WORK_TIMEOUT_S", "to": 3},
    {"in": "gate", "at": "socklat_gate.service.patience:PATIENCE_S", "to": 6.0},
    {"in": "gate", "at": "socklat_gate.service.patience:ERROR_PATIENCE_S", "to": 3.0},
    {"in": "gate", "at": "socklat_gate.service.remove:GIVE_UP_S", "to": 3.0},
)
"""As long as it takes here; the gate waits a minute and more."""

SHORT_GRACE = {"in": "gate", "at": "socklat_gate.load.process:GRACE_S", "to": 3.0}


def _signal(number: int) -> Callable[[Strike], None]:
    return lambda at: at.kill(number)


def _paused(seconds: float) -> Callable[[Strike], None]:
    def strike(at: Strike) -> None:
        at.kill(signal.SIGSTOP)
        _later(seconds, lambda: at.kill(signal.SIGCONT))

    return strike


def _twice(number: int) -> Callable[[Strike], None]:
    def strike(at: Strike) -> None:
        at.kill(number)
        time.sleep(0.01)
        with suppress(ProcessLookupError):
            at.kill(number)

    return strike


def _wrong(*wrong: Wrong) -> Callable[[Strike], None]:
    def strike(at: Strike) -> None:
        assert at.proxy is not None
        at.proxy.wrong = [replace(one) for one in wrong]

    return strike


def _stopped(back_after_s: float = 0.0) -> Callable[[Strike], None]:
    def strike(at: Strike) -> None:
        assert at.proxy is not None
        if back_after_s:
            at.proxy.restart(back_after_s)
        else:
            at.proxy.stop()

    return strike


def _workers(number: int, again_s: float = 0.0) -> Callable[[Strike], None]:
    """A signal for the load workers; undone after a while where it is a stop."""

    def strike(at: Strike) -> None:
        found = at.workers()
        assert found, "there is no load worker"
        for pid in found:
            os.kill(pid, number)
        if again_s:
            _later(again_s, lambda: [os.kill(pid, signal.SIGCONT) for pid in found])

    return strike


def _slow_workers(at: Strike) -> None:
    found = at.workers()

    def toggle() -> None:
        with suppress(ProcessLookupError):
            for _ in range(40):
                for number in (signal.SIGSTOP, signal.SIGCONT):
                    for pid in found:
                        os.kill(pid, number)
                    time.sleep(0.05)

    threading.Thread(target=toggle, daemon=True).start()


def _containers(
    do: Callable[[Any, str], None], undo: Callable[[Any, str], None] | None = None
) -> Callable[[Strike], None]:
    """Somebody else does something to one of the containers, and undoes it 2 s later."""

    def strike(at: Strike) -> None:
        found = at.containers()
        assert found, "there is no container"
        do(at.client.api, found[0])
        if undo is not None:
            _later(2.0, lambda: undo(at.client.api, found[0]))

    return strike


def _disconnect(api: Any, container: str) -> None:
    networks = api.inspect_container(container)["NetworkSettings"]["Networks"]
    for name in networks:
        api.disconnect_container_from_network(container, name, force=True)


def _rmtree_out(at: Strike) -> None:
    shutil.rmtree(at.room.out)


def _file_for_out(at: Strike) -> None:
    shutil.rmtree(at.room.out)
    at.room.out.write_text("no directory")


def _directory_for_report(at: Strike) -> None:
    (at.room.out / "report.md").mkdir()


def _bpf_copy(*changes: tuple[str, str, str]) -> Callable[[Room], None]:
    """The probe's C files in the room, some of them changed."""

    def prepare(room: Room) -> None:
        shutil.copytree(ROOT / "bpf", room.directory / "bpf")
        for name, old, new in changes:
            path = room.directory / "bpf" / name
            text = path.read_text("utf-8")
            assert old in text, f"{name} has no {old!r}"
            path.write_text(text.replace(old, new, 1), "utf-8")

    return prepare


def _later(seconds: float, call: Callable[[], object]) -> None:
    def quietly() -> None:
        with suppress(Exception):  # what it was for has ended meanwhile
            call()

    timer = threading.Timer(seconds, quietly)
    timer.daemon = True
    timer.start()


def _raises(at: str, *raised: Any, in_: str = "gate", nth: int = 1, each: bool = False) -> Any:
    do = ["raise", *raised]
    return {"in": in_, "at": at, "nth": nth, "do": ["each", *do] if each else do}


OWN_BPF = {
    "in": "gate",
    "at": "socklat_gate.measured.bpf_layout:bpf_dir",
    "do": ["each", "path", "{room}/bpf"],
}


def _service(mode: str, says: str = "", **options: Any) -> list[Fault]:
    """A candidate as fast as the baseline that goes wrong: before it is ready, warm, or later."""
    found = []
    for phase, after in (("ready", 0), ("warm-up", 0), ("measure", 80)):
        words = ["--delay", str(FAST_US), "--mode", mode, "--after", str(after)]
        tables: dict[str, dict[str, Any]] = {"service": {}, "load": {"timeout_s": 1.0}}
        if phase == "ready":
            tables["service"]["ready"] = {"http": "/", "timeout_s": 3.0}
        if mode == "oom":
            tables["service"]["memory"] = "32m"
        candidate = Fault(
            f"service: {mode}",
            (phase,),
            ENDED,
            says,
            tables=tables,
            candidate=words,
            inside=[SHORT_GRACE],
            within_s=45.0,
            **options,
        )
        found.append(candidate)
    return found


def _tool(name: str, script: str, says: str, program: str = "python3", **options: Any) -> Fault:
    """A load command that does something wrong; ``script`` is of Python."""
    tables = {
        "load": {
            "driver": "command",
            "command": {"argv": [program, "-c", script]},
            "max_lag_ms": None,
            "max_late_ms": None,
            "max_duration_s": None,
            "timeout_s": 1.0,
        },
    }
    codes = options.pop("codes", ENDED)
    return Fault(f"load command: {name}", ("measure",), codes, says, tables=tables, **options)


LOADING = """
import http.client, os, time
end = time.monotonic() + float(os.environ["SOCKLAT_DURATION_S"])
one = http.client.HTTPConnection(os.environ["SOCKLAT_HOST"], int(os.environ["SOCKLAT_PORT"]))
while time.monotonic() < end:
    one.request("GET", "/"); one.getresponse().read()
"""

DAEMON: Mapping[str, tuple[Sequence[Wrong], frozenset[int], float]] = {
    "every request fails (500)": ([Wrong("status", value=500)], ANY, 60.0),
    "one request fails (500)": ([Wrong("status", value=500, times=1)], ANY, 60.0),
    "every request is refused (403)": ([Wrong("status", value=403)], ANY, 60.0),
    "every request waits 0.5 s": ([Wrong("delay", value=0.5)], ENDED, 60.0),
    "every connection is cut": ([Wrong("cut")], ANY, 60.0),
    "one connection is cut": ([Wrong("cut", times=1)], ANY, 60.0),
    "one response is lost": ([Wrong("lost", "POST", times=1)], ANY, 60.0),
    "one response is cut short": ([Wrong("truncate", value=150, times=1)], ANY, 60.0),
    "one response is garbage": ([Wrong("garbage", times=1)], ANY, 60.0),
    "every response is garbage": ([Wrong("garbage")], ANY, 60.0),
    "responses drip": ([Wrong("drip", "GET", value=0.0002)], ENDED, 90.0),
    "its disk is full": (
        [Wrong("status", "POST", 500, "write /var/lib/docker/x: no space left on device")],
        ANY,
        60.0,
    ),
    "removing fails": ([Wrong("status", "DELETE", 500, "device or resource busy")], ANY, 90.0),
}


def _daemon() -> list[Fault]:
    found = [
        Fault(
            f"daemon: {name}",
            DOCKER,
            codes,
            "docker|daemon" if 3 in codes else "",
            strike=_wrong(*wrong),
            inside=SHORT_WAIT,
            proxied=True,
            killed=True,
            within_s=within_s,
        )
        for name, (wrong, codes, within_s) in DAEMON.items()
    ]
    for name, strike in (("is stopped", _stopped()), ("restarts within 2 s", _stopped(2.0))):
        found.append(
            Fault(
                f"daemon: it {name}",
                DOCKER,
                ANY,
                "docker|daemon",
                strike=strike,
                inside=SHORT_WAIT,
                proxied=True,
                killed=True,
                within_s=60.0,
            )
        )
    hangs = Fault(
        "daemon: every request hangs",
        DOCKER,
        ANY,
        "docker|daemon|timed out",
        strike=_wrong(Wrong("hang")),
        inside=SHORT_WAIT,
        proxied=True,
        killed=True,
        within_s=90.0,
    )
    return [*found, hangs]


def _signals() -> list[Fault]:
    return [
        Fault("SIGKILL", PHASES, frozenset({-9}), strike=_signal(9), killed=True),
        Fault("SIGHUP", PHASES, frozenset({-1, 129}), strike=_signal(1), killed=True),
        *(
            Fault(
                name,
                PHASES,
                frozenset({code}),
                "interrupted",
                strike=strike,
                after_s=CANCEL_S,
            )
            for name, code, strike in (
                ("SIGINT", 130, _signal(2)),
                ("SIGTERM", 143, _signal(15)),
                ("SIGINT twice", 130, _twice(2)),
            )
        ),
        Fault("stopped for 3 s and continued", GATE, ENDED, strike=_paused(3.0)),
        Fault(
            "SIGINT while every request to the daemon waits 0.5 s",
            DOCKER,
            frozenset({130}),
            strike=lambda at: (_wrong(Wrong("delay", value=0.5))(at), at.kill(2)),
            proxied=True,
            after_s=CANCEL_S,
        ),
        Fault(
            "SIGTERM while every request to the daemon hangs",
            DOCKER,
            frozenset({143}),
            strike=lambda at: (_wrong(Wrong("hang"))(at), at.kill(15)),
            proxied=True,
            killed=True,
            after_s=CANCEL_S,
        ),
    ]


def _load() -> list[Fault]:
    driver = "load driver|driver"
    loaded = ("warm-up", "measure")
    return [
        Fault("load worker: SIGKILL", loaded, ENDED, driver, strike=_workers(9)),
        Fault(
            "load worker: stopped for good",
            loaded,
            ENDED,
            driver,
            strike=_workers(signal.SIGSTOP),
            inside=[SHORT_GRACE],
            within_s=40.0,
        ),
        Fault("load worker: stopped for 1 s", loaded, ENDED, strike=_workers(signal.SIGSTOP, 1.0)),
        Fault("load worker: half of its time stopped", loaded, ENDED, strike=_slow_workers),
        Fault(
            "load worker: killed at its start",
            ("warm-up",),
            ENDED,
            driver,
            inside=[{"in": "worker", "do": ["kill", 9]}],
        ),
        Fault(
            "load worker: writes to its stdout what is no message",
            ("warm-up",),
            ENDED,
            driver,
            inside=[{"in": "worker", "do": ["write", 1, "a library says hello\n"]}],
        ),
        Fault(
            "load worker: no memory",
            ("measure",),
            ENDED,
            driver,
            inside=[
                _raises("socklat_gate.load.driver:Driver.run", "MemoryError", in_="worker"),
            ],
        ),
        Fault(
            "load worker: cannot be started (EAGAIN)",
            ("warm-up",),
            REFUSED,
            inside=[
                _raises(
                    "socklat_gate.load.worker_client:WorkerClient.begin",
                    "OSError",
                    11,
                    "Resource temporarily unavailable",
                ),
            ],
        ),
        _tool("is not there", "", "not found", "no-such-load-tool"),
        _tool("fails", "import sys; print('no such host'); sys.exit(3)", "exit code 3"),
        _tool("kills itself", "import os; os.kill(os.getpid(), 9)", "signal 9"),
        _tool(
            "never ends, whatever it is told",
            "import signal, time\nsignal.signal(15, signal.SIG_IGN)\ntime.sleep(600)",
            "still ran",
        ),
        _tool(
            "leaves a child running",
            "import os, time\nif os.fork() == 0: time.sleep(600)\n" + LOADING,
            "",
            codes=ENDED,
        ),
        _tool("writes without end", "import sys\nwhile True: print('x' * 4096)", "still ran"),
        _tool(
            "runs while the gate is killed",
            LOADING + "\ntime.sleep(600)",
            "",
            codes=frozenset({-9}),
            strike=_signal(9),
            killed=True,
        ),
    ]


def _probe() -> list[Fault]:
    return [
        Fault(
            "probe: does not compile",
            ("start",),
            REFUSED,
            "compile",
            inside=[OWN_BPF],
            prepare=_bpf_copy(("layout.h", "#define AS_BYTES", "no C at all\n#define AS_BYTES")),
        ),
        Fault(
            "probe: BCC fails to load it",
            ("start",),
            REFUSED,
            "hook|probe",
            inside=[
                _raises(
                    "socklat_gate.probe.tracing:attach_tracepoint",
                    "socklat_gate.probe.tracing:Refused",
                    "Permission denied",
                    each=True,
                ),
                _raises(
                    "socklat_gate.probe.hook_parts:_link_raw_tracepoint",
                    "socklat_gate.probe.tracing:Refused",
                    "Permission denied",
                    each=True,
                ),
            ],
        ),
        Fault(
            "probe: no libbpf",
            ("start",),
            REFUSED,
            "libbpf",
            inside=[_raises("ctypes:CDLL.__init__", "OSError", 2, "no such library", each=True)],
        ),
        Fault(
            "probe: no BCC",
            ("start",),
            REFUSED,
            "bcc",
            inside=[
                {
                    "in": "gate",
                    "at": "socklat_gate.probe.binding:_places",
                    "do": ["each", "return", []],
                }
            ],
        ),
        Fault(
            "probe: map full",
            ("measure",),
            ENDED,
            "lost|max_connections|full",
            tables={"probe": {"max_connections": 2}},
        ),
        Fault(
            "probe: ring of exchanges overflows",
            ("measure",),
            ENDED,
            inside=[
                OWN_BPF,
                {
                    "in": "gate",
                    "at": "socklat_gate.probe.stall_reader:StallReader.drain",
                    "do": ["each", "sleep", 0.4],
                },
            ],
            prepare=_bpf_copy(("layout.h", "LOG_RING_PAGES 512", "LOG_RING_PAGES 1")),
            within_s=60.0,
        ),
        Fault(
            "probe: missed invocations",
            ("measure",),
            ENDED,
            inside=[
                {
                    "in": "gate",
                    "at": "socklat_gate.probe.programs:Programs.missed_by_event",
                    "nth": 2,
                    "do": ["each", "return", {"segment": 100_000}],
                }
            ],
            within_s=60.0,
        ),
        Fault(
            "probe: its maps cannot be read",
            ("measure",),
            REFUSED,
            "probe|kernel|bpf",
            inside=[
                _raises(
                    "socklat_gate.probe.tables:Tables.counters", "OSError", 5, "Input/output error"
                ),
            ],
        ),
        Fault(
            "probe: a window cannot be written",
            ("measure",),
            REFUSED,
            "probe|kernel|bpf",
            inside=[
                _raises(
                    "socklat_gate.probe.tables:Tables.set_window", "OSError", 1, "not permitted"
                ),
            ],
        ),
    ]


def _system() -> list[Fault]:
    no_space = {"SOCKLAT_WRITES_UNDER": "{room}/tmp", "SOCKLAT_WRITES_DO": "28"}
    read_only = {**no_space, "SOCKLAT_WRITES_DO": "30"}
    return [
        *(
            Fault(
                f"no space for temporary files from call {at} on",
                ("start",),
                ANY,
                env={**no_space, "SOCKLAT_WRITES_AT": str(at), "LD_PRELOAD": "{writes}"},
            )
            for at in (1, 3, 10, 30, 60)
        ),
        Fault(
            "temporary directory is read-only",
            ("start",),
            ANY,
            env={**read_only, "SOCKLAT_WRITES_AT": "1", "LD_PRELOAD": "{writes}"},
        ),
        Fault(
            "temporary directory is not there",
            ("start",),
            ANY,
            env={"TMPDIR": "{room}/nowhere", "TEMP": "", "TMP": ""},
        ),
        Fault("reports' directory is removed", DOCKER[2:], ENDED, strike=_rmtree_out),
        Fault(
            "reports' directory becomes a file",
            ("measure", "report"),
            frozenset({2}),
            "cannot write",
            strike=_file_for_out,
        ),
        Fault(
            "a directory has a report's name",
            ("measure", "report"),
            frozenset({2}),
            "directory",
            strike=_directory_for_report,
        ),
        Fault(
            "no descriptors left",
            MEASURING,
            ANY,
            do=["limit", "RLIMIT_NOFILE", 12],
            killed=True,
        ),
        Fault(
            "no threads can be started",
            ("ready",),
            ANY,
            inside=[
                _raises(
                    "threading:Thread.start",
                    "RuntimeError",
                    "can't start new thread",
                    nth=3,
                    each=True,
                )
            ],
        ),
        *(
            Fault(
                f"wall clock jumps by {by_s:+d} s",
                ("measure",),
                ENDED,
                inside=[{"in": "gate", "clock_s": by_s, "after_s": 2.0}],
            )
            for by_s in (86_400, -86_400, 3, -3)
        ),
        Fault(
            "stdout is full",
            ("report",),
            frozenset({1, 2}),
            "standard output",
            streams={"stdout": "/dev/full"},
        ),
        Fault("stderr is full", GATE[:1], ENDED, streams={"stderr": "/dev/full"}),
        Fault("stdout is closed", ("report",), ENDED | {2}, streams={"stdout": "closed"}),
        Fault("stderr is closed", ("report",), ENDED, streams={"stderr": "closed"}),
    ]


def _others() -> list[Fault]:
    """What others do to the containers meanwhile."""
    up = ("ready", "warm-up", "measure")
    return [
        Fault(
            "container paused for 2 s",
            up,
            ENDED,
            strike=_containers(_api("pause"), _api("unpause")),
        ),
        Fault(
            "container paused for good",
            up,
            ENDED,
            strike=_containers(_api("pause")),
            inside=[SHORT_GRACE],
            within_s=45.0,
        ),
        Fault("container killed", up, ENDED, "died|ended", strike=_containers(_api("kill"))),
        Fault(
            "container removed",
            up,
            ANY,
            strike=_containers(lambda api, one: api.remove_container(one, force=True)),
        ),
        Fault(
            "container restarted",
            up,
            ANY,
            strike=_containers(lambda api, one: api.restart(one, timeout=0)),
        ),
        Fault(
            "container loses its network",
            up,
            ENDED,
            strike=_containers(_disconnect),
            inside=[SHORT_GRACE],
            within_s=45.0,
        ),
    ]


def _api(name: str) -> Callable[[Any, str], None]:
    return lambda api, one: getattr(api, name)(one)


MODES = (
    "crash",
    "exit",
    "hang",
    "stopped",
    "oom",
    "spin",
    "garbage",
    "empty",
    "reset",
    "short",
    "drip",
    "header",
    "huge",
    "error",
    "other",
    "unlisten",
)

FAULTS: Sequence[Fault] = (
    *_load(),
    *_probe(),
    *_system(),
    *_others(),
    *(fault for mode in MODES for fault in _service(mode)),
    *_daemon(),
    *_signals(),
)

SMOKE = (
    ("SIGKILL", "measure"),
    ("daemon: it is stopped", "start"),
    ("service: drip", "measure"),
)
