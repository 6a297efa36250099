"""A job as its CI system's variables describe it: one reader for the table of all systems."""

from __future__ import annotations

import re
from dataclasses import dataclass

from socklat_gate.ci_variables.system import FETCH_ALL, CiSystem, Fork, From, Variables
from socklat_gate.ci_variables.systems import SYSTEMS
from socklat_gate.ci_variables.teamcity import with_properties

__all__ = ["NO_CI", "CiRun", "ci_run", "fetch_all", "queued_for"]

# GitHub's merge queue tests a branch of its own, which becomes the target branch.
_QUEUE = re.compile(r"gh-readonly-queue/(.+)/pr-[0-9]+-[0-9a-f]{40,64}")
_URL = re.compile(r"https?://[A-Za-z0-9.:\[\]-]+(?:/[A-Za-z0-9._~%+=?&#-]*)*")


@dataclass(frozen=True, slots=True)
class CiRun:
    """A job as its CI system describes it; what it does not say is empty.

    ``commit`` is the one checked out, ``head`` the one that people know: of a pull request its own
    newest.  ``branch`` is that of the code: of a pull request the one it comes from.  ``target`` is
    the branch that a pull request is for, ``number`` its number (0: none).  ``merged``: the commit
    is a merge whose first parent is the target's.  ``fork``: whether the code is another
    repository's.  ``run_url`` is where people see the job, ``job`` its name, ``parallel`` what
    tells it from others of the same definition, ``history`` how its checkout gets the
    whole history.
    """

    system: str = ""
    commit: str = ""
    head: str = ""
    branch: str = ""
    target: str = ""
    number: int = 0
    merged: bool = False
    fork: Fork = "no"
    run_url: str = ""
    job: str = ""
    parallel: str = ""
    history: str = FETCH_ALL


NO_CI = CiRun()


def ci_run(environment: Variables) -> CiRun:
    """The job that these variables describe; `NO_CI` where none of the known systems set them."""
    environment = with_properties(environment)
    for system in SYSTEMS:
        if _first(environment, system.signs):
            return _run_of(system, environment)
    return NO_CI


def queued_for(branch: str) -> str:
    """The branch that a merge queue's own branch is to become; "" of any other."""
    found = _QUEUE.fullmatch(branch)
    return found[1] if found else ""


def fetch_all(environment: Variables) -> str:
    """What to do where a commit is missing."""
    run = ci_run(environment)
    where = f"in {run.system}, {run.history}" if run.system else run.history
    return f"fetch the whole history: {where}"


def _run_of(system: CiSystem, environment: Variables) -> CiRun:
    number = int(_first(environment, system.number) or 0)
    commit = _first(environment, system.commit)
    tagged = not number and any(environment.get(name) for name in system.tag)
    branch = "" if tagged else _first(environment, system.branch)
    target = _first(environment, system.target)
    if queued_for(branch):
        branch = target = queued_for(branch)
    elif _first(environment, system.queued):
        branch = target
    elif not (number or system.targets_pull_requests):
        target = ""
    return CiRun(
        system=system.name,
        commit=commit,
        head=_first(environment, system.head) or commit,
        branch=branch,
        target=target,
        number=number,
        merged=bool(_first(environment, system.merged)),
        fork=system.fork(environment),
        run_url=_filled(system.run_url, environment),
        job=_first(environment, system.job),
        parallel=_first(environment, system.parallel),
        history=system.history,
    )


def _first(environment: Variables, sources: tuple[From, ...]) -> str:
    for name, pattern in sources:
        found = re.fullmatch(pattern, environment.get(name, "").strip())
        if found:
            return found[1]
    return ""


def _filled(template: str, environment: Variables) -> str:
    """The address, if all of it is known and it is one: it goes into markdown."""
    names = re.findall(r"\{(\w+)\}", template)
    if not names or not all(environment.get(name) for name in names):
        return ""
    address = template.format(**{name: environment[name] for name in names})
    return address if _URL.fullmatch(address) else ""
