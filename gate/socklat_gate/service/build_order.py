"""What is to be built, and what builds it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from socklat_gate.scenario.build import Build

__all__ = ["BuildOrder", "Builder", "OnLine", "build_key"]

OnLine = Callable[[str], None]
"""Is given the output of a build line by line."""


@dataclass(frozen=True, slots=True)
class BuildOrder:
    """``how`` an image is built from ``directory``, which is ``how.context`` as a path.

    ``stands_for`` is the path that the directory stands for where it is a commit's checkout, which
    is another one each time; ``cache`` is the namespace of `RUN --mount=type=cache`; ``shown`` is
    what messages call it.
    """

    directory: Path
    how: Build
    stands_for: str = ""
    cache: str = ""
    shown: str = ""

    @property
    def dockerfile(self) -> Path:
        """Its path."""
        return self.directory / self.how.dockerfile

    @property
    def key(self) -> str:
        """Of its tag: the next build of the same thing has the same one."""
        stands_for = self.stands_for or str(self.directory.resolve())
        plain = self.how.dockerfile == "Dockerfile" and self.how.target is None
        parts = () if plain else (self.how.dockerfile, self.how.target or "")
        return build_key(stands_for, *parts)

    @property
    def name(self) -> str:
        """What a message calls it."""
        return self.shown or str(self.directory)


def build_key(*parts: str) -> str:
    """16 hexadecimal digits."""
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]


class Builder(Protocol):
    """Builds with one kind of builder, the same for every arm of a job.

    ``name`` is what it is called; ``lacks`` why it is not all of BuildKit ("" when it is).
    """

    name: str
    lacks: str
    takes_secrets: bool

    def build(self, order: BuildOrder, tag: str, on_line: OnLine) -> str:
        """Builds and tags; returns why it failed, "" when it did not."""
