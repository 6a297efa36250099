"""Bind mounts of a stack: each arm gets a copy of what could be written to."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from socklat_gate.errors import Reason, UsageError
from socklat_gate.service.client import daemon_url
from socklat_gate.service.dollars import doubled, single
from socklat_gate.service.logs import clip

__all__ = [
    "MOST_BYTES",
    "MOST_ENTRIES",
    "copied_sources",
    "make_copies",
    "mount_problems",
    "mounted_path",
    "with_copies",
]

MOST_BYTES = 256 << 20
MOST_ENTRIES = 20_000
"""Of a copy, which is made for each arm at each start."""

KERNELS = ("/proc", "/sys", "/dev")
HARMLESS = {f"/dev/{name}" for name in ("null", "zero", "full", "random", "urandom")}
"""Nothing gets from one arm to the other by them; ``/dev/null`` is mounted to hide a file."""

Document = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class _Bind:
    """A host path, without symbolic links, that a service mounts."""

    service: str
    source: Path
    read_only: bool

    @property
    def key(self) -> str:
        return f"services.{self.service}.volumes"


def copied_sources(stack: Document, shared: Collection[str]) -> tuple[Path, ...]:
    """Host paths of which each arm gets a copy: those that a service may write to.

    Paths that overlap are one, the outermost, so that services which see one another's files still
    do.  One that is not there is copied as an empty directory, which is what Docker makes of it.
    ``shared`` keys are not copied.
    """
    binds = [bind for bind in _binds(stack) if bind.key not in shared]
    wanted = []
    for root in _outermost([bind.source for bind in binds]):
        inside = [bind for bind in binds if bind.source.is_relative_to(root)]
        if any(not bind.read_only or not bind.source.exists() for bind in inside):
            wanted.append(root)
    return tuple(wanted)


def mount_problems(stack: Document, shared: Collection[str]) -> Iterator[tuple[str, str]]:
    """Keys of mounts that no arm can have alone, each with the reason."""
    binds = [bind for bind in _binds(stack) if bind.key not in shared]
    for root in _outermost([bind.source for bind in binds]):
        inside = [bind for bind in binds if bind.source.is_relative_to(root)]
        writer = next((bind for bind in inside if not bind.read_only), None)
        if why := _unfit(root, written=writer is not None):
            yield (writer or inside[0]).key, why


def with_copies(stack: Document, copies: Mapping[Path, Path]) -> dict[str, Any]:
    """The stack with the paths that were copied mounted from their copies."""
    services = {}
    for name, definition in stack["services"].items():
        volumes = [_moved(volume, copies) for volume in definition.get("volumes") or ()]
        services[name] = {**definition, "volumes": volumes} if volumes else definition
    return {**stack, "services": services}


def make_copies(stack: Document, sources: Collection[Path], home: Path) -> dict[Path, Path]:
    """Copies each of ``sources`` below ``home``; returns where each is.

    Raises `UsageError` (BAD_SCENARIO) when one cannot be read.
    """
    copies = {}
    for at, source in enumerate(sources):
        copies[source] = home / str(at) / (source.name or "root")
        copies[source].parent.mkdir(parents=True)
        _copy(source, copies[source])
        for bind in _binds(stack):
            if bind.source.is_relative_to(source) and not bind.source.exists():
                inside = copies[source] / bind.source.relative_to(source)
                inside.mkdir(parents=True, exist_ok=True)
    return copies


def _copy(source: Path, target: Path) -> None:
    """With owners, modes and times; an empty directory for what is not there."""
    if not source.exists():
        target.mkdir(parents=True)
        return
    copier = shutil.which("cp") or "cp"
    argv = [copier, "-a", "--reflink=auto", "--", str(source), str(target)]
    done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    if done.returncode:
        raise UsageError(
            Reason.BAD_SCENARIO,
            f"{source}, which the stack mounts, cannot be copied: {clip(done.stderr)}",
            remedy="let the gate's user read it, or mount it read-only (:ro)",
        )


def mounted_path(volume: object) -> tuple[str, bool]:
    """The host path that an entry of ``volumes`` mounts, and whether for reading only.

    Empty where it mounts none.  The older docker-compose writes ``path:target:mode``, the newer a
    table.
    """
    if isinstance(volume, str):
        source, _, rest = volume.partition(":")
        mode = rest.partition(":")[2].split(",")
        return (single(source), "ro" in mode) if rest and source.startswith("/") else ("", False)
    if not isinstance(volume, Mapping) or volume.get("type") != "bind":
        return "", False
    return single(str(volume.get("source", ""))), volume.get("read_only") is True


def _binds(stack: Document) -> Iterator[_Bind]:
    for name, definition in stack["services"].items():
        for volume in definition.get("volumes") or ():
            path, read_only = mounted_path(volume)
            source = os.path.realpath(path) if path else ""
            if source and source not in HARMLESS:
                yield _Bind(name, Path(source), read_only)


def _outermost(paths: list[Path]) -> list[Path]:
    """Those that are in none of the others."""
    kept: list[Path] = []
    for path in sorted(set(paths), key=lambda one: one.parts):
        if not kept or not path.is_relative_to(kept[-1]):
            kept.append(path)
    return kept


def _unfit(root: Path, *, written: bool) -> str:
    """Why a path cannot be given to each arm alone; empty when it can."""
    daemon = Path(os.path.realpath(daemon_url().removeprefix("unix://")))
    if daemon.is_relative_to(root):
        return f"{root} gives the stack Docker's socket, by which it sees the other arm"
    if str(root).startswith(KERNELS):
        return f"{root} is this machine's own: mount it read-only (:ro)" if written else ""
    entries, size, special = _weigh(root)
    if special:
        return f"{special} is no plain file: both arms would share what is behind it"
    if written and (entries > MOST_ENTRIES or size > MOST_BYTES):
        return (
            f"{root} can be written to, so each arm needs a copy, and it holds more than "
            f"{MOST_BYTES >> 20} MiB or {MOST_ENTRIES} files: mount it read-only (:ro)"
        )
    return ""


def _weigh(root: Path) -> tuple[int, int, str]:
    """Entries and bytes, and the first socket, pipe or device; stops where that is too much."""
    entries = size = 0
    for path in _walk(root):
        try:
            found = path.lstat()
        except OSError:
            continue
        if not (stat.S_ISREG(found.st_mode) or stat.S_ISDIR(found.st_mode)):
            if not stat.S_ISLNK(found.st_mode):
                return entries, size, str(path)
            continue
        entries, size = entries + 1, size + (found.st_size if stat.S_ISREG(found.st_mode) else 0)
        if entries > MOST_ENTRIES or size > MOST_BYTES:
            break
    return entries, size, ""


def _walk(root: Path) -> Iterator[Path]:
    yield root
    for directory, _, files in os.walk(root):
        yield Path(directory)
        for name in files:
            yield Path(directory, name)


def _moved(volume: object, copies: Mapping[Path, Path]) -> object:
    path, read_only = mounted_path(volume)
    if not path:
        return volume
    source = Path(os.path.realpath(path))
    root = next((root for root in copies if source.is_relative_to(root)), None)
    if root is None:
        return volume
    copy = copies[root] / source.relative_to(root)
    # In the long form Docker refuses a path that it does not see, and makes no empty directory.
    if isinstance(volume, Mapping):
        kept = {key: value for key, value in volume.items() if key != "bind"}
        bind = {k: v for k, v in (volume.get("bind") or {}).items() if k != "create_host_path"}
        return {**kept, "source": doubled(str(copy)), **({"bind": bind} if bind else {})}
    target, _, mode = str(volume).partition(":")[2].partition(":")
    if {"z", "Z"} & set(mode.split(",")):
        return f"{copy}:{target}:{mode}"
    return {
        "type": "bind",
        "source": doubled(str(copy)),
        "target": target,
        **({"read_only": True} if read_only else {}),
    }
