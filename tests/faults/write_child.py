"""One call after the other fails, in a child each: prints how many there were, and what was wrong.

Run with ``writes.c`` preloaded, whose counter begins at 0 in every child.
"""

from __future__ import annotations

import io
import json
import os
import shutil
import sys
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import replace
from pathlib import Path

from socklat_gate.baseline.store import BaselineStore
from socklat_gate.cli import main
from socklat_gate.documents.files import read_result
from socklat_gate.documents.reading import RESULT_FILE
from socklat_gate.errors import GateError
from socklat_gate.report.formats.registry import report_files
from socklat_gate.report.writer import write_reports

MOST_CALLS = 400
RIGHT = {"report": {1, 4, 2}, "store": {0, 2}}
FINE = {"report": {1, 4}, "store": {0}}


def run() -> int:
    target, stored, home = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
    under, kind = home / "under", os.environ["SOCKLAT_FAULT_KIND"]
    base = _earlier(stored, home / "base")
    words = _words(target, base, stored, under)
    # Elsewhere, where nothing is counted: imports and templates are then there for all children.
    code = _main(_words(target, base, stored, home / "elsewhere"), text := io.StringIO())
    if code not in FINE[target]:
        raise SystemExit(f"without a fault: {code} {text.getvalue()}")
    wrong: list[str] = []
    calls = 0
    for at in range(1, MOST_CALLS):
        shutil.rmtree(under, ignore_errors=True)
        under.mkdir()
        count = home / "count"
        count.unlink(missing_ok=True)
        code, said = _child(words, at, kind, home)
        wrong += [f"call {at}: {one}" for one in _judge(target, under, code, said, kind)]
        again, said = _child(words, 0, kind, home)
        if again not in FINE[target]:
            wrong.append(f"call {at}: afterwards exit code {again}: {said[-200:]}")
        wrong += [f"call {at}: afterwards {one}" for one in _state(target, under, again)]
        wrong += [f"call {at}: left {path.name}" for path in under.rglob(".*.tmp")]
        made = int(count.read_text().split()[-1]) if count.exists() else at
        if made < at:
            calls = made
            break
    print(json.dumps({"calls": calls, "wrong": wrong}))
    return 0


def _earlier(stored: Path, base: Path) -> Path:
    """The same numbers as of another day: a campaign is not compared with itself."""
    result = read_result(stored / RESULT_FILE)
    campaign = result.campaign
    assert campaign is not None
    earlier = replace(result, campaign=replace(campaign, created="2026-01-01T00:00:00Z"))
    write_reports(earlier, base)
    return base


def _words(target: str, base: Path, stored: Path, under: Path) -> list[str]:
    if target == "report":
        return ["compare", str(base), str(stored), "--out", str(under)]
    return ["baseline", "promote", str(stored), "--allow-dirty", "--baselines", str(under)]


def _main(words: list[str], text: io.StringIO) -> int:
    code = 99
    try:
        with redirect_stderr(text), redirect_stdout(io.TextIOWrapper(io.BytesIO())):
            main(words)
    except SystemExit as ended:
        code = int(ended.code or 0)
    except BaseException as error:
        text.write(f"Traceback {error!r}")
    return code


def _child(words: list[str], at: int, kind: str, home: Path) -> tuple[int, str]:
    said = home / "said"
    pid = os.fork()
    if pid == 0:
        os.environ["SOCKLAT_WRITES_AT"] = str(at)
        os.environ["SOCKLAT_WRITES_DO"] = kind
        if at:
            os.environ["SOCKLAT_WRITES_COUNT"] = str(home / "count")
        text = io.StringIO()
        code = _main(words, text)
        said.write_text(text.getvalue())
        # The library's own end, which writes the count, is that of the process.
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115
        raise SystemExit(code)
    _, status = os.waitpid(pid, 0)
    code = os.waitstatus_to_exitcode(status)
    return code, said.read_text() if said.exists() and code >= 0 else ""


def _judge(target: str, under: Path, code: int, said: str, kind: str) -> list[str]:
    wrong = []
    if code == -9 and kind == "kill":
        return _state(target, under, code)
    if code not in RIGHT[target]:
        wrong.append(f"exit code {code}: {said[-300:]}")
    if "Traceback" in said:
        wrong.append(f"a traceback: {said[-300:]}")
    if code == 2 and said.count("error: ") != 1:
        wrong.append(f"no error, or more than one: {said[-300:]}")
    return wrong + _state(target, under, code)


def _state(target: str, under: Path, code: int) -> list[str]:
    if target == "store":
        problems = [problem for _, problem in BaselineStore.at(under).verify() if problem]
        if code == 0 and not list(under.glob("*/*.json")):
            problems.append("exit code 0, and nothing is stored")
        return problems
    verdict = under / "verdict.json"
    if not verdict.exists():
        return [] if code in {2, -9} else [f"exit code {code} without verdict.json"]
    missing = [name for name in report_files() if not (under / name).exists()]
    wrong = [f"verdict.json without {', '.join(missing)}"] if missing else []
    try:
        said = json.loads(verdict.read_text("utf-8"))["exit_code"]
        read_result(under / "result.json")
    except (ValueError, KeyError, GateError) as error:
        return [*wrong, f"a report cannot be read: {error!r}"]
    # What failed may be what comes after the last report, as flushing its directory.
    if code >= 0 and code not in {said, 2}:
        wrong.append(f"verdict.json says {said}, the exit code {code}")
    return wrong


if __name__ == "__main__":
    sys.exit(run())
