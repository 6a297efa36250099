from __future__ import annotations

import subprocess
import threading
from collections.abc import Iterator

import pytest

from socklat_gate.errors import Reason, UsageError
from socklat_gate.trace.lifetime import Lifetime


@pytest.fixture
def child() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(["sleep", "60"]) as process:
        yield process
        process.kill()


def test_a_process_ends_once_and_a_zombie_has_ended(child: subprocess.Popen[bytes]) -> None:
    with Lifetime(child.pid) as lifetime:
        assert not lifetime.wait(0)
        child.kill()
        assert lifetime.wait(20)  # nobody has waited for it: it is a zombie
        child.wait()
        assert lifetime.wait(0)


def test_waiting_ends_with_the_process(child: subprocess.Popen[bytes]) -> None:
    with Lifetime(child.pid) as lifetime:
        timer = threading.Timer(0.05, child.kill)
        timer.start()
        assert lifetime.wait(60)
        timer.join()


def test_a_port_never_ends() -> None:
    with Lifetime(0) as lifetime:
        assert not lifetime.wait(0.01)
        assert not lifetime.wait(-1)


def test_a_process_that_is_gone_is_refused(child: subprocess.Popen[bytes]) -> None:
    child.kill()
    child.wait()
    with pytest.raises(UsageError, match=f"process {child.pid} has ended") as error:
        Lifetime(child.pid)
    assert error.value.reason is Reason.BAD_ARGUMENT
    assert error.value.remedy


def test_a_thread_is_refused() -> None:
    stop = threading.Event()
    thread = threading.Thread(target=stop.wait)
    thread.start()
    try:
        with pytest.raises(UsageError, match="is no process"):
            Lifetime(thread.native_id or 0)
    finally:
        stop.set()
        thread.join()
