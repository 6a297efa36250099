"""What a gate left behind, as a step can show it: a result, or the reason why there is none."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from socklat_gate.baseline.campaigns import result_at
from socklat_gate.documents.reading import RESULT_FILE
from socklat_gate.errors import Exit, NoUsableBaseline, Reason, UsageError
from socklat_gate.forge.exit_policy import Ending, meaning_of, outcome_exit
from socklat_gate.forge.scenario_name import scenario_name
from socklat_gate.git import COMMIT
from socklat_gate.job.commit import DIRTY
from socklat_gate.masking import mask_foreign
from socklat_gate.measured.result import Result, RunResult
from socklat_gate.report.report import Report, report_of
from socklat_gate.wording.headline import headline, next_step
from socklat_gate.wording.markdown_escape import code, md
from socklat_gate.wording.sanitise import FOREIGN
from socklat_gate.wording.sentence import plain
from socklat_gate.wording.units import commit_id

__all__ = ["MAX_TAIL_BYTES", "Finding", "finding_of", "not_measured"]

MAX_TAIL_BYTES = 1 << 16
SHOWN_LINES = 20
VERDICTS = {Exit.PASS, Exit.REGRESSION, Exit.INCONCLUSIVE}
"""Exit codes that say nothing without a result."""

COLOUR = re.compile(r"\x1b\[[0-9;]*m")


@dataclass(frozen=True, slots=True)
class Finding:
    """How a gate ended; ``result`` is None when it has no result, ``problem`` is then the reason.

    ``exit_code`` is that of its process, which alone shows nothing: see `ending`.  ``tail`` are the
    last lines of its output; ``scenario`` is empty when not known.
    """

    exit_code: int
    scenario: str
    result: Result | None
    problem: str
    tail: tuple[str, ...]

    @property
    def ending(self) -> Ending:
        """What the job goes by: a gate that passed has a result of its own which says so.

        An exit code of 0 or 4 without one is an invalid measurement, and so is a result without
        verdict: neither may make a check green or neutral.
        """
        if self.result is None or isinstance(self.result, RunResult):
            unproven = self.exit_code in (Exit.PASS, Exit.INCONCLUSIVE)
            return Ending(int(Exit.INVALID) if unproven else self.exit_code)
        verdict = self.result.verdict
        new = {reason.code for reason in verdict.reasons} == {Reason.NO_BASELINE_YET}
        return Ending(self.exit_code, verdict.only_undecided, no_baseline_yet=new)

    @property
    def changed(self) -> bool:
        """Whether files were not as in the commit that was measured, or nobody can tell."""
        return self.result is not None and self.result.commit.endswith(DIRTY)

    @property
    def sentence(self) -> str:
        """One sentence, plain text."""
        return plain(headline(self.result)) if self.result else self.problem

    @property
    def advice(self) -> str:
        """What to do next, plain text; empty without a result."""
        return plain(next_step(self.result)) if self.result else ""

    @property
    def report(self) -> Report | str:
        """The result's report, else the problem and the end of the output as markdown."""
        if self.result:
            return report_of(self.result)
        lines = "".join(f"- {code(line)}\n" for line in self.tail if line.strip())
        ending = f"\nThe end of its output:\n\n{lines}" if lines else ""
        return f"⊘ **NO VERDICT** - {md(self.problem, 600)}\n{ending}"


def not_measured(why: str, scenario: Path | None, base: str = "") -> Finding:
    """That a job ended before its gate began; ``why`` is a clause, ``base`` as in `finding_of`."""
    name = scenario_name(scenario, base) if scenario else ""
    return Finding(int(Exit.INVALID), name, None, f"nothing was measured: {why}", ())


def finding_of(
    directory: Path,
    exit_code: int,
    log: Path | None,
    scenario: Path | None,
    base: str = "",
    commits: Collection[str] = (),
) -> Finding:
    """What the gate of a scenario file that wrote its reports to ``directory`` ended with.

    ``base`` is the branch or commit that the change goes to, where a name is looked for that the
    file here does not have.  ``commits`` are those that this job may have measured; none where that
    is not known.
    """
    tail = _tail(log)
    ended = (
        f"there is no result (exit code {exit_code})"
        if exit_code in VERDICTS
        else f"socklat-gate {meaning_of(exit_code)} (exit code {exit_code})"
    )
    name = scenario_name(scenario, base) if scenario else ""
    file = directory / RESULT_FILE
    try:
        result = result_at(file)
        wrong = _whose(result, exit_code, name, commits)
    except (NoUsableBaseline, UsageError) as error:
        result, wrong = None, error.message if file.exists() else ""
    if result is not None and not wrong:
        return Finding(exit_code, result.scenario_name, result, "", tail)
    errors = [line for line in tail if line.startswith("error: ")]
    # Where sudo refuses, it ends with the exit code of a regression.
    errors = errors or [line for line in tail if line.startswith("sudo: ")]
    why = errors[-1].removeprefix("error: ") if errors else ""
    problem = f"{ended}: {wrong or why}" if wrong or why else ended
    return Finding(exit_code, name, None, problem, tail)


def _whose(result: Result, exit_code: int, name: str, commits: Collection[str]) -> str:
    """Whose a result is that an earlier run left, which is no verdict of this one; else empty."""
    commit = result.commit.removesuffix(DIRTY)
    if commits and COMMIT.fullmatch(commit) and commit not in commits:
        return f"the reports there are of another commit, {commit_id(commit)}"
    if name and result.scenario_name != name:
        return f"the reports there are of another scenario, {result.scenario_name}"
    return "" if outcome_exit(result) == exit_code else "the reports there are another run's"


def _tail(log: Path | None) -> tuple[str, ...]:
    if log is None or not log.is_file():
        return ()
    with log.open("rb") as file:
        data = file.read(MAX_TAIL_BYTES)
    # Before anything is escaped: a secret with an entity in it is found no more.
    text = mask_foreign(COLOUR.sub("", data.decode("utf-8", "replace")))
    lines = text.splitlines()
    # What a container or a tool wrote is for the job's log alone.
    own = [line for line in lines if not line.startswith(FOREIGN)]
    return tuple(own[-SHOWN_LINES:])
