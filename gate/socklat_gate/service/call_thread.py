"""Calls that are to be done one after the other, and outlive whoever waits for them."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeoutError
from typing import TypeVar

__all__ = ["CallThread", "at_once"]

S = TypeVar("S")
T = TypeVar("T")


class CallThread:
    """A thread that does one call after the other, in the order of `submit`.

    Unlike an executor's, nobody waits for it when the process ends: a call whose other side never
    responds must not keep a process that was told to end.
    """

    def __init__(self, name: str) -> None:
        self._calls: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._ending = False
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def submit(self, call: Callable[[], T]) -> Future[T]:
        """Do it once all calls before it are done."""
        done: Future[T] = Future()
        self._calls.put(lambda: _do(call, done))
        return done

    def wait(self, within_s: float | None = None) -> bool:
        """Until all calls are done; false when they are not within so many seconds."""
        if self._ending:
            self._thread.join(within_s)
            return not self._thread.is_alive()
        try:
            self.submit(int).result(within_s)
        except FutureTimeoutError:
            return False
        return True

    def end(self) -> None:
        """No further calls: the thread ends with the last one; harmless when called twice."""
        self._ending = True
        self._calls.put(None)

    def _run(self) -> None:
        while (call := self._calls.get()) is not None:
            call()


def at_once(call: Callable[[S], T], items: Sequence[S]) -> list[T]:
    """The results of all, begun in their order; raises the first error once all have ended.

    So it does with the `RuntimeError` of one that gets no thread: whoever cleans up then must not
    meet the others half-way.
    """
    results: list[Future[T]] = []
    for number, item in enumerate(items):
        done: Future[T] = Future()
        results.append(done)
        thread = threading.Thread(
            target=_do, args=(_bound(call, item), done), name=f"docker {number}", daemon=True
        )
        try:
            thread.start()
        except RuntimeError as error:
            done.set_exception(error)
            break
    for done in results:
        done.exception()  # waits
    return [done.result() for done in results]


def _bound(call: Callable[[S], T], item: S) -> Callable[[], T]:
    return lambda: call(item)


def _do(call: Callable[[], T], done: Future[T]) -> None:
    try:
        done.set_result(call())
    except BaseException as error:
        done.set_exception(error)
