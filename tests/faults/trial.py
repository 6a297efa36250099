"""One gate with one fault in one phase: started, struck, ended, looked at."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from tests.faults.bench import Room, make_image, scenario_text, tag
from tests.faults.proxy import DockerProxy

__all__ = ["HOOKS", "PHASES", "Fault", "Found", "Means", "Strike", "try_out"]

PHASES = ("build", "start", "ready", "warm-up", "measure", "decide", "report", "store")

HOOKS: Mapping[str, Mapping[str, Any]] = {
    "build": {"at": "socklat_gate.service.build:build"},
    "start": {"at": "socklat_gate.service.session:ServiceSession.add"},
    "ready": {"at": "socklat_gate.service.ready_watch:ReadyWatch.wait"},
    "warm-up": {"at": "socklat_gate.job.recorder:Recorder.open", "when": "after"},
    "measure": {"at": "socklat_gate.job.recorder:Recorder.poll", "nth": 7},
    "decide": {"at": "socklat_gate.job.gate_pairs:GatePairs._decide"},
    "report": {"at": "socklat_gate.report.writer:write_reports"},
    "store": {"at": "socklat_gate.baseline.store:BaselineStore.save"},
}
"""Where in the gate's own process a phase begins."""

PATIENCE_S = 60.0
CLEAN_WITHIN_S = 15.0
OWN_ERROR = re.compile(r"^error: ", re.MULTILINE)
GARBLED = re.compile(r"Traceback|Exception ignored|Segmentation|core dumped|RuntimeWarning")


@dataclass
class Strike:
    """What a fault has at hand when its phase begins."""

    pid: int
    room: Room
    proxy: DockerProxy | None
    client: Any

    def kill(self, number: int) -> None:
        """A signal for the gate."""
        os.kill(self.pid, number)

    def workers(self) -> list[int]:
        """Its load workers, and the tools that it started."""
        return _children(self.pid)

    def containers(self) -> list[str]:
        """Its containers, by id."""
        chosen = {"label": f"dev.socklat-gate.pid={self.pid}"}
        return [item["Id"] for item in self.client.api.containers(filters=chosen)]


@dataclass(frozen=True)
class Fault:
    """What is done, in which phases, and what must come of it.

    ``strike`` is done by the test when the phase begins, ``inside`` by the gate's process (`Room`)
    there.  ``codes`` are the exit codes that are right, ``says`` what must then be told, unless
    there is a verdict of its own.  ``killed``: what is left may wait for the next start.  It has to
    end ``within_s`` of its start, and ``after_s`` (if given) of the strike.
    """

    name: str
    phases: Sequence[str]
    codes: frozenset[int]
    says: str = ""
    strike: Callable[[Strike], None] | None = None
    inside: Sequence[Mapping[str, Any]] = ()
    do: Sequence[Any] = ()
    tables: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    candidate: Sequence[str] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    proxied: bool = False
    killed: bool = False
    within_s: float = 30.0
    after_s: float = 0.0
    prepare: Callable[[Room], None] | None = None
    streams: Mapping[str, str] = field(default_factory=dict)


@dataclass
class Found:
    """What came of a trial; ``wrong`` is empty where all is as it must be."""

    fault: str
    phase: str
    code: int
    verdict: str
    said: str
    seconds: float
    wrong: list[str] = field(default_factory=list)
    after_s: float = 0.0

    def to_json(self) -> str:
        """A line of the log."""
        values = {**self.__dict__, "seconds": round(self.seconds, 2)}
        return json.dumps({**values, "after_s": round(self.after_s, 2)})


class _Told:
    """Waits for the gate to say that a phase has begun, and lets the fault be done."""

    def __init__(self, path: Path, on_told: Callable[[int, str], None]) -> None:
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        self._listener.listen(8)
        self._on_told = on_told
        self.error = ""
        self.heard = False
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        while True:
            try:
                line, _ = self._listener.accept()
            except OSError:
                return
            with line:
                self.heard = True
                pid, _, name = line.recv(256).decode().strip().partition(" ")
                try:
                    self._on_told(int(pid), name)
                except Exception as error:  # shown as the trial's own failure
                    self.error = f"the fault could not be done: {error!r}"
                with suppress(OSError):
                    line.sendall(b".")

    def close(self) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()


@dataclass(frozen=True)
class Means:
    """What all trials share: the daemon's client, a result that can be stored, ``writes.so``.

    ``slowness`` is how many times longer a gate takes here than on a quiet machine: bounds of time
    are those of a quiet one.
    """

    client: Any
    stored: Path
    writes: Path
    slowness: float = 1.0


def try_out(means: Means, fault: Fault, phase: str) -> Found:
    """Gate a slow candidate with the fault in the phase."""
    room = Room(means.client)
    proxy = DockerProxy(room.directory / "docker.sock") if fault.proxied else None
    try:
        return _tried(means, fault, phase, room, proxy)
    finally:
        if proxy is not None:
            proxy.heal()
            proxy.stop()
        room.close()


