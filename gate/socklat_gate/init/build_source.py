"""What `init` builds: a directory with its Dockerfile, or a Dockerfile of another name or place."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from socklat_gate.scenario.build import Build
from socklat_gate.service.build_order import BuildOrder

__all__ = ["built_name", "is_dockerfile", "order_of", "relative_to"]

_DOCKERFILE = re.compile(
    r"(?:Dockerfile|Containerfile)(?:\..+)?|.+\.(?:Docker|Container)file", re.I
)


def is_dockerfile(path: Path) -> bool:
    """A Dockerfile of another name than the one that a directory stands for."""
    return path.is_file() and _DOCKERFILE.fullmatch(path.name) is not None


def order_of(path: Path, beside: Path) -> tuple[BuildOrder, str | Mapping[str, str]]:
    """How a directory or a Dockerfile is built, and ``service.build`` of it.

    A file is built from the working directory where that has it, as ``docker build -f FILE .``
    does, else from its own.
    """
    if path.is_dir():
        return BuildOrder(path, Build(context=".")), relative_to(path, beside)
    inside = path.resolve().is_relative_to(Path.cwd())
    context = Path.cwd() if inside else path.resolve().parent
    file = str(path.resolve().relative_to(context))
    how = {"context": relative_to(context, beside), "dockerfile": file}
    return BuildOrder(context, Build(context=".", dockerfile=file)), how


def built_name(path: Path) -> str:
    """A directory's own; of ``api.Dockerfile`` and ``Dockerfile.api`` what tells it from others."""
    if path.is_dir():
        return path.resolve().name
    words = [word for word in path.name.split(".") if not word.lower().endswith("file")]
    return ".".join(words) or path.resolve().parent.name


def relative_to(path: Path, beside: Path) -> str:
    """``path`` from ``beside`` on where that has it, else the whole of it."""
    try:
        return str(path.resolve().relative_to(beside.resolve()))
    except ValueError:
        return str(path.resolve())
