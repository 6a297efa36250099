from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress

import pytest

from socklat_gate.errors import Exit, Interrupted, Reason
from socklat_gate.interrupt import defer_signals, interruptible, obey_signal, settle_signal

LATE_SIGNAL = """
import os, signal, sys
from contextlib import suppress
from socklat_gate.errors import Interrupted
from socklat_gate.interrupt import interruptible

class Last:
    kill, pid, number = os.kill, os.getpid(), signal.SIGINT
    def __del__(self):
        self.kill(self.pid, self.number)

sys.last = Last()  # goes when all modules have gone, after Python's own handlers
with suppress(Interrupted), interruptible():
    os.kill(os.getpid(), signal.SIGINT)
sys.exit(130)
"""


def send(number: signal.Signals) -> None:
    os.kill(os.getpid(), number)


def interrupted(work: Callable[[], object]) -> Interrupted:
    with pytest.raises(Interrupted) as caught, interruptible():
        work()
    return caught.value


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, Exit.SIGINT), (signal.SIGTERM, Exit.SIGTERM)]
)
def test_a_signal_becomes_an_error_with_its_exit_code(number: signal.Signals, code: Exit) -> None:
    after: list[str] = []

    def work() -> None:
        send(number)
        after.append("went on")

    error = interrupted(work)
    assert (error.exit_code, error.reason, after) == (code, Reason.INTERRUPTED, [])


def test_later_signals_are_ignored_while_the_first_is_obeyed() -> None:
    cleaned: list[str] = []

    def work() -> None:
        try:
            send(signal.SIGTERM)
        finally:
            send(signal.SIGINT)
            cleaned.append("all of it")

    assert interrupted(work).exit_code is Exit.SIGTERM
    send(signal.SIGINT)  # and until the process has ended
    assert cleaned == ["all of it"]


def test_a_second_signal_when_python_is_almost_gone_does_not_change_the_exit_code() -> None:
    assert subprocess.run([sys.executable, "-c", LATE_SIGNAL], check=False).returncode == 130


def test_handlers_come_back_when_nothing_happened() -> None:
    before = signal.getsignal(signal.SIGINT)
    with interruptible():
        assert signal.getsignal(signal.SIGINT) is not before
    assert signal.getsignal(signal.SIGINT) is before


def test_a_shielded_block_runs_to_its_end() -> None:
    done: list[str] = []

    def work() -> None:
        with defer_signals():
            with defer_signals():
                send(signal.SIGINT)
                done.append("inner")
            done.append("outer")
        done.append("after")

    interrupted(work)
    assert done == ["inner", "outer"]


def test_a_shield_during_the_clean_up_does_not_raise_again() -> None:
    done: list[str] = []

    def work() -> None:
        try:
            send(signal.SIGINT)
        finally:
            with defer_signals():
                done.append("removed")
            done.append("closed")

    interrupted(work)
    assert done == ["removed", "closed"]


def test_a_swallowed_signal_is_obeyed_at_the_next_look() -> None:
    seen: list[str] = []

    def work() -> None:
        obey_signal()
        with suppress(Interrupted):
            send(signal.SIGINT)
        seen.append("lost in a finaliser")
        obey_signal()
        seen.append("went on")

    interrupted(work)
    assert seen == ["lost in a finaliser"]


def test_a_swallowed_signal_is_obeyed_at_the_end_at_the_latest() -> None:
    def work() -> None:
        with suppress(Interrupted):
            send(signal.SIGTERM)

    assert interrupted(work).exit_code is Exit.SIGTERM


def test_a_settled_signal_is_obeyed_once_and_later_ones_are_ignored() -> None:
    seen: list[str] = []
    with interruptible():
        with suppress(Interrupted):
            send(signal.SIGINT)
        settle_signal()
        send(signal.SIGTERM)
        obey_signal()
        with defer_signals():
            pass
        seen.append("went on")
    assert seen == ["went on"]
