from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from socklat_gate import interrupt, masking
from tests.unit.ci_jobs import CI_NAMES

# The same examples every time, however busy the machine is; the slow tests draw others.
settings.register_profile(
    "tests",
    deadline=None,
    derandomize=not os.environ.get("SOCKLAT_SLOW"),
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("tests")


@pytest.fixture(autouse=True)
def no_signal_is_left(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A signal that a test sends to itself is not the next one's; the process goes on after it."""
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.getsignal(number) for number in numbers}
    monkeypatch.setattr(interrupt, "_State", type("State", (interrupt._State,), {}))
    yield
    for number in numbers:
        if signal.getsignal(number) is not before[number]:
            signal.signal(number, before[number])


@pytest.fixture(autouse=True)
def no_secret_is_known() -> Iterator[None]:
    """What one test masks is not masked in the next."""
    masking.forget_all()
    yield
    masking.forget_all()


@pytest.fixture(autouse=True)
def no_ci_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    """The job that runs the tests is not the one that they are about."""
    for name in CI_NAMES:
        monkeypatch.delenv(name, raising=False)
