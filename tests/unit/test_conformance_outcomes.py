"""What the conformance suite says of its own tests: none of them is lost from the counts."""

from __future__ import annotations

from typing import Any, Literal

import pytest

from tests.conformance.outcomes import Outcomes


def report(
    name: str, when: Literal["setup", "call", "teardown"], outcome: str, longrepr: Any = None
) -> pytest.TestReport:
    nodeid = f"tests/conformance/test_a.py::{name}[kprobe]"
    return pytest.TestReport(nodeid, ("", 0, ""), {}, outcome, longrepr, when)  # type: ignore[arg-type]


def test_each_test_is_counted_once_and_the_skipped_with_their_reasons() -> None:
    outcomes = Outcomes()
    for name in ("test_good", "test_bad", "test_skipped", "test_never"):
        outcomes.expect("kprobe")
        if name == "test_never":
            continue
        skipped = name == "test_skipped"
        if skipped:
            outcomes.add("kprobe", report(name, "setup", "skipped", ("path", 1, "Skipped: no wrk")))
        else:
            outcomes.add("kprobe", report(name, "setup", "passed"))
            result = "passed" if name == "test_good" else "failed"
            outcomes.add("kprobe", report(name, "call", result))
        outcomes.add("kprobe", report(name, "teardown", "passed"))
    assert outcomes.of("kprobe") == {
        "outcomes": {"passed": 1, "failed": 1, "skipped": 1},
        "not_run": 1,
        "failed": ["tests/conformance/test_a.py::test_bad[kprobe]"],
        "skipped": {"no wrk": ["tests/conformance/test_a.py::test_skipped"]},
    }


def test_a_tear_down_that_fails_is_a_failure_and_hides_no_test_that_never_ran() -> None:
    outcomes = Outcomes()
    for _ in range(2):
        outcomes.expect("kprobe")
    for when, result in (("setup", "passed"), ("call", "passed"), ("teardown", "failed")):
        outcomes.add("kprobe", report("test_one", when, result))  # type: ignore[arg-type]
    of = outcomes.of("kprobe")
    assert of["outcomes"] == {"passed": 1, "failed": 1}
    assert of["not_run"] == 1


def test_a_file_that_is_skipped_whole_is_named() -> None:
    outcomes = Outcomes()
    outcomes.left_out("kfunc", "tests/conformance/test_framed.py", ("path", 9, "Skipped: no h2"))
    assert outcomes.of("kfunc")["skipped"] == {"no h2": ["tests/conformance/test_framed.py"]}
