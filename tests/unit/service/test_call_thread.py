from __future__ import annotations

import subprocess
import sys
import threading
import time

import pytest

from socklat_gate.service.call_thread import CallThread, at_once

HANGS = """
import time
from socklat_gate.service.call_thread import CallThread, at_once
one = CallThread("docker")
one.submit(lambda: at_once(time.sleep, [60.0, 60.0]))
assert not one.wait(0.1)
"""


def test_calls_are_done_in_their_order() -> None:
    thread, done = CallThread("docker"), []
    first = thread.submit(lambda: (time.sleep(0.05), done.append(1)))
    second = thread.submit(lambda: done.append(2))
    assert second.result(5) is None
    assert done == [1, 2]
    assert first.done()
    thread.end()


def test_errors_are_the_callers() -> None:
    thread = CallThread("docker")
    with pytest.raises(ZeroDivisionError):
        thread.submit(lambda: 1 // 0).result(5)
    assert thread.submit(lambda: 7).result(5) == 7
    thread.end()


def test_waiting_has_an_end() -> None:
    thread, release = CallThread("docker"), threading.Event()
    thread.submit(release.wait)
    assert not thread.wait(0.02)
    thread.end()
    assert not thread.wait(0.02)
    release.set()
    assert thread.wait(5)
    thread.end()
    assert thread.wait()


def test_a_process_does_not_wait_for_a_call_that_hangs() -> None:
    begun_s = time.monotonic()
    assert subprocess.run([sys.executable, "-c", HANGS], check=False).returncode == 0
    assert time.monotonic() - begun_s < 30


def test_at_once_is_at_once_and_in_order() -> None:
    barrier = threading.Barrier(3, timeout=5)

    def meet(number: int) -> int:
        barrier.wait()
        return -number

    assert at_once(meet, [1, 2, 3]) == [-1, -2, -3]


def test_the_first_error_is_raised_once_all_have_ended() -> None:
    ended = []
    may_end = {number: threading.Event() for number in (1, 2, 3)}
    may_end[3].set()

    def fail(number: int) -> None:
        assert may_end[number].wait(10)
        ended.append(number)
        if number > 1:
            may_end[number - 1].set()
        raise ValueError(number)

    with pytest.raises(ValueError, match="1"):
        at_once(fail, [1, 2, 3])
    assert ended == [3, 2, 1]


def test_where_there_is_no_thread_for_one_the_others_end_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ended: list[int] = []
    start, refused = threading.Thread.start, RuntimeError("can't start new thread")

    def start_one(thread: threading.Thread) -> None:
        if thread.name == "docker 1":
            raise refused
        start(thread)

    def take_a_while(number: int) -> None:
        time.sleep(0.05)
        ended.append(number)

    monkeypatch.setattr(threading.Thread, "start", start_one)
    with pytest.raises(RuntimeError, match="new thread"):
        at_once(take_a_while, [1, 2, 3])
    assert ended == [1]
