"""What a test does with the fixture ``socklat``: measure, compare with a baseline, assert."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from socklat_gate.errors import GateError, Interrupted
from socklat_gate.interrupt import interruptible
from socklat_gate.job.entry import gate_job, run_job
from socklat_gate.job.progress import Progress
from socklat_gate.job.settings import baselines_at, seed_or_random, with_limits
from socklat_gate.measured.result import GateResult, RunResult
from socklat_gate.measured.verdict import Outcome, Verdict
from socklat_gate.pytest_plugin.recording import record
from socklat_gate.report.report import Report
from socklat_gate.report.writer import check_writable, discard_reports, write_reports
from socklat_gate.scenario import Scenario
from socklat_gate.scenario.loader import load_scenario
from socklat_gate.wording.sanitise import foreign_lines
from socklat_gate.wording.sentence import plain

__all__ = ["SocklatFixture"]


class SocklatFixture:
    """One test's gate.  Everything that it starts is removed when the call returns."""

    def __init__(self, request: pytest.FixtureRequest) -> None:
        self._config = request.config
        self._node = request.node
        self._calls = 0

    def gate(
        self,
        scenario: str | Path = "socklat.toml",
        *,
        candidate_image: str | None = None,
        baseline_image: str | None = None,
        baseline_ref: str | None = None,
        max_pairs: int | None = None,
        max_minutes: float | None = None,
        seed: int | None = None,
        allow_same_image: bool = False,
    ) -> GateResult:
        """Measures reference and candidate side by side, and asserts that nothing got slower.

        The reference is the image or commit given, else the stored baseline.  The test fails for a
        regression, without a usable baseline, when the measurement is invalid and when something
        could not be judged; it is skipped, with the reason, when the budget is spent undecided
        (``--socklat-fail-on`` says otherwise).  Relative paths start at the test's own directory.
        """
        path, loaded = self._scenario(scenario)
        out = self._out()
        with _errors_as_failures(), Progress() as progress:
            result = gate_job(
                path,
                with_limits(loaded, max_pairs=max_pairs, max_minutes=max_minutes),
                baselines=baselines_at(self._config.getoption("--socklat-baselines"), path),
                seed=seed_or_random(seed),
                progress=progress,
                candidate_image=candidate_image,
                baseline_image=baseline_image,
                baseline_ref=baseline_ref,
                allow_same_image=allow_same_image,
            )
        report = write_reports(result, out)
        record(self._config, self._node, report, loaded.gate.of_runs)
        self._assert_passed(result.verdict, report, out)
        return result

    def measure(
        self,
        scenario: str | Path = "socklat.toml",
        *,
        image: str | None = None,
        runs: int = 5,
        seed: int | None = None,
    ) -> RunResult:
        """Measures one image alone, in ``runs`` fresh containers; asserts nothing.

        The distributions are in ``result.campaign.runs``, the reports beside those of `gate`.
        """
        path, loaded = self._scenario(scenario)
        out = self._out()
        with _errors_as_failures(), Progress() as progress:
            result = run_job(
                path,
                loaded,
                runs=runs,
                seed=seed_or_random(seed),
                progress=progress,
                image=image,
                baselines=baselines_at(self._config.getoption("--socklat-baselines"), path),
            )
        record(self._config, self._node, write_reports(result, out), loaded.gate.of_runs)
        return result

    def _scenario(self, given: str | Path) -> tuple[Path, Scenario]:
        path = self._node.path.parent / given
        with _errors_as_failures():
            return path, load_scenario(path)

    def _out(self) -> Path:
        """A directory for this call's reports, emptied of earlier ones."""
        self._calls += 1
        name = re.sub(r"[^A-Za-z0-9._-]+", "-", self._node.name).strip("-.")[:100] or "test"
        name += f"-{self._calls}" if self._calls > 1 else ""
        out: Path = self._config.getoption("--socklat-out") / name
        with _errors_as_failures():
            check_writable(out)
            discard_reports(out)
        return out

    def _assert_passed(self, verdict: Verdict, report: Report, out: Path) -> None:
        summary = f"{plain(report.head.headline)} (reports in {out})"
        if verdict.outcome is Outcome.PASS:
            return
        fail_on = self._config.getoption("--socklat-fail-on")
        skipped = {"regression": verdict.only_undecided, "regression-only": True}.get(fail_on)
        if verdict.outcome is Outcome.INCONCLUSIVE and skipped:
            pytest.skip(f"inconclusive: {summary}")
        pytest.fail(f"{verdict.outcome.value}: {summary}", pytrace=False)


@contextmanager
def _errors_as_failures() -> Iterator[None]:
    """Errors become failures with message, reason and remedy; signals end the session.

    Until then SIGINT and SIGTERM are held back where containers are being removed.
    """
    try:
        with interruptible():
            yield
    except Interrupted as error:
        pytest.exit(error.message, returncode=int(error.exit_code))
    except GateError as error:
        # Beside the failure, which other plugins may publish: pytest shows it as captured.
        sys.stderr.write("".join(f"{line}\n" for line in foreign_lines(error.log)))
        text = f"{error.message} [{error.reason.value}]"
        pytest.fail(f"{text}\ntry: {error.remedy}" if error.remedy else text, pytrace=False)
