"""The same truth through a whole run of the gate: a container, its network, the measured window."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gate.job.bench import Bench
from gate.scenario import Scenario
from gate.service.client import connect
from gate.service.image import resolve_image
from gate.service.session import ArmSpec
from tests.services.build import build_image

pytestmark = [pytest.mark.kernel, pytest.mark.docker]

TAG = "socklat-test/delay:latest"
REQUESTS = 211  # prime, so that no counting twice or by halves can hit it
BEFORE_READ_US, BEFORE_ANSWER_US = 1500, 2500


@pytest.fixture
def client() -> Any:
    client = connect()
    build_image(client, "delay.c", TAG, ["/delay"])
    yield client
    client.close()


def test_a_container_is_measured_and_counted_as_the_laboratory_is(client: Any) -> None:
    delays = ["--before-read", str(BEFORE_READ_US), "--before-answer", str(BEFORE_ANSWER_US)]
    scenario = Scenario.model_validate(
        {
            "name": "delay",
            "service": {"image": TAG, "port": 7000, "command": ["/delay", *delays]},
            "load": {
                "rate": float(REQUESTS),
                "arrivals": "constant",
                "duration_s": 1.0,
                "warmup_s": 0.0,
                "connections": 16,
                "payload": "x" * 16,
                "answer": 16,
            },
            "gate": {"metrics": [{"quantile": 0.5, "tolerance": 0.02, "failure": 0.05}]},
        }
    )
    image = resolve_image(client, TAG, lambda line: None)
    with Bench(client, scenario, Path(), lambda phase: None) as bench:
        run = bench.single(seed=1, spec=ArmSpec("candidate", image)).runs[0]
    assert run.counters["seen"] == run.load.answered == REQUESTS
    assert run.counters["recorded"] + run.counters["filtered"] == REQUESTS
    assert run.counters["connections"] == 16
    assert run.counters["unanswered"] == run.counters["pending"] == 0
    # How close the stages come is proven where the service can be asked: test_stages.py.
    for stage, least_us in (("recv_wait", BEFORE_READ_US), ("app", BEFORE_ANSWER_US)):
        p50_ns = run.histograms[stage].quantile_ns(0.5)
        assert least_us * 1000 <= p50_ns * 1.008 < 2 * least_us * 1000, stage
