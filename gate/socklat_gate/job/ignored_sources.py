"""What git ignores and a builder is sent all the same: today's arm alone is built from it.

Objects of an older build, say, may be newer than the sources that were checked out, and become a
part of the candidate in their place.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from socklat_gate.git import git
from socklat_gate.scenario.build import Build
from socklat_gate.service.build_daemon import left_out
from socklat_gate.service.build_order import BuildOrder

__all__ = ["ignored_sources"]


def ignored_sources(directory: Path, how: Build) -> Iterator[str]:
    """Names below the repository, of directories with a slash behind them.

    ``directory`` is the scenario's.  What ``.dockerignore`` leaves out is none.
    """
    order = BuildOrder(directory / how.context, how)
    context = Path(os.path.realpath(order.directory))
    top = git(directory, "rev-parse", "--show-toplevel").text
    if not top or not context.is_relative_to(os.path.realpath(top)):
        return
    options = ("--others", "--ignored", "--exclude-standard", "--directory", "--full-name", "-z")
    is_left_out = left_out(order)
    for row in git(context, "ls-files", *options).rows:
        name = os.path.relpath(Path(os.path.realpath(top), row), context)
        if not (is_left_out(name) or (row.endswith("/") and is_left_out(f"{name}/x"))):
            yield row
