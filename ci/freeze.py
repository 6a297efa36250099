"""Versions of the project's dependencies, for CI.

python ci/freeze.py            # ci/constraints.txt from what is installed beside this interpreter
python ci/freeze.py --lowest   # on stdout: the lowest versions that pyproject.toml allows
python ci/freeze.py --tools    # on stdout: what tests need that bears these lowest versions
python ci/freeze.py --locked   # ci/requirements.txt, with hashes, for every Python: needs uv
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).resolve().parents[1]
PINNED = ROOT / "ci" / "constraints.txt"
LOCKED = ROOT / "ci" / "requirements.txt"
LOCKED_HEAD = """\
# What ci/github/setup installs, where a token that can write may come to it: all that runs, and
# what builds it.  `ci/freeze.py --locked` writes it.
"""
HEAD = """\
# Versions that CI tests beside the lowest ones of pyproject.toml, for Python 3.11 and newer:
# `ci/freeze.py` writes them.
# pip install -c ci/constraints.txt -e ".[dev]"
"""


def declared(*, extras: bool) -> list[Requirement]:
    """The dependencies in pyproject.toml, those of its extras included if asked for."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    texts = list(project["dependencies"])
    if extras:
        texts += [one for extra in project["optional-dependencies"].values() for one in extra]
    return [one for one in map(Requirement, texts) if canonicalize_name(one.name) != "socklat-gate"]


def closure(wanted: list[Requirement]) -> Iterator[str]:
    """``name==version`` of what is installed of these and of all that they need."""
    queue = [(one, "") for one in wanted]
    seen: set[tuple[str, frozenset[str]]] = set()
    while queue:
        one, extra = queue.pop()
        name = canonicalize_name(one.name)
        if one.marker and not one.marker.evaluate({"extra": extra}):
            continue
        if (name, frozenset(one.extras)) in seen:
            continue
        seen.add((name, frozenset(one.extras)))
        try:
            found = distribution(name)
        except PackageNotFoundError:
            continue  # of an extra that is not installed here
        yield f"{name}=={found.version}"
        for text in found.requires or ():
            queue += [(Requirement(text), extra) for extra in ("", *one.extras)]


def lowest() -> Iterator[str]:
    """``name==version`` with the version that each runtime dependency begins with."""
    for one in declared(extras=False):
        (least,) = (part for part in one.specifier if part.operator == ">=")
        marker = f"; {one.marker}" if one.marker else ""
        yield f"{one.name}=={least.version}{marker}"


def tools() -> Iterator[str]:
    """The extra ``test`` without the object store's server, which needs newer versions."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    for text in project["optional-dependencies"]["test"]:
        if Requirement(text).name != "moto":
            yield text


def locked() -> str:
    """What runs and what builds it, for all platforms and Pythons, at the newest versions."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    wanted = [*project["project"]["dependencies"], *project["build-system"]["requires"]]
    options = ["--universal", "--python-version", "3.10", "--generate-hashes", "--no-header"]
    options += ["--no-annotate", "--no-emit-index-url", "--quiet"]
    done = subprocess.run(
        ["uv", "pip", "compile", *options, "-"],  # noqa: S607 - whichever is installed
        input="\n".join(wanted),
        capture_output=True,
        text=True,
        check=True,
    )
    return LOCKED_HEAD + done.stdout


def main() -> None:
    """Write what was asked for."""
    if sys.argv[1:] == ["--locked"]:
        LOCKED.write_text(locked(), encoding="utf-8")
        return
    printed = {("--lowest",): lowest, ("--tools",): tools}.get(tuple(sys.argv[1:]))
    if printed:
        sys.stdout.writelines(f"{line}\n" for line in printed())
    else:
        lines = sorted(set(closure(declared(extras=True))))
        PINNED.write_text(HEAD + "".join(f"{line}\n" for line in lines), encoding="utf-8")


if __name__ == "__main__":
    main()
