"""Control groups of a process of the tests' own, in whichever versions are mounted here."""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

__all__ = ["Groups", "own_groups"]

CONTROLLERS = ("cpu", "cpuacct", "memory", "blkio")
PATIENCE_S = 10.0


class Groups:
    """One group in each hierarchy, by controller; that of version 2 is ''."""

    def __init__(self) -> None:
        self.name = f"socklat-test-{secrets.token_hex(32)}"
        self.of: dict[str, Path] = {}

    def make(self) -> None:
        """Raises `OSError` where none can be made."""
        for line in Path("/proc/self/mountinfo").read_text("utf-8").splitlines():
            before, _, after = line.partition(" - ")
            kind, _, options = after.split()[:3]
            names = [name for name in CONTROLLERS if name in options.split(",")]
            if kind == "cgroup2":
                names = [""]
            elif kind != "cgroup":
                continue
            place = Path(before.split()[4]) / self.name
            if names and place not in self.of.values():
                place.mkdir()
            self.of.update(dict.fromkeys(names, place))

    def set(self, values: Mapping[tuple[str, str], str]) -> bool:
        """Writes files, by controller and name, where there are such; whether there was one."""
        found = [
            (self.of[controller] / name, text)
            for (controller, name), text in values.items()
            if controller in self.of and (self.of[controller] / name).exists()
        ]
        for path, text in found:
            path.write_text(text, "ascii")
        return bool(found)

    def enter(self) -> None:
        """This process is in them from now on."""
        for place in set(self.of.values()):
            (place / "cgroup.procs").write_text(str(os.getpid()), "ascii")

    def remove(self) -> None:
        """Once nobody is in them any more."""
        until_s = time.monotonic() + PATIENCE_S
        for place in set(self.of.values()):
            while place.exists():
                try:
                    place.rmdir()
                except OSError:  # who was in it has not quite ended
                    if time.monotonic() > until_s:
                        raise
                    time.sleep(0.05)


@contextmanager
def own_groups() -> Iterator[Groups]:
    """With a weight that gets them their CPU beside whatever else runs; skips where none can be."""
    found = Groups()
    try:
        try:
            found.make()
        except OSError as error:
            pytest.skip(f"no control groups can be made here: {error}")
        if not found.set({("cpu", "cpu.shares"): "262144", ("", "cpu.weight"): "10000"}):
            pytest.skip("control groups have no weight here")
        yield found
    finally:
        found.remove()
