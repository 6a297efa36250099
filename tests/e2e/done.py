"""What a command that has ended said and wrote, and whether all of it agrees."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from socklat_gate.documents.files import read_result
from socklat_gate.errors import Exit, Reason
from socklat_gate.report.formats.verdict_json import verdict_document

__all__ = ["Done"]

WORDS = {0: "PASS", 1: "REGRESSION", 4: "INCONCLUSIVE", 5: "NO BASELINE", 6: "INVALID"}


@dataclass(frozen=True, slots=True)
class Done:
    """A command that has ended; ``out`` is where its reports go."""

    code: int
    stdout: str
    stderr: str
    out: Path

    @property
    def verdict(self) -> Any:
        """``verdict.json``."""
        return json.loads((self.out / "verdict.json").read_text("utf-8"))

    @property
    def report(self) -> str:
        """``report.md``."""
        return (self.out / "report.md").read_text("utf-8")

    def refused(self, code: Exit, reason: Reason) -> str:
        """Check that it failed as documented and without a verdict; returns the error's text."""
        said = f"{self.stdout}\n{self.stderr}"
        assert self.code == code, said
        assert "Traceback" not in self.stderr, said
        assert self.stderr.count("error: ") == 1, said
        assert f"[{reason.value}]" in self.stderr, said
        assert not (self.out / "verdict.json").exists()
        return self.stderr.partition("error: ")[2]

    def judged(self, code: Exit, reason: Reason) -> Any:
        """Check that its verdict is the expected one and that all reports agree; returns it."""
        said = f"{self.stdout}\n{self.stderr}"
        assert self.code == code, said
        assert "Traceback" not in self.stderr, said
        verdict = self.verdict
        assert verdict["exit_code"] == code
        assert verdict["verdict"] == WORDS[code].lower().replace(" ", "_")
        assert reason.value in [given["code"] for given in verdict["reasons"]], verdict["reasons"]
        assert verdict == verdict_document(read_result(self.out / "result.json"))
        assert f"**{WORDS[code]}**" in self.report.splitlines()[0]
        assert f"`{reason.value}`" in self.report
        return verdict
