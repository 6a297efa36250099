"""Start-up time and peak memory: read in every job, and the one that got worse fails when asked."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from socklat_gate.documents.files import read_result
from socklat_gate.errors import Exit, Reason
from tests.e2e.harness import Gate

pytestmark = [pytest.mark.kernel, pytest.mark.docker, pytest.mark.beside]

Scenario = Callable[..., Path]
MIB = 1 << 20
BASE = ["/delay", "--before-response", "3000", "--hold", "50"]
BOTH = """
[[gate.metrics]]
stage = "startup"
tolerance = 0.3
regression_threshold = 0.8

[[gate.metrics]]
stage = "memory"
"""
"""Docker's own part of a start differs by a tenth from time to time where tests share the CPUs."""


def asking(path: Path) -> Path:
    path.write_text(path.read_text("utf-8") + BOTH, encoding="utf-8")
    return path


def named(verdict: dict[str, Any]) -> set[str]:
    return {one["name"] for one in verdict["metrics"] if one["verdict"] == "regression"}


@pytest.mark.parametrize(
    ("more", "failed"),
    [
        (["--ready-after", "1000"], "startup"),
        pytest.param(["--hold", "100"], "peak_memory", marks=pytest.mark.slow),
        (["--burst", "50"], "peak_memory"),
    ],
    ids=["ready-later", "holds-more", "held-more-for-a-moment"],
)
def test_what_got_worse_fails_by_its_name(
    gate: Gate, scenario: Scenario, more: list[str], failed: str
) -> None:
    path = asking(scenario(service={"command": [*BASE, *more]}, baseline={"command": BASE}))
    done = gate.gate(path)
    verdict = done.judged(Exit.REGRESSION, Reason.REGRESSION)
    assert named(verdict) == {failed}
    startup, memory = verdict["metrics"][1:]
    # Each is timed from its own order on, whoever was started first.
    later_ns = startup["candidate_ns"] - startup["baseline_ns"]
    assert later_ns == pytest.approx(1e9 if failed == "startup" else 0.0, abs=0.4e9)
    more_bytes = memory["candidate_bytes"] - memory["baseline_bytes"]
    assert more_bytes == pytest.approx(50 * MIB if failed == "peak_memory" else 0.0, abs=4 * MIB)
    assert memory["baseline_bytes"] == pytest.approx(52 * MIB, abs=4 * MIB)
    assert "| peak memory | " in done.report


# Its twins that always run: one that fails by its name below a limit of its own, above.
@pytest.mark.slow
def test_a_service_that_is_ready_later_and_holds_more_passes_where_nobody_asks(
    gate: Gate, scenario: Scenario
) -> None:
    path = scenario(
        service={"command": [*BASE, "--ready-after", "300", "--hold", "100"]},
        baseline={"command": BASE},
        gate={"pairs_per_start": 2},
    )
    done = gate.gate(path)
    verdict = done.judged(Exit.PASS, Reason.NO_REGRESSION)
    startup, memory = verdict["container_metrics"]
    assert (startup["name"], memory["name"]) == ("startup", "peak_memory")
    assert startup["change"] > 0.1
    assert memory["change"] == pytest.approx(0.96, abs=0.1)
    pairs = read_result(done.out / "result.json").pairs
    for pair in pairs:
        starts = [pair.baseline.startup_ns, pair.candidate.startup_ns]
        assert all(0.02e9 < start < 20e9 for start in starts) == pair.first_of_start
        assert pair.first_of_start or starts == [0, 0]


@pytest.mark.slow
def test_equal_arms_pass_by_both(gate: Gate, scenario: Scenario) -> None:
    done = gate.gate(asking(scenario(service={"command": BASE})))
    verdict = done.judged(Exit.PASS, Reason.NO_REGRESSION)
    assert [one["name"] for one in verdict["metrics"]] == ["response_p50", "startup", "peak_memory"]
    assert abs(verdict["metrics"][2]["change"]) < 0.03
