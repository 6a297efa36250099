"""ci/requirements.txt: what runs beside a token that can write is pinned, and known by its hash."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest
import yaml
from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
WANTED = [*PROJECT["project"]["dependencies"], *PROJECT["build-system"]["requires"]]
LOCKED = re.sub(r"\\\n", " ", (ROOT / "ci" / "requirements.txt").read_text("utf-8"))
LINES = [line.strip() for line in LOCKED.splitlines() if line[:1].isalnum()]
PYTHONS = ("3.10", "3.11", "3.12", "3.13", "3.14")


def pinned(line: str) -> Requirement:
    return Requirement(line.partition(" --hash=")[0])


@pytest.mark.parametrize("line", LINES, ids=lambda line: line.split()[0])
def test_each_has_one_version_and_hashes(line: str) -> None:
    (version,) = pinned(line).specifier
    assert version.operator == "=="
    hashes = line.split()[line.split().index(next(w for w in line.split() if "--hash" in w)) :]
    assert all(re.fullmatch(r"--hash=sha256:[0-9a-f]{64}", one) for one in hashes)


@pytest.mark.parametrize("python", PYTHONS)
@pytest.mark.parametrize("text", WANTED)
def test_all_that_is_imported_is_there_for_each_python(text: str, python: str) -> None:
    wanted = Requirement(text)
    environment = {**default_environment(), "python_version": python}
    environment["python_full_version"] = f"{python}.0"
    if wanted.marker and not wanted.marker.evaluate(environment):
        return
    (found,) = [
        one
        for one in map(pinned, LINES)
        if canonicalize_name(one.name) == canonicalize_name(wanted.name)
        and (one.marker is None or one.marker.evaluate(environment))
    ]
    (version,) = found.specifier
    assert wanted.specifier.contains(version.version)


def test_nothing_is_installed_without_hashes_beside_a_token() -> None:
    setup = (ROOT / "ci" / "github" / "setup").read_text("utf-8")
    installs = re.findall(r'^ *"\$\{install\[@\]\}" (.*)$', setup, re.MULTILINE)
    assert len(re.findall(r"\bpip install\b", setup)) == 1
    assert [("--require-hashes" in one, "--no-index" in one) for one in installs] == [
        (True, False),
        (False, True),
    ]
    for workflow in (ROOT / ".github" / "workflows").glob("*.yml"):
        document = yaml.safe_load(workflow.read_text("utf-8"))
        for job in document["jobs"].values():
            scripts = [step.get("run", "") for step in job.get("steps", ())]
            writes = "write" in (job.get("permissions") or {}).values()
            # What a release is made of is attested by the job after.
            if writes or workflow.stem == "release":
                for line in "\n".join(scripts).splitlines():
                    assert "pipx" not in line
                    assert "pip install" not in line or "--require-hashes" in line


def test_no_address_of_an_index_is_in_it() -> None:
    assert "://" not in "".join(line for line in LOCKED.splitlines() if not line.startswith("#"))
