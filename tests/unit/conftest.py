from __future__ import annotations

import signal
from collections.abc import Iterator

import pytest

from socklat_gate import interrupt


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
