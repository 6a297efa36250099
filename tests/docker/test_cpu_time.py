from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from socklat_gate.service.arm import ArmSpec
from socklat_gate.service.cpu_time import CpuMeter
from socklat_gate.service.image import ImageRef, resolve_image
from socklat_gate.service.session import ServiceSession
from tests.services.build import build_image

pytestmark = pytest.mark.docker

BURN_TAG = "socklat-test/burn:latest"
EACH_MS = 250
PATIENCE_S = 30.0


@pytest.fixture(scope="module")
def burn(docker_client: Any) -> ImageRef:
    tag = build_image(docker_client, "burn.c", BURN_TAG, ["/burn"])
    return resolve_image(docker_client, tag, lambda line: None)


def test_the_account_agrees_with_the_clocks_of_the_container_s_processes(
    open_session: Callable[..., ServiceSession], burn: ImageRef, docker_client: Any
) -> None:
    with open_session(ready={"log": "waiting"}) as session:
        (arm,) = session.start([ArmSpec("candidate", burn, ["/burn", str(EACH_MS)])])
        meter = CpuMeter(arm.pid)
        before = meter.read()
        docker_client.api.kill(arm.container_id, "SIGUSR1")
        used_ns = printed(docker_client, arm.container_id)
        after = meter.read()
        assert before is not None
        assert after is not None
        # A child that has ended and a second thread are in it.
        assert used_ns >= 3 * EACH_MS * 1_000_000
        assert after.since(before).used_ns == pytest.approx(used_ns, rel=0.05)
    assert meter.read() is None


def test_what_a_cpu_limit_takes_is_counted(
    open_session: Callable[..., ServiceSession], burn: ImageRef, docker_client: Any
) -> None:
    with open_session(ready={"log": "waiting"}, cpus=0.05) as session:
        (arm,) = session.start([ArmSpec("candidate", burn, ["/burn", "20"])])
        meter = CpuMeter(arm.pid)
        before = meter.read()
        docker_client.api.kill(arm.container_id, "SIGUSR1")
        printed(docker_client, arm.container_id)
        after = meter.read()
    assert before is not None
    assert after is not None
    # 60 ms at 5 ms in every 100: it has to stand still about ten times, even on a busy machine.
    assert after.since(before).throttled_us is not None
    assert (after.since(before).throttled_us or 0) > 50_000


def printed(client: Any, container_id: str) -> int:
    """The number on the container's second line."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        lines = client.api.logs(container_id).decode().splitlines(keepends=True)
        if len(lines) == 2 and lines[1].endswith("\n"):
            return int(lines[1])
        time.sleep(0.05)
    raise AssertionError("the container did not say how much CPU time it used")