def _tried(means: Means, fault: Fault, phase: str, room: Room, proxy: DockerProxy | None) -> Found:
    if proxy is not None:
        proxy.begin()

    struck_s: list[float] = []

    def on_told(pid: int, _: str) -> None:
        struck_s.append(time.monotonic())
        if fault.strike is not None:
            fault.strike(Strike(pid, room, proxy, means.client))

    told = _Told(room.directory / "told.sock", on_told)
    words = _words(means, fault, phase, room)
    if fault.prepare is not None:
        fault.prepare(room)
    env = {
        "SOCKLAT_FAULTS": json.dumps(_hooks(fault, phase)).replace("{room}", str(room.directory)),
        "SOCKLAT_FAULTS_SOCKET": str(room.directory / "told.sock"),
        **({"DOCKER_HOST": proxy.url} if proxy else {}),
        **{
            name: text.replace("{room}", str(room.directory)).replace("{writes}", str(means.writes))
            for name, text in fault.env.items()
        },
    }
    begun_s = time.monotonic()
    process = room.start(*words, env=env, **_streams(fault))
    wrong: list[str] = []
    try:
        code = process.wait(fault.within_s * means.slowness + PATIENCE_S)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGKILL)
        code = process.wait()
        wrong.append("it never ended")
    seconds = time.monotonic() - begun_s
    told.close()
    after_s = time.monotonic() - struck_s[0] if struck_s else 0.0
    if fault.after_s and after_s > fault.after_s * means.slowness:
        wrong.append(f"it ended {after_s:.1f} s after it was struck")
    if told.error:
        wrong.append(told.error)
    if not told.heard and fault.strike is not None:
        wrong.append(f"it never came to phase {phase}")
    if proxy is not None:
        proxy.heal()
    said = room.said()
    verdict = room.verdict()
    wrong += _judged(fault, code, said, verdict, room, seconds / means.slowness)
    wrong += _left(fault, room, code)
    outcome = str(verdict["verdict"]) if verdict else ""
    words = _last_words(said, verdict)
    return Found(fault.name, phase, code, outcome, words, seconds, wrong, after_s)


def _hooks(fault: Fault, phase: str) -> list[Mapping[str, Any]]:
    hooks = [dict(one) for one in fault.inside]
    at = {"in": "gate", **HOOKS[phase]}
    if fault.strike is not None:
        hooks.append({**at, "do": ["tell", phase]})
    if fault.do:
        hooks.append({**at, "do": list(fault.do)})
    return hooks


def _streams(fault: Fault) -> dict[str, Any]:
    """Options of `Popen`: "closed", or a file for a stream."""
    options: dict[str, Any] = {}
    for name, what in fault.streams.items():
        number = {"stdout": 1, "stderr": 2}[name]
        if what == "closed":
            options["preexec_fn"] = partial(os.close, number)
        else:
            options[name] = os.open(what, os.O_WRONLY | os.O_CLOEXEC)
    return options


def _words(means: Means, fault: Fault, phase: str, room: Room) -> list[object]:
    if phase == "store":
        words = ["baseline", "promote", means.stored, "--allow-dirty"]
        return [*words, "--baselines", room.directory / "baselines"]
    tables: dict[str, dict[str, Any]] = {name: dict(keys) for name, keys in fault.tables.items()}
    service = tables.setdefault("service", {})
    # On a slow machine too there are pairs enough for a pass, which would be a wrong one.
    tables.setdefault("gate", {})["max_minutes"] = min(4.0, 0.5 * max(1.0, means.slowness))
    if phase == "build":
        (room.directory / "app").mkdir()
        (room.directory / "app" / "Dockerfile").write_text(room.dockerfile("slow"), "utf-8")
        service |= {"image": None, "build": "app"}
    if fault.candidate:
        name = re.sub(r"[^a-z0-9]+", "-", " ".join(fault.candidate)).strip("-")
        service["image"] = make_image(means.client, name, fault.candidate)
    (room.directory / "socklat.toml").write_text(scenario_text(tables), encoding="utf-8")
    return ["gate", "socklat.toml", "--baseline-image", tag("fast"), "--out", room.out]


def _judged(
    fault: Fault,
    code: int,
    said: str,
    verdict: dict[str, Any] | None,
    room: Room,
    seconds: float,
) -> list[str]:
    wrong = []
    if code not in fault.codes:
        wrong.append(f"exit code {code}, not one of {sorted(fault.codes)}")
    if garbled := GARBLED.search(said):
        wrong.append(f"stderr has {garbled[0]!r}")
    if seconds > fault.within_s:
        wrong.append(f"it took {seconds:.0f} s")
    if verdict is not None:
        # That nobody could be told of the verdict is an error of its own.
        untold = code == 2 and "standard output" in said
        if verdict["exit_code"] != code and code >= 0 and not untold:
            wrong.append(f"verdict.json says {verdict['exit_code']}")
        missing = [name for name in ("result.json", "report.md") if not (room.out / name).exists()]
        if missing:
            wrong.append(f"verdict.json without {', '.join(missing)}")
    elif code in {1, 4} or (code == 0 and "gate" in said):
        wrong.append(f"exit code {code} without verdict.json")
    if code in {2, 3, 5} and (len(OWN_ERROR.findall(said)) != 1 or "[" not in said):
        wrong.append("no error, or more than one")
    if fault.says and code in {2, 3, 5, 6}:
        reasons = json.dumps(verdict["reasons"]) if verdict else ""
        if not re.search(fault.says, f"{said}\n{reasons}", re.IGNORECASE):
            wrong.append(f"it does not tell {fault.says!r}")
    return wrong


def _left(fault: Fault, room: Room, code: int) -> list[str]:
    killed = fault.killed or code < 0
    left = room.wait_until_clean(0.0 if killed else CLEAN_WITHIN_S)
    if left and killed:
        # Of what was killed, processes end by themselves; the rest waits for the next start.
        room.wait_until_ended(CLEAN_WITHIN_S)
        left = room.left_behind()
        left = room.left_after_sweep() if left else left
    return [f"left {name}" for name in left]


def _last_words(said: str, verdict: dict[str, Any] | None) -> str:
    if verdict:
        return ", ".join(f"{reason['code']}" for reason in verdict["reasons"])
    lines = [line for line in said.splitlines() if line.startswith("error: ")]
    return (lines or said.splitlines() or [""])[-1][:160]


def _children(pid: int) -> list[int]:
    found = []
    with suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            found += [int(word) for word in (task / "children").read_text().split()]
    return found
