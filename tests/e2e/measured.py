"""One run of a scenario whose requests have names, and what must hold of every such run."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from socklat_gate.documents.files import read_result
from socklat_gate.measured.run import Run
from tests.e2e.done import Done
from tests.e2e.harness import Gate

__all__ = ["measured", "run_once"]

TRIES = 4


def run_once(gate: Gate, path: Path, log: Path | None = None) -> Done:
    """One run; with ``log``, of which the machine made no second one, so that it has all of it."""
    for _ in range(TRIES):
        if log is not None:
            log.unlink(missing_ok=True)
        done = gate.run("run", path, "--runs", 1)
        assert done.code == 0, done.stderr
        if log is None or "run excluded: " not in done.stderr:
            return done
    raise AssertionError(f"{TRIES} times a run was excluded: {done.stderr}")


def measured(
    gate: Gate, path: Path, names: Sequence[str], *, more_than: int, log: Path | None = None
) -> Run:
    """The run, in which nothing failed and ``more_than`` so many exchanges have their request.

    ``log`` as for `run_once`.
    """
    run_once(gate, path, log)
    result = read_result(gate.out / "result.json")
    assert result.completeness is not None
    assert result.completeness.balanced
    assert result.campaign is not None
    [run] = result.campaign.runs
    assert run.load.errors == 0, run.load.first_error
    assert list(run.requests) == list(names)
    assert run.join is not None
    assert run.join.logged == run.join.joined > more_than
    assert run.join.mismatched == 0
    return run
