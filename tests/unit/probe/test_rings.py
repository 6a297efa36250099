from __future__ import annotations

import mmap
import os
import struct
from collections.abc import Iterator

import numpy as np
import pytest

from socklat_gate.probe.rings import Ring

PAGE = mmap.PAGESIZE
SIZE = PAGE
RECORD = np.dtype([("number", np.uint64), ("cpu", np.uint32)])
STRIDE = 8 + 16  # 12 bytes fill two words
BUSY, DISCARDED = 1 << 31, 1 << 30


class Kernel:
    """The kernel's end of a ring, in a file: positions, then the data twice."""

    def __init__(self) -> None:
        self.fd = os.memfd_create("ring")
        os.ftruncate(self.fd, 2 * PAGE + 2 * SIZE)
        self.end = 0

    def put(self, number: int, cpu: int, flags: int = 0) -> None:
        record = struct.pack("<IIQI", RECORD.itemsize | flags, 0, number, cpu).ljust(STRIDE, b"\0")
        for i, byte in enumerate(record):
            at = (self.end + i) % SIZE
            for copy in (0, SIZE):
                os.pwrite(self.fd, bytes([byte]), 2 * PAGE + copy + at)
        self.end += STRIDE
        os.pwrite(self.fd, struct.pack("<Q", self.end), PAGE)

    def finish(self, at: int) -> None:
        """The writer of the record at a position is done."""
        for copy in (0, SIZE):
            os.pwrite(self.fd, struct.pack("<I", RECORD.itemsize), 2 * PAGE + copy + at % SIZE)

    @property
    def consumed(self) -> int:
        return int(struct.unpack("<Q", os.pread(self.fd, 8, 0))[0])


@pytest.fixture
def kernel() -> Iterator[Kernel]:
    kernel = Kernel()
    yield kernel
    os.close(kernel.fd)


@pytest.fixture
def ring(kernel: Kernel) -> Iterator[Ring]:
    ring = Ring(kernel.fd, SIZE, RECORD)
    yield ring
    ring.close()


def test_an_empty_ring_gives_nothing(kernel: Kernel, ring: Ring) -> None:
    assert ring.drain().shape == (0,)
    assert kernel.consumed == 0


def test_records_come_once_in_order(kernel: Kernel, ring: Ring) -> None:
    for number in range(5):
        kernel.put(number, cpu=number + 10)
    found = ring.drain()
    assert found.dtype == RECORD
    assert found.tolist() == [(n, n + 10) for n in range(5)]
    assert kernel.consumed == 5 * STRIDE
    assert ring.drain().size == 0


def test_records_across_the_end_of_the_ring_are_whole(kernel: Kernel, ring: Ring) -> None:
    seen: list[int] = []
    for round_ in range(10):
        for i in range(61):
            kernel.put(100 * round_ + i, cpu=0)
        seen += ring.drain()["number"].tolist()
    assert seen == [100 * round_ + i for round_ in range(10) for i in range(61)]
    assert kernel.consumed > 2 * SIZE


def test_discarded_records_are_passed_over(kernel: Kernel, ring: Ring) -> None:
    kernel.put(1, cpu=0)
    kernel.put(2, cpu=0, flags=DISCARDED)
    kernel.put(3, cpu=0)
    assert ring.drain()["number"].tolist() == [1, 3]
    assert kernel.consumed == 3 * STRIDE


def test_a_record_being_written_holds_back_what_follows(kernel: Kernel, ring: Ring) -> None:
    kernel.put(1, cpu=0)
    kernel.put(2, cpu=0, flags=BUSY)
    kernel.put(3, cpu=0)
    assert ring.drain()["number"].tolist() == [1]
    kernel.finish(STRIDE)
    assert ring.drain()["number"].tolist() == [2, 3]


def test_what_was_drained_outlives_the_ring(kernel: Kernel) -> None:
    ring = Ring(kernel.fd, SIZE, RECORD)
    kernel.put(7, cpu=1)
    found = ring.drain()
    ring.close()
    kernel.put(8, cpu=2)
    assert found.tolist() == [(7, 1)]


def test_a_ring_is_closed_while_a_traceback_holds_a_view_of_it(
    kernel: Kernel, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C within `drain`: the frames that it went through are still there at the clean-up."""

    def interrupted(_flags: object) -> None:
        raise KeyboardInterrupt

    ring = Ring(kernel.fd, SIZE, RECORD)
    kernel.put(1, 1)
    with monkeypatch.context() as patch:
        patch.setattr(np, "flatnonzero", interrupted)
        with pytest.raises(KeyboardInterrupt) as caught:
            ring.drain()
    assert "records" in caught.traceback[-2].locals
    ring.close()
