from __future__ import annotations

from dataclasses import replace

from socklat_gate.measured.facts import Note, NoteCode
from socklat_gate.measured.verdict import Outcome, Verdict
from socklat_gate.wording.progress_lines import aa_pair_line, excluded_line, pair_line, run_line
from tests.unit.factories import make_count_verdict
from tests.unit.job.fakes import run

STEAL = Note(NoteCode.STEAL, numbers={"share": 0.31, "limit": 0.2})


def test_a_pair_of_an_aa_study_has_each_metric_with_its_sign() -> None:
    line = aa_pair_line(
        2, 8, {"response_p50": 0.0123, "response_p99": None, "cpu_per_request": -0.2}
    )
    assert line == "pair 2/8  p50 +1.23%  p99 not measured  cpu_per_request -20.0%"


def test_a_pair_says_what_the_candidate_has_more_of() -> None:
    counts = (make_count_verdict(failed=True), make_count_verdict("capacity"))
    verdict = Verdict(Outcome.REGRESSION, (), counts=counts)
    line = pair_line(6, 40, verdict, 300.0)
    assert line == "pair 6/40  errors 31 to 2 MORE  (at most 5.0 min left)"
    open_ = replace(verdict, counts=(make_count_verdict(undecided=True),))
    assert "errors 6 to 2  (" in pair_line(6, 40, open_, 300.0)


def test_a_pair_of_nothing_but_a_capacity_has_no_gap() -> None:
    verdict = Verdict(Outcome.INCONCLUSIVE, ())
    assert pair_line(1, 40, verdict, 60.0) == "pair 1/40  (at most 60 s left)"


def test_a_run_has_its_quantiles_and_the_time_so_far() -> None:
    line = run_line(1, 5, run(), 41.6)
    assert line.startswith("run 1/5  response p50 ")
    assert line.endswith("(42 s so far)")


def test_what_is_excluded_and_why() -> None:
    assert excluded_line("pair", STEAL) == (
        "pair excluded: the hypervisor took 31.0% of the CPU time (limit 20.0%)"
    )
