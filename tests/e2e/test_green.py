"""What may not become green: one image beside itself, and limits that nothing shows to be kept."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from socklat_gate.errors import Exit, Reason
from tests.e2e.harness import Gate
from tests.e2e.scenarios import DELAY_TAG

pytestmark = [pytest.mark.kernel, pytest.mark.docker, pytest.mark.beside]

Scenario = Callable[..., Path]


@pytest.fixture
def twin(docker_client: Any) -> Iterator[str]:
    """Another tag of the image."""
    tag = "socklat-test/e2e-delay-twin:latest"
    repository, _, version = tag.partition(":")
    docker_client.api.tag(DELAY_TAG, repository, version)
    yield tag
    docker_client.images.remove(tag, noprune=True)


def test_two_tags_of_one_image_are_not_compared(gate: Gate, scenario: Scenario, twin: str) -> None:
    done = gate.run("gate", scenario(), "--baseline-image", twin)
    verdict = done.judged(Exit.INCONCLUSIVE, Reason.SAME_IMAGE)
    assert (verdict["pairs"], verdict["metrics"]) == (0, [])
    assert done.stdout.startswith("inconclusive: same image in both arms")
    assert twin in done.stdout
    assert "--allow-same-image" in done.report


def limited(path: Path, limit_ms: float) -> Path:
    """The scenario with one absolute limit, and nothing that is compared."""
    text = path.read_text("utf-8")
    zone = "tolerance = 0.1\nregression_threshold = 0.3"
    assert zone in text
    path.write_text(text.replace(zone, f"limit_ms = {limit_ms}"), encoding="utf-8")
    return path


# Its twin that always runs: tests/unit/job/test_gate_job.py, by a fake rig.
@pytest.mark.slow
@pytest.mark.parametrize(
    ("limit_ms", "code", "reason"),
    [(60.0, Exit.PASS, Reason.WITHIN_LIMITS), (1.0, Exit.REGRESSION, Reason.ABOVE_LIMIT)],
)
def test_limits_need_no_baseline(
    gate: Gate, scenario: Scenario, limit_ms: float, code: Exit, reason: Reason
) -> None:
    """The service waits 3 ms before it responds."""
    path = limited(scenario(gate={"spikes": {"enabled": False}}), limit_ms)
    done = gate.gate(path, baseline=None)
    verdict = done.judged(code, reason)
    (limit,) = verdict["limits"]
    assert 2.9e6 < limit["candidate_ns"] < 2e7
    assert limit["limit_ns"] == 1e6 * limit_ms
    assert "Absolute limits" in done.report
    saved = gate.run("baseline", "save", gate.out, out=False)
    assert saved.code == (0 if code is Exit.PASS else Exit.USAGE), saved.stderr
