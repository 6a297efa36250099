"""What trials need: images, a directory each, the scenario, and what a gate left behind."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, suppress
from functools import lru_cache
from pathlib import Path
from typing import Any

import docker.errors

from socklat_gate.service.built_images import REPOSITORY
from socklat_gate.service.owner import PREFIX, owner_labels, start_ticks
from tests.e2e.scenarios import scenario_toml
from tests.faults.sweeper import Sweeper
from tests.services.build import build_image

__all__ = [
    "FAST_US",
    "INSIDE",
    "ROOT",
    "SLOW_US",
    "Room",
    "make_image",
    "make_images",
    "remove_images",
    "scenario_text",
    "tag",
    "writes_library",
]

ROOT = Path(__file__).resolve().parents[2]
INSIDE = Path(__file__).parent / "inside"
COMMAND = (sys.executable, "-m", "socklat_gate")
ROOM_LABEL = "faults.room"
FAST_US, SLOW_US = 2000, 6000
"""Of the baseline and the candidate: three times slower, which no fault may turn into a pass."""

LOOK_S = 0.5
SWEPT_WITHIN_S = 3.0

Tables = Mapping[str, Mapping[str, Any]]


def make_images(client: Any) -> None:
    """The service of all trials, and two images of it: what is compared, and what is slower."""
    make_image(client, "fast", ["--delay", str(FAST_US)])
    make_image(client, "slow", ["--delay", str(SLOW_US)])


def make_image(client: Any, name: str, arguments: Sequence[str]) -> str:
    """An image of the service under a name of its own, which is returned."""
    return build_image(client, "faulty.c", tag(name), ["/faulty", *arguments])


def tag(name: str) -> str:
    """An image of the service."""
    return f"socklat-test/faulty-{name}:latest"


def remove_images(client: Any) -> None:
    """All of them."""
    for image in client.api.images():
        for name in image.get("RepoTags") or ():
            if name.startswith("socklat-test/faulty-"):
                client.api.remove_image(name, force=True)


def writes_library(directory: Path) -> Path:
    """``writes.c`` compiled, to be preloaded."""
    library = directory / "writes.so"
    source = Path(__file__).parent / "writes.c"
    subprocess.run(
        ["cc", "-shared", "-fPIC", "-O2", "-Wall", "-o", str(library), str(source), "-ldl"],
        check=True,
    )
    return library


def scenario_text(tables: Tables | None = None) -> str:
    """A scenario that finds a candidate three times slower in two pairs of half a second."""
    document: dict[str, dict[str, Any]] = {
        "service": {"image": tag("slow"), "port": 8080, "ready": {"timeout_s": 5.0}},
        "load": {
            "driver": "http",
            "rate": 300,
            "connections": 8,
            "duration_s": 0.6,
            "max_duration_s": 10.0,
            "warmup_s": 0.3,
            "timeout_s": 2.0,
            "max_lag_ms": 1000.0,
            "max_late_ms": 1000.0,
        },
        "gate": {
            "max_steal": 1.0,
            "alpha": 0.49,
            "alpha_pass": 0.1,
            "max_pairs": 6,
            "max_minutes": 0.5,
            "max_excluded_pairs": 8,
            "watch": {"minutes": 0},
        },
    }
    for table, keys in (tables or {}).items():
        document.setdefault(table, {}).update(keys)
    return scenario_toml("faults", document)


class Room:
    """A directory of one trial; whatever is started in it carries a mark in its environment."""

    def __init__(self, client: Any) -> None:
        self.directory = Path(tempfile.mkdtemp(prefix="socklat-faults-"))
        self.out = self.directory / "out"
        self.temporary = self.directory / "tmp"
        self.temporary.mkdir()
        self._client = client
        self._mark = secrets.token_hex(8)
        self._owners: set[tuple[int, int]] = set()

    def environment(self, extra: Mapping[str, str] | None = None) -> dict[str, str]:
        """That of a command in here."""
        return {
            **os.environ,
            "PYTHONPATH": f"{INSIDE}:{ROOT / 'gate'}",
            "TMPDIR": str(self.temporary),
            "SOCKLAT_FAULTS_MARK": self._mark,
            **(extra or {}),
        }

    def start(
        self,
        *words: object,
        env: Mapping[str, str] | None = None,
        command: Sequence[str] = COMMAND,
        **options: Any,
    ) -> subprocess.Popen[bytes]:
        """Start a command of socklat-gate, its stderr and stdout in files here."""
        with ExitStack() as stack:
            streams = {
                name: stack.enter_context((self.directory / name).open("wb"))
                for name in ("stdout", "stderr")
            }
            process = subprocess.Popen(
                [*command, *map(str, words)],
                cwd=self.directory,
                env=self.environment(env),
                stdin=subprocess.DEVNULL,
                **{**streams, **options},
            )
        # Process ids are given again: only with its start it is this one.
        self._owners.add((process.pid, start_ticks(process.pid) or 0))
        return process

    def said(self) -> str:
        """What the command wrote on stderr."""
        return (self.directory / "stderr").read_text("utf-8", "replace")

    def verdict(self) -> dict[str, Any] | None:
        """``verdict.json``, if it is there."""
        with suppress(OSError, ValueError):
            found: dict[str, Any] = json.loads((self.out / "verdict.json").read_text("utf-8"))
            return found
        return None

    def left_behind(self) -> list[str]:
        """Containers, networks, volumes, processes, temporary files and half-written ones."""
        found: list[str] = []
        for chosen in self._chosen():
            containers = self._client.api.containers(all=True, filters=chosen)
            found += [f"container {item['Names'][0]}" for item in containers]
            networks = self._client.api.networks(filters=chosen)
            found += [f"network {item['Name']}" for item in networks]
            volumes = self._client.api.volumes(filters=chosen)["Volumes"] or []
            found += [f"volume {item['Name']}" for item in volumes]
        found += [f"image {name}" for name in self._images()]
        found += [f"temporary {path.name}" for path in self.temporary.iterdir()]
        found += [f"half-written {path.name}" for path in self.directory.rglob(".*.tmp")]
        found += [f"worktree {path.name}" for path in self.directory.glob(".git/worktrees/*")]
        return found + self.processes()

    def _images(self) -> Iterator[str]:
        """Those held for a job of here, and those without a name; one is kept for the next job."""
        for image in self._client.api.images(name=REPOSITORY):
            for name in image.get("RepoTags") or ():
                owner = owner_labels(name.rpartition("-")[2])
                if owner and _process(owner) in self._owners:
                    yield name
        dangling = {"dangling": True, "label": f"{ROOM_LABEL}={self.directory.name}"}
        for image in self._client.api.images(filters=dangling):
            yield str(image["Id"])

    def dockerfile(self, image: str) -> str:
        """One whose image is of this room alone."""
        return f"FROM {tag(image)}\nLABEL {ROOM_LABEL}={self.directory.name}\n"

    def wait_until_clean(self, within_s: float) -> list[str]:
        """What is still left after so long."""
        until_s = time.monotonic() + within_s
        while (left := self.left_behind()) and time.monotonic() < until_s:
            time.sleep(LOOK_S)
        return left

    def wait_until_ended(self, within_s: float) -> None:
        """Until no process is left, or for so long."""
        until_s = time.monotonic() + within_s
        while self.processes() and time.monotonic() < until_s:
            time.sleep(LOOK_S)

    def left_after_sweep(self) -> list[str]:
        """What the next start leaves; another gate's, at the same moment, may do a part of it."""
        _sweeper().sweep(self.directory, self.temporary)
        return self.wait_until_clean(SWEPT_WITHIN_S)

    def close(self) -> None:
        """Remove all of it."""
        for pid in self._marked():
            with suppress(ProcessLookupError):
                os.kill(pid, 9)
        for chosen in self._chosen():
            for item in self._client.api.containers(all=True, filters=chosen):
                self._client.api.remove_container(item["Id"], v=True, force=True)
            for item in self._client.api.networks(filters=chosen):
                self._client.api.remove_network(item["Id"])
        chosen = {"label": f"{ROOM_LABEL}={self.directory.name}"}
        for image in self._client.api.images(filters=chosen):
            with suppress(docker.errors.APIError):
                self._client.api.remove_image(image["Id"], force=True)
        shutil.rmtree(self.directory, ignore_errors=True)

    def _chosen(self) -> Iterator[dict[str, list[str]]]:
        """Filters of what the processes that were started here own; others' is not touched."""
        for pid, start in self._owners:
            yield {"label": [f"{PREFIX}pid={pid}", f"{PREFIX}start={start}"]}

    def _marked(self) -> list[int]:
        mark = f"SOCKLAT_FAULTS_MARK={self._mark}".encode()
        found = []
        for path in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                if mark in (path / "environ").read_bytes():
                    found.append(int(path.name))
        return found

    def processes(self) -> list[str]:
        """Those that still run."""
        found = []
        for pid in self._marked():
            with suppress(OSError):
                words = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ")
                found.append(f"process {words.decode(errors='replace')[:100]}")
        return found


@lru_cache(maxsize=1)
def _sweeper() -> Sweeper:
    return Sweeper({**os.environ, "PYTHONPATH": f"{ROOT / 'gate'}:{ROOT}"})


def _process(owner: Mapping[str, str]) -> tuple[int, int]:
    return int(owner[f"{PREFIX}pid"]), int(owner[f"{PREFIX}start"])
