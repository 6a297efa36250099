"""A runner's machine whose gate replays recorded results; all else of socklat-gate is real."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml

from socklat_gate.forge.exit_policy import outcome_exit
from socklat_gate.measured.result import Result, RunResult
from socklat_gate.measured.verdict import Outcome
from socklat_gate.report.writer import write_reports
from tests.unit.factories import make_result, make_waived
from tests.unit.forge.github.runner_files import outputs_of
from tests.unit.repositories import Repository

__all__ = [
    "SCENARIO",
    "Ended",
    "Machine",
    "buildkite_job",
    "documented",
    "forgejo_job",
    "gitlab_job",
    "jenkins_job",
    "measured_alone",
    "recorded",
]

ROOT = Path(__file__).resolve().parents[4]
HOWTO = ROOT / "docs" / "howto"
SCENARIO = 'name = "checkout"\n[service]\nbuild = "."\nport = 80\n[load]\npayload = "x"\n'

# What measures is replaced: it shows which commits git and CI name, and copies a recorded result.
GATE = """#!{python}
import json, os, shutil, sys
sys.path.insert(0, {source!r})
sys.argv[0] = {command!r}
words = sys.argv[1:]
if words[:1] not in (["gate"], ["run"]):
    from socklat_gate.cli import main
    main()
from pathlib import Path
from socklat_gate.ci_variables import ci_run
from socklat_gate.job.commit import current_branch, current_commit
from socklat_gate.job.lineage import lineage_of
here = Path.cwd()
option = lambda name: words[words.index(name) + 1] if name in words else ""
links = None
if {limits}:
    from socklat_gate.job.gate_from import planned_scenario
    planned, notes = planned_scenario(here / words[1], option("--gate-from"))
    links = [waiver.link for waiver in planned.waiver]
told = {{
    "words": words,
    "variables": sorted(os.environ),
    "commit": current_commit(here),
    "branch": current_branch(here),
    "number": ci_run(os.environ).number,
    "base": lineage_of(here, option("--baseline-ref")).commits[0],
    "waivers": links,
}}
Path({told!r}).write_text(json.dumps(told))
recorded = Path({recorded!r})
out = here / option("--out")
for file in (recorded / "reports").iterdir():
    shutil.copy(file, out)
sys.exit(int((recorded / "code").read_text()))
"""
SUDO = """#!/bin/sh
while case $1 in -*) true ;; *) false ;; esac; do shift; done
exec "$@"
"""
AGENT = """#!/bin/sh
[ -n "$BUILDKITE_AGENT_ACCESS_TOKEN" ] || {{ echo "fatal: no access token" >&2; exit 1; }}
[ "$1 $2 $4" = "annotate --style --context" ] || exit 2
[ ! -e {place}/refuse ] || {{ echo "fatal: $BUILDKITE_AGENT_ACCESS_TOKEN: 422" >&2; exit 1; }}
mkdir -p {place}/annotations
printf '%s\\n' "$3" > {place}/annotations/"$5"
cat >> {place}/annotations/"$5"
"""
WITHHELD = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR")


def recorded(
    outcome: Outcome, commit: str = "1f2e3d4c5b6a", branch: str = "topic", *, waived: bool = False
) -> Result:
    """A gate's result, as one that was measured at ``commit`` of ``branch``."""
    result = make_result("gate", outcome)
    assert not isinstance(result, RunResult)
    verdict = result.verdict
    if waived:
        link = make_waived("https://tracker.example/PERF-1")
        metrics = [replace(one, waived=link, change=0.31) for one in verdict.metrics[:1]]
        verdict = replace(verdict, metrics=(*metrics, *verdict.metrics[1:]))
    return replace(result, verdict=verdict, commit=commit, branch=branch)


def measured_alone(commit: str, branch: str) -> Result:
    """What `socklat-gate run` leaves."""
    result = make_result("run")
    assert isinstance(result, RunResult)
    campaign = replace(result.campaign, commit=commit, branch=branch)
    return replace(result, commit=commit, branch=branch, campaign=campaign)


@dataclass(frozen=True)
class Ended:
    """How a job's script ended, and what its log has."""

    code: int
    log: str


