from __future__ import annotations

import io
import math
import sys
from dataclasses import replace

import pytest

from socklat_gate import masking
from socklat_gate.job.progress import Progress
from socklat_gate.measured.verdict import Outcome
from tests.unit.factories import make_cpu_metric, make_spike_verdict, make_verdict


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_elsewhere_only_lines_are_left(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")  # as CI services set it
    with Progress() as progress:
        progress.phase("measuring")
        progress.line("a [bold] line " + "that is long " * 20)
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == "a [bold] line " + "that is long " * 20 + "\n"


def test_quiet_is_silent(capsys: pytest.CaptureFixture[str]) -> None:
    with Progress(quiet=True) as progress:
        progress.phase("measuring")
        progress.line("a line")
        progress.pair_done(1, 40, make_verdict(Outcome.INCONCLUSIVE), 60.0)
    assert capsys.readouterr() == ("", "")


def test_on_a_terminal_the_phase_is_shown_in_place(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("TERM", "xterm")
    with Progress() as progress:
        progress.step("pair 1/40")
        progress.phase("measuring")
        assert progress.__rich__().plain == "pair 1/40: measuring 0 s"
        progress.line("pair 1/40 done")
    shown = terminal.getvalue()
    assert "pair 1/40 done\n" in shown
    assert shown.index("\x1b[?25l") < shown.rindex("\x1b[?25h")  # the cursor comes back


@pytest.mark.parametrize(
    ("outcome", "left_s", "said"),
    [
        (Outcome.INCONCLUSIVE, 300.0, "p99 +31.0%  (about 12 more, at most 5.0 min left)"),
        (Outcome.REGRESSION, 42.0, "p99 +31.0% SLOWER  (at most 42 s left)"),
        (Outcome.PASS, -3.0, "p99 +0.40% ok  (at most 0 s left)"),
    ],
)
def test_the_estimate_after_a_pair(
    capsys: pytest.CaptureFixture[str], outcome: Outcome, left_s: float, said: str
) -> None:
    Progress().pair_done(3, 40, make_verdict(outcome), left_s)
    line = capsys.readouterr().err
    assert line == f"pair 3/40  p50 +0.40% ok  p90 -1.10% ok  {said}\n"


@pytest.mark.parametrize(
    ("outcome", "change", "said"),
    [
        (Outcome.PASS, 0.004, "cpu +0.40% ok"),
        (Outcome.REGRESSION, 0.05, "cpu +5.00% MORE"),
        (Outcome.INCONCLUSIVE, math.nan, "cpu n/a"),
    ],
)
def test_cpu_time_after_a_pair(
    capsys: pytest.CaptureFixture[str], outcome: Outcome, change: float, said: str
) -> None:
    verdict = replace(make_verdict(Outcome.PASS), metrics=(make_cpu_metric(outcome, change),))
    Progress().pair_done(3, 40, verdict, 42.0)
    assert capsys.readouterr().err == f"pair 3/40  {said}  (at most 42 s left)\n"


@pytest.mark.parametrize(
    ("failed", "candidate", "said"),
    [(False, 0, ""), (False, 1, "  spikes 1 to 0"), (True, 5, "  spikes 5 to 0 MORE")],
)
def test_spikes_after_a_pair(
    capsys: pytest.CaptureFixture[str], failed: bool, candidate: int, said: str
) -> None:
    spikes = make_spike_verdict(failed=failed, candidate=candidate)
    Progress().pair_done(3, 40, replace(make_verdict(Outcome.PASS), spikes=spikes), 42.0)
    assert f"p99 +0.40% ok{said}  (at most" in capsys.readouterr().err


def test_no_line_shows_a_secret(capsys: pytest.CaptureFixture[str]) -> None:
    masking.register("canary5bd1e8c7a2f4096")
    with Progress() as progress:
        progress.line("removed canary5bd1e8c7a2f4096")
    progress.phase("building canary5bd1e8c7a2f4096")
    assert capsys.readouterr().err == "removed ***\n"
    assert "canary" not in progress.__rich__().plain
