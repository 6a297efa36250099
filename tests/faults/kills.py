"""SIGKILL, which nothing can clean up after: at random, and after each call that creates."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

from tests.faults.bench import Room, scenario_text, tag
from tests.faults.proxy import DockerProxy
from tests.faults.table import ENDED, LOADING
from tests.faults.trial import CLEAN_WITHIN_S, PATIENCE_S, Found, Means

__all__ = ["trials"]

LONGEST_S = 8.0
"""A whole gate takes 4 to 7 s on a quiet machine."""

POSTS = 24
CREATING = {
    "tempfile:mkdtemp": 3,
    "subprocess:Popen.__init__": 10,
    "socklat_gate.service.session:ServiceSession.__enter__": 1,
    "socklat_gate.load.worker_client:WorkerClient.begin": 2,
    "socklat_gate.probe.programs:load_programs": 1,
    "socklat_gate.documents.atomic:_create_locked": 7,
}
"""What creates something outside of the process, and how many of its calls a gate has."""

KINDS = ("image", "build", "base", "command", "stack")


def trials(random_kills: int) -> Mapping[str, Callable[[Means], Found]]:
    """By name / phase."""
    found: dict[str, Callable[[Means], Found]] = {}
    for number in range(1, random_kills + 1):
        draw = random.Random(number)
        kind, after_s = KINDS[number % len(KINDS)], draw.uniform(0.05, LONGEST_S)
        found[f"SIGKILL {number} at random / {kind}"] = partial(
            _at_random, number=number, kind=kind, after_s=after_s
        )
    for number in range(1, POSTS + 1):
        key = f"SIGKILL after the daemon's POST {number} / any"
        found[key] = partial(_after_post, number=number)
    for place, calls in CREATING.items():
        for number in range(1, calls + 1):
            for kind in ("base", "command") if place.startswith("sub") else ("base",):
                name = f"SIGKILL after {place.replace(':', '.')} {number}"
                found[f"{name} / {kind}"] = partial(
                    _after_call, name=name, place=place, number=number, kind=kind
                )
    return found


def _at_random(means: Means, number: int, kind: str, after_s: float) -> Found:
    def kill(process: subprocess.Popen[bytes]) -> None:
        time.sleep(after_s * means.slowness)
        process.send_signal(signal.SIGKILL)

    return _killed(means, f"SIGKILL {number} at random", kind, kill, {})


def _after_post(means: Means, number: int) -> Found:
    room = Room(means.client)
    proxy = DockerProxy(room.directory / "docker.sock")
    proxy.begin()
    posts = 0
    pids: list[int] = []

    def on_done(request: str) -> None:
        nonlocal posts
        if request.startswith("POST"):
            posts += 1
            if posts == number and pids:
                with suppress(ProcessLookupError):
                    os.kill(pids[0], signal.SIGKILL)

    proxy.on_done = on_done
    try:
        name = f"SIGKILL after the daemon's POST {number}"
        env = {"DOCKER_HOST": proxy.url}
        return _in_room(means, room, name, "any", lambda process: pids.append(process.pid), env)
    finally:
        proxy.stop()


def _after_call(means: Means, name: str, place: str, number: int, kind: str) -> Found:
    do = {"in": "gate", "at": place, "nth": number, "when": "after", "do": ["kill", 9]}
    env = {"SOCKLAT_FAULTS": json.dumps([do])}
    return _killed(means, name, kind, lambda process: None, env)


def _killed(
    means: Means,
    name: str,
    kind: str,
    kill: Callable[[subprocess.Popen[bytes]], None],
    env: Mapping[str, str],
) -> Found:
    return _in_room(means, Room(means.client), name, kind, kill, env)


def _in_room(
    means: Means,
    room: Room,
    name: str,
    kind: str,
    kill: Callable[[subprocess.Popen[bytes]], None],
    env: Mapping[str, str],
) -> Found:
    try:
        words = _prepare(room, kind)
        begun_s = time.monotonic()
        process = room.start(*words, env=env)
        kill(process)
        code = process.wait(PATIENCE_S + 3 * LONGEST_S * means.slowness)
        seconds = time.monotonic() - begun_s
        wrong = [] if code in {-9, *ENDED} else [f"exit code {code}: {room.said()[-300:]}"]
        wrong += _swept(room)
        return Found(name, kind, code, "", "", seconds, wrong)
    finally:
        room.close()


def _swept(room: Room) -> list[str]:
    room.wait_until_ended(CLEAN_WITHIN_S)
    left = room.left_behind()
    return [f"left {one}" for one in (room.left_after_sweep() if left else left)]


def _prepare(room: Room, kind: str) -> Sequence[object]:
    tables: dict[str, dict[str, Any]] = {}
    reference: list[object] = ["--baseline-image", tag("fast")]
    if kind in {"build", "base"}:
        (room.directory / "app").mkdir()
        _dockerfile(room, "slow")
        tables["service"] = {"image": None, "build": "app"}
    if kind == "command":
        load = {"driver": "command", "command": {"argv": ["python3", "-c", LOADING]}}
        load |= {"max_lag_ms": None, "max_late_ms": None, "max_duration_s": None}
        tables["load"] = load
    if kind == "stack":
        stack = {"services": {"api": {"image": tag("slow"), "volumes": ["data:/data"]}}}
        stack |= {"version": "3", "volumes": {"data": {}}}
        (room.directory / "compose.yaml").write_text(json.dumps(stack), encoding="utf-8")
        tables["service"] = {"image": None, "compose": "compose.yaml", "service": "api"}
    (room.directory / "socklat.toml").write_text(scenario_text(tables), encoding="utf-8")
    if kind == "base":
        _dockerfile(room, "fast")
        for words in (["init", "-q"], ["add", "app", "socklat.toml"], ["commit", "-qm", "base"]):
            _git(room.directory, *words)
        _dockerfile(room, "slow")
        _git(room.directory, "commit", "-qam", "slower")
        reference = ["--baseline-ref", "HEAD~1"]
    return ["gate", "socklat.toml", *reference, "--out", room.out]


def _dockerfile(room: Room, image: str) -> None:
    (room.directory / "app" / "Dockerfile").write_text(room.dockerfile(image), encoding="utf-8")


def _git(directory: Path, *words: str) -> None:
    identity = ["-c", "user.name=faults", "-c", "user.email=faults@localhost"]
    subprocess.run(["git", "-C", str(directory), *identity, *words], check=True)
