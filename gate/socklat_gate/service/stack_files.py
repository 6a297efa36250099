"""Files that a stack mounts and that another commit's checkout of it does not have."""

from __future__ import annotations

import os
from pathlib import Path

from socklat_gate.service.compose import Document
from socklat_gate.service.stack_trees import Trees, with_paths

__all__ = ["missing_files", "with_missing_files"]


def missing_files(stack: Document, trees: Trees, directory: Path) -> tuple[str, ...]:
    """Paths that the checkout does not have and the work tree does; relative to ``directory``."""
    found: dict[str, None] = {}

    def note(path: str) -> str:
        if trees.borrowed(path) != path:
            found[os.path.relpath(path, directory)] = None
        return path

    with_paths(stack, note)
    return tuple(found)


def with_missing_files(stack: Document, trees: Trees) -> Document:
    """The stack with those paths taken from the work tree.

    Docker would make an empty directory of each, and the service would start without its data.
    """
    return with_paths(stack, trees.borrowed)
