"""The probe against ground truth: a service whose delays are known, stage by stage."""

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
CASES = [(0, 0), (2000, 0), (0, 3000), (1500, 2500), (0, 20_000)]


@pytest.fixture(scope="module")
def client() -> Any:
    client = connect()
    build_image(client, "delay.c", TAG, ["/delay"])
    yield client
    client.close()


def scenario(before_read_us: int, before_answer_us: int, length: int = 16) -> Scenario:
    delays = ["--before-read", str(before_read_us), "--before-answer", str(before_answer_us)]
    return Scenario.model_validate(
        {
            "name": "delay",
            "service": {
                "image": TAG,
                "port": 7000,
                "command": ["/delay", "--length", str(length), *delays],
            },
            "load": {
                "rate": float(REQUESTS),
                "arrivals": "constant",
                "duration_s": 1.0,
                "warmup_s": 0.0,
                "connections": 16,
                "payload": "x" * length,
                "answer": length,
            },
            "gate": {"metrics": [{"quantile": 0.5, "tolerance": 0.02, "failure": 0.05}]},
        }
    )


def measure(client: Any, wanted: Scenario) -> Any:
    image = resolve_image(client, TAG, lambda line: None)
    with Bench(client, wanted, Path(), lambda phase: None) as bench:
        return bench.single(seed=1, spec=ArmSpec("candidate", image)).runs[0]


@pytest.mark.parametrize(("before_read_us", "before_answer_us"), CASES)
def test_stage_medians_are_the_injected_delays(
    client: Any, before_read_us: int, before_answer_us: int
) -> None:
    run = measure(client, scenario(before_read_us, before_answer_us))
    truth_us = {
        "recv_wait": before_read_us,
        "app": before_answer_us,
        "service": before_read_us + before_answer_us,
    }
    for stage, injected_us in truth_us.items():
        measured_us = run.histograms[stage].quantile_ns(0.5) / 1e3
        assert injected_us <= measured_us * 1.008, stage  # a bucket is 0.78% wide
        assert measured_us <= injected_us * 1.02 + 100, stage


def test_exchanges_are_counted_exactly(client: Any) -> None:
    run = measure(client, scenario(0, 500))
    assert run.counters["seen"] == REQUESTS
    assert run.counters["recorded"] + run.counters["filtered"] == REQUESTS
    assert run.counters["connections"] == 16
    assert run.counters["unanswered"] == run.counters["pending"] == 0
    assert run.load.answered == REQUESTS


def test_stage_sums_add_up_exactly_in_every_band(client: Any) -> None:
    run = measure(client, scenario(300, 700))
    service, recv_wait, app = (run.bands.sums_ns[:, stage] for stage in range(3))
    assert (service == recv_wait + app).all()
    assert run.bands.count.sum() == run.counters["recorded"]
    assert run.histograms["service"].total == run.counters["recorded"]


def test_requests_of_many_segments_are_one_exchange_each(client: Any) -> None:
    run = measure(client, scenario(0, 300, length=100_000))
    assert run.counters["seen"] == REQUESTS
    assert run.load.answered == REQUESTS