class Machine:
    """A directory with the commands that a job finds in its PATH.

    ``limits``: also what of the scenario's waivers counts is looked up when it measures.
    """

    def __init__(self, directory: Path, *, limits: bool = False) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self.directory = directory
        self.bin = directory / "bin"
        self.bin.mkdir()
        self._told = directory / "told.json"
        self._recorded = directory / "recorded"
        scripts = {
            "socklat-gate": GATE.format(
                python=sys.executable,
                source=str(ROOT / "gate"),
                command=str(self.bin / "socklat-gate"),
                told=str(self._told),
                recorded=str(self._recorded),
                limits=limits,
            ),
            "sudo": SUDO,
            "buildkite-agent": AGENT.format(place=directory),
        }
        for name, text in scripts.items():
            (self.bin / name).write_text(text, "utf-8")
            (self.bin / name).chmod(0o755)

    @property
    def told(self) -> dict[str, Any]:
        """What the last measurement knew of its job."""
        found: dict[str, Any] = json.loads(self._told.read_text("utf-8"))
        return found

    @property
    def annotations(self) -> dict[str, str]:
        """Bodies by context, after a line with the style."""
        place = self.directory / "annotations"
        return {file.name: file.read_text("utf-8") for file in place.glob("*")}

    def replay(self, result: Result, code: int | None = None) -> None:
        """Let the next measurement end with this result, and with its exit code."""
        shutil.rmtree(self._recorded, ignore_errors=True)
        write_reports(result, self._recorded / "reports")
        (self._recorded / "code").write_text(str(outcome_exit(result) if code is None else code))

    def replay_failure(self, code: int) -> None:
        """Let it end without a result."""
        shutil.rmtree(self._recorded, ignore_errors=True)
        (self._recorded / "reports").mkdir(parents=True)
        (self._recorded / "code").write_text(str(code))

    def run(
        self, workspace: Repository, script: str, variables: Mapping[str, str], *flags: str
    ) -> Ended:
        """The script in bash with these flags, in an environment of ``variables``."""
        kept = {name: os.environ[name] for name in WITHHELD if name in os.environ}
        done = subprocess.run(
            ["bash", "--noprofile", "--norc", *flags, "-c", script],
            env={**kept, **variables, "PATH": f"{self.bin}:{os.environ['PATH']}"},
            cwd=workspace.path,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
        )
        return Ended(done.returncode, done.stdout.decode("utf-8", "replace"))


def documented(page: str, host: str) -> list[str]:
    """The blocks of a page that are said to be tested for a host."""
    text = (HOWTO / f"{page}.md").read_text("utf-8")
    blocks = re.findall(rf"<!-- tested: {host} -->\n```\w+\n(.*?)```", text, re.DOTALL)
    assert blocks
    return blocks


def gitlab_job(
    machine: Machine, workspace: Repository, at: int, variables: Mapping[str, str]
) -> Ended:
    """A job of docs/howto/gitlab.md, run as GitLab's shell executor does."""
    (job,) = yaml.safe_load(documented("gitlab", "gitlab")[at]).values()
    own = {name: _expanded(str(v), variables) for name, v in job.get("variables", {}).items()}
    script = "\n".join(job["script"])
    return machine.run(workspace, script, {**variables, **own}, "-e", "-o", "pipefail")


def forgejo_job(
    machine: Machine, workspace: Repository, at: int, variables: Mapping[str, str], token: str
) -> Ended:
    """A workflow of docs/howto/forgejo.md: its steps that are scripts, one after another."""
    (job,) = yaml.safe_load(documented("forgejo", "forgejo")[at])["jobs"].values()
    values = {"secrets.LATENCY_TOKEN": token}
    log = ""
    for number, step in enumerate(job["steps"]):
        if "run" not in step:
            continue
        output = machine.directory / f"output-{at}-{number}"
        output.write_text("")
        own = {
            name: re.sub(r"\$\{\{ (.*?) \}\}", lambda found: values[found[1]], str(text))
            for name, text in step.get("env", {}).items()
        }
        files = {"GITHUB_OUTPUT": str(output)}
        done = machine.run(
            workspace, step["run"], {**variables, **files, **own}, "-e", "-o", "pipefail"
        )
        log += done.log
        if done.code:
            return Ended(done.code, log)
        for name, text in outputs_of(output).items():
            values[f"steps.{step['id']}.outputs.{name}"] = text
    return Ended(0, log)


def buildkite_job(
    machine: Machine, workspace: Repository, at: int, variables: Mapping[str, str]
) -> Ended:
    """A script of docs/howto/buildkite.md."""
    return machine.run(workspace, documented("buildkite", "buildkite")[at], variables)


def jenkins_job(
    machine: Machine,
    workspace: Repository,
    at: int,
    variables: Mapping[str, str],
    credentials: Mapping[str, str],
) -> Ended:
    """The scripts of a Jenkinsfile in docs/howto/jenkins.md; credentials where they are bound."""
    text = documented("jenkins", "jenkins")[at]
    log = ""
    for before, script in re.findall(r"(.*?)\bsh '''\n(.*?)'''", text, re.DOTALL):
        bound = credentials if "withCredentials" in before else {}
        done = machine.run(workspace, script, {**variables, **bound}, "-x", "-e")
        log += done.log
        if done.code:
            return Ended(done.code, log)
    return Ended(0, log)


def _expanded(text: str, variables: Mapping[str, str]) -> str:
    return re.sub(r"\$(\w+)", lambda found: variables.get(found[1], ""), text)
