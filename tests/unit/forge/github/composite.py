"""Runs a composite action as the runner does: expressions, command files, bash."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from tests.unit.forge.github.runner_files import outputs_of

__all__ = ["CompositeRun", "StepRun", "load_yaml"]

EXPRESSION = re.compile(r"\$\{\{(.*?)\}\}")
TOKENS = re.compile(r"\s*('(?:[^']|'')*'|&&|\|\||==|!=|!|\(|\)|[A-Za-z_][A-Za-z0-9_.-]*)")


def load_yaml(path: Path) -> dict[Any, Any]:
    document = yaml.safe_load(path.read_text("utf-8"))
    assert isinstance(document, dict)
    return document


@dataclass
class StepRun:
    """What one step did; ``exit_code`` is None when it was skipped."""

    name: str
    exit_code: int | None = None
    log: str = ""
    outputs: dict[str, str] = field(default_factory=dict)
    summary: str = ""
    script: str = ""
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def outcome(self) -> str:
        """As the context ``steps`` has it."""
        if self.exit_code is None:
            return "skipped"
        return "failure" if self.exit_code else "success"


class CompositeRun:
    """One use of an action: ``inputs`` as in ``with:``, ``variables`` what the runner sets."""

    def __init__(
        self,
        action: Path,
        directory: Path,
        inputs: Mapping[str, str],
        variables: Mapping[str, str],
        artifact_url: str = "",
        matrix: Mapping[str, Any] | None = None,
    ) -> None:
        self.document = load_yaml(action)
        declared = self.document["inputs"]
        assert set(inputs) <= set(declared), "unknown inputs"
        self.directory = directory
        self.variables = dict(variables)
        self.artifact_url = artifact_url
        self.uploads: list[dict[str, str]] = []
        self.contexts: dict[str, Any] = {
            "github": {"token": variables.get("TEST_TOKEN", ""), "action_path": str(action.parent)},
            "inputs": {},
            "steps": {},
            "matrix": matrix,
        }
        for name, given in declared.items():
            default = self._text(str(given.get("default", "")))
            self.contexts["inputs"][name] = inputs.get(name, default)
        self.failed = False
        self.steps = [self._step(step) for step in self.document["runs"]["steps"]]
        outputs = self.document.get("outputs", {})
        self.outputs = {name: self._text(output["value"]) for name, output in outputs.items()}

    @property
    def exit_code(self) -> int:
        """Of the first step that failed; 0 when none did."""
        return next((step.exit_code for step in self.steps if step.exit_code), 0)

    @property
    def ended(self) -> dict[str, int]:
        """Exit codes of the steps that were not skipped, by name."""
        return {step.name: step.exit_code for step in self.steps if step.exit_code is not None}

    @property
    def log(self) -> str:
        return "".join(step.log for step in self.steps)

    def step(self, name: str) -> StepRun:
        return next(step for step in self.steps if step.name == name)

    def _step(self, step: dict[str, Any]) -> StepRun:
        done = StepRun(step["name"])
        if not self._condition(step.get("if", "success()")):
            self._note(step, done)
            return done
        if "uses" in step:
            self._upload(step, done)
        else:
            self._bash(step, done)
        if done.exit_code and not step.get("continue-on-error"):
            self.failed = True
        self._note(step, done)
        return done

    def _note(self, step: dict[str, Any], done: StepRun) -> None:
        if "id" in step:
            known = {"outputs": done.outputs, "outcome": done.outcome}
            self.contexts["steps"][step["id"]] = known

    def _upload(self, step: dict[str, Any], done: StepRun) -> None:
        assert step["uses"].startswith("actions/upload-artifact@"), step["uses"]
        self.uploads.append({name: self._text(str(v)) for name, v in step["with"].items()})
        done.exit_code = 0 if self.artifact_url else 1
        done.outputs = {"artifact-url": self.artifact_url}

    def _bash(self, step: dict[str, Any], done: StepRun) -> None:
        assert step["shell"] == "bash"
        number = len(list(self.directory.glob("step-*.sh")))
        script = self.directory / f"step-{number}.sh"
        script.write_text(step["run"], encoding="utf-8")
        files = {name: self.directory / f"{name}-{number}" for name in ("output", "summary", "env")}
        for path in files.values():
            path.touch()
        done.script = step["run"]
        done.environment = {name: self._text(str(v)) for name, v in step.get("env", {}).items()}
        ran = subprocess.run(
            ["bash", "--noprofile", "--norc", "-e", "-o", "pipefail", str(script)],
            env={
                **{name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ},
                **self.variables,
                "GITHUB_OUTPUT": str(files["output"]),
                "GITHUB_STEP_SUMMARY": str(files["summary"]),
                "GITHUB_ENV": str(files["env"]),
                **done.environment,
            },
            cwd=self.variables["GITHUB_WORKSPACE"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
        )
        done.exit_code = ran.returncode
        done.log = ran.stdout.decode("utf-8", "replace")
        done.outputs = outputs_of(files["output"])
        done.summary = files["summary"].read_text("utf-8")
        assert files["env"].read_text() == "", "no step may change the environment of later ones"

    def _text(self, template: str) -> str:
        return EXPRESSION.sub(lambda found: str(self._value(found[1].strip())), template)

    def _value(self, name: str) -> Any:
        as_json = re.fullmatch(r"toJSON\((.*)\)", name)
        if as_json:
            return json.dumps(self._value(as_json[1]))
        value: Any = self.contexts
        for part in name.split("."):
            value = value.get(part, "") if isinstance(value, dict) else ""
        return value

    def _condition(self, text: str) -> bool:
        """A condition of names, texts, comparisons and the functions of a job's state."""
        words = TOKENS.findall(text)
        assert "".join(words) == re.sub(r"\s", "", text), f"not understood: {text}"
        python = []
        for word in words:
            if word in {"always", "success", "failure"}:
                state = {"always": True, "success": not self.failed, "failure": self.failed}[word]
                python.append(f"(lambda: {state})")
            elif word in {"&&", "||", "!"}:
                python.append({"&&": "and", "||": "or", "!": "not"}[word])
            elif re.match(r"[A-Za-z_]", word):
                python.append(repr(str(self._value(word))))
            else:
                python.append(word)
        functions = {"always", "success", "failure"}
        condition = bool(eval(" ".join(python)))  # our own files, in tests
        return condition if functions & set(words) else condition and not self.failed
