"""Faults that take more than one gate, or none: neighbours on one host, a boundless result."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from tests.faults.bench import ROOT, Room, scenario_text, tag
from tests.faults.trial import CLEAN_WITHIN_S, Found, Means

__all__ = ["trials"]

OTHER_BOOT = {
    "in": "gate",
    "at": "socklat_gate.service.owner:boot_id",
    "do": ["each", "return", "00000000-0000-4000-8000-000000000000"],
}
SWEEP = (
    "from socklat_gate.job.entry import docker_client\n"
    "from socklat_gate.job.progress import Progress\n"
    "docker_client(Progress())\n"
)
PATIENCE_S = 300.0
PATIENT: Mapping[str, Mapping[str, Any]] = {"gate": {"max_minutes": 4.0, "max_pairs": 12}}
"""What is shown here is a verdict, however slow the machine is."""


def trials() -> Mapping[str, Callable[[Means], Found]]:
    """By name / phase."""
    return {
        "two gates at once / whole": _two_gates,
        "two gates from checkouts with the same path / whole": _same_path,
        "swept by a neighbour of another boot / measure": _other_boot,
        "swept by a neighbour in another PID namespace / measure": _other_namespace,
        "a result with 100,000 spikes / report": _many_spikes,
    }


def _two_gates(means: Means) -> Found:
    with ExitStack() as stack:
        rooms = [_room(means, stack) for _ in range(2)]
        begun_s = time.monotonic()
        for room in rooms:
            (room.directory / "socklat.toml").write_text(scenario_text(PATIENT), encoding="utf-8")
        words = ["gate", "socklat.toml", "--baseline-image", tag("fast"), "--out"]
        running = [room.start(*words, room.out) for room in rooms]
        codes = [one.wait(PATIENCE_S) for one in running]
        wrong = [f"exit codes {codes}"] if codes != [1, 1] else []
        wrong += [f"left {one}" for room in rooms for one in room.wait_until_clean(CLEAN_WITHIN_S)]
        return _found("two gates at once", "whole", codes[0], begun_s, wrong)


def _same_path(means: Means) -> Found:
    """Each in a mount namespace of its own, as two CI containers with the daemon's socket."""
    with ExitStack() as stack:
        rooms = [_room(means, stack) for _ in range(2)]
        begun_s = time.monotonic()
        place = Path("/mnt")
        running = []
        for room, image in zip(rooms, ("slow", "fast"), strict=True):
            app = room.directory / "app"
            app.mkdir()
            (app / "Dockerfile").write_text(room.dockerfile(image), "utf-8")
            tables = {"service": {"image": None, "build": "app"}, **PATIENT}
            if image == "fast":  # equal arms, which two pairs of the other's kind could tell apart
                tables["gate"] = {"alpha": 0.01, "alpha_pass": 0.01, "max_pairs": 3}
            text = scenario_text(tables)
            (room.directory / "socklat.toml").write_text(text, encoding="utf-8")
            inner = f'mount --bind "$1" {place} && cd {place} && shift && exec "$@"'
            command = ["unshare", "--mount", "sh", "-c", inner, "-", str(room.directory)]
            words = ["gate", "socklat.toml", "--baseline-image", tag("fast"), "--out", "out"]
            command += [sys.executable, "-m", "socklat_gate"]
            env = {"TMPDIR": str(room.temporary)}
            running.append(room.start(*words, command=command, env=env))
        codes = [one.wait(PATIENCE_S) for one in running]
        # The second builds what its baseline is, from another image: never slower, nor the first.
        wrong = []
        if codes[0] != 1:
            wrong.append(f"the slow one ended with {codes[0]}: {rooms[0].said()[-300:]}")
        if codes[1] not in {0, 4}:
            wrong.append(f"the equal one ended with {codes[1]}: {rooms[1].said()[-300:]}")
        wrong += [f"left {one}" for room in rooms for one in room.wait_until_clean(CLEAN_WITHIN_S)]
        name = "two gates from checkouts with the same path"
        return _found(name, "whole", codes[0], begun_s, wrong)


def _other_boot(means: Means) -> Found:
    env = {"SOCKLAT_FAULTS": json.dumps([OTHER_BOOT])}
    # `-c` has no name of ours in its command line: the hooks are for processes of the gate.
    command = [sys.executable, "-c", SWEEP, "socklat_gate-neighbour"]
    return _swept_meanwhile(means, "swept by a neighbour of another boot", command, env)


def _other_namespace(means: Means) -> Found:
    command = ["unshare", "--pid", "--fork", "--mount-proc", sys.executable, "-c", SWEEP]
    return _swept_meanwhile(means, "swept by a neighbour in another PID namespace", command, {})


def _swept_meanwhile(means: Means, name: str, command: list[str], env: Mapping[str, str]) -> Found:
    with ExitStack() as stack:
        room = _room(means, stack)
        begun_s = time.monotonic()
        text = scenario_text({"load": {"duration_s": 4.0}, **PATIENT})
        (room.directory / "socklat.toml").write_text(text, encoding="utf-8")
        words = ["gate", "socklat.toml", "--baseline-image", tag("fast"), "--out", room.out]
        gate = room.start(*words)
        wrong = []
        while gate.poll() is None and time.monotonic() - begun_s < PATIENCE_S:
            done = subprocess.run(
                command,
                env=room.environment(env),
                capture_output=True,
                text=True,
                check=False,
                timeout=60,
            )
            if done.returncode:
                wrong.append(f"sweeping ended with {done.returncode}: {done.stderr[-300:]}")
        code = gate.wait(PATIENCE_S)
        wrong += [f"exit code {code}: {room.said()[-300:]}"] if code != 1 else []
        wrong += [f"left {one}" for one in room.wait_until_clean(CLEAN_WITHIN_S)]
        return _found(name, "measure", code, begun_s, wrong)


def _many_spikes(means: Means) -> Found:
    begun_s = time.monotonic()
    with ExitStack() as stack:
        room = _room(means, stack)
        done = subprocess.run(
            [sys.executable, "-m", "tests.faults.many_spikes", str(means.stored), str(room.out)],
            cwd=ROOT,
            env={**room.environment(), "PYTHONPATH": f"{ROOT / 'gate'}:{ROOT}"},
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )
        wrong = done.stdout.splitlines() if done.returncode == 0 else [done.stderr[-300:]]
    return _found("a result with 100,000 spikes", "report", done.returncode, begun_s, wrong)


def _room(means: Means, stack: ExitStack) -> Room:
    room = Room(means.client)
    stack.callback(room.close)
    return room


def _found(name: str, phase: str, code: int, begun_s: float, wrong: list[str]) -> Found:
    return Found(name, phase, code, "", "", time.monotonic() - begun_s, wrong)
