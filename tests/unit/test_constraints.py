"""ci/constraints.txt pins every dependency, at a version that pyproject.toml allows."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
EXTRAS = [one for extra in PROJECT["optional-dependencies"].values() for one in extra]
WANTED = [
    one
    for one in map(Requirement, [*PROJECT["dependencies"], *EXTRAS])
    if one.name != PROJECT["name"]
    and (one.marker is None or one.marker.evaluate({"python_version": "3.11"}))
]
PINNED = {
    canonicalize_name(one.name): str(one.specifier).removeprefix("==")
    for line in (ROOT / "ci" / "constraints.txt").read_text("utf-8").splitlines()
    if not line.startswith("#")
    for one in [Requirement(line)]
}


@pytest.mark.parametrize("wanted", WANTED, ids=str)
def test_a_dependency_is_pinned_at_a_version_that_is_allowed(wanted: Requirement) -> None:
    assert wanted.specifier.contains(PINNED[canonicalize_name(wanted.name)])


@pytest.mark.parametrize("text", PROJECT["dependencies"])
def test_a_dependency_has_one_lowest_version(text: str) -> None:
    assert [part.operator for part in Requirement(text).specifier].count(">=") == 1
