from __future__ import annotations

import ctypes
import errno
import logging
import os
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from socklat_gate.errors import Reason, UnfitEnvironment
from socklat_gate.measured.bpf_layout import bpf_dir
from socklat_gate.probe import hook_parts, hooks
from socklat_gate.probe.hook_parts import Untyped
from socklat_gate.probe.hook_table import EVENTS, STAGE_NEEDS, Event, Part
from socklat_gate.probe.hooks import attach_all, attach_event
from socklat_gate.probe.tracing import Refused

FIRST = (Part("raw_tracepoint", "new_point", "on_new"),)
SECOND = (Part("kprobe", "old_function", "on_old"),)
PAIR = (
    Part("raw_tracepoint", "new_point", "on_new"),
    Part("raw_tracepoint", "other_point", "on_other"),
)
EVENT = Event("send", (FIRST, SECOND))


class Types:
    """A kernel that has these symbols."""

    def __init__(self, *symbols: str) -> None:
        self._symbols = symbols

    def has_tracepoint(self, name: str) -> bool:
        return name in self._symbols

    has_function = has_tracepoint


class Program:
    """A loaded program; attaching to one of ``refused`` fails as BCC fails."""

    def __init__(self, *refused: str) -> None:
        self._refused = [symbol.encode() for symbol in refused]
        self.attached: list[bytes] = []

    def load_func(self, function: bytes, kind: int) -> Any:
        return SimpleNamespace(fd=7)

    def attach_kprobe(self, event: bytes, fn_name: bytes) -> None:
        if event in self._refused:
            raise Exception("Failed to attach: Operation not permitted\nmore lines")
        self.attached.append(event)


class Kernel:
    """Raw tracepoints: a link is a descriptor, open while it is attached."""

    def __init__(self) -> None:
        self.refused: bytes = b""

    def bpf_attach_raw_tracepoint(self, program_fd: int, symbol: bytes) -> int:
        assert program_fd == 7
        if symbol == self.refused:
            ctypes.set_errno(errno.EPERM)
            return -1
        return os.open("/dev/null", os.O_RDONLY)


@pytest.fixture(autouse=True)
def kernel(monkeypatch: pytest.MonkeyPatch) -> Kernel:
    kernel = Kernel()
    module = SimpleNamespace(
        BPF=SimpleNamespace(RAW_TRACEPOINT=17, KPROBE=2), libbcc=SimpleNamespace(lib=kernel)
    )
    monkeypatch.setattr(hook_parts, "load_bcc", lambda: module)
    monkeypatch.setattr(hook_parts, "_KPROBES", Path("/"))  # this kernel has kprobes
    return kernel


def open_files() -> int:
    return len(os.listdir("/proc/self/fd"))


def attached(program: Program, *symbols: str) -> Any:
    types: Any = Types(*symbols)
    return attach_event(program, types, EVENT)


def test_the_best_hook_is_taken() -> None:
    found = attached(Program(), "new_point", "old_function")
    assert (found.event, found.hook, found.program_fds) == ("send", FIRST, (7,))


def test_the_next_one_where_the_best_does_not_exist() -> None:
    assert attached(Program(), "old_function").hook is SECOND


def test_the_next_one_where_the_kernel_refuses_the_best(kernel: Kernel) -> None:
    kernel.refused = b"new_point"
    program = Program()
    assert attached(program, "new_point", "old_function").hook is SECOND
    assert program.attached == [b"old_function"]


def test_no_hook_is_an_error_with_every_refusal() -> None:
    with pytest.raises(UnfitEnvironment) as caught:
        attached(Program("old_function"), "old_function")
    assert caught.value.reason is Reason.NO_HOOK
    message = caught.value.message
    assert "'send'" in message
    assert "raw_tracepoint:new_point: not in this kernel" in message
    assert "kprobe:old_function: Failed to attach: Operation not permitted" in message
    assert "more lines" not in message


def test_an_error_that_is_no_refusal_is_not_hidden() -> None:
    class Broken(Program):
        def load_func(self, function: bytes, kind: int) -> Any:
            raise TypeError("a defect")

    with pytest.raises(TypeError, match="a defect"):
        attached(Broken(), "new_point", "old_function")


def test_all_events_or_none() -> None:
    types: Any = Types("new_point")
    other = Event("read", ((Part("raw_tracepoint", "absent", "rx_on_read"),),))
    before = open_files()
    with pytest.raises(UnfitEnvironment, match="'read'"):
        attach_all(Program(), types, events=[EVENT, other])
    assert open_files() == before


def test_a_hook_of_several_parts_attaches_whole_or_not_at_all(kernel: Kernel) -> None:
    types: Any = Types("new_point", "other_point")
    kernel.refused = b"other_point"
    event = Event("both", (PAIR,), optional=True)
    before = open_files()
    assert attach_event(Program(), types, event) is None
    assert open_files() == before
    kernel.refused = b""
    whole = attach_event(Program(), types, event)
    assert whole is not None
    assert str(whole) == "raw_tracepoint:new_point+raw_tracepoint:other_point"
    assert open_files() == before + 2
    whole.detach()
    assert open_files() == before


def test_two_programs_share_a_raw_tracepoint() -> None:
    types: Any = Types("new_point")
    twice = [EVENT, Event("again", ((Part("raw_tracepoint", "new_point", "on_again"),),))]
    found = attach_all(Program(), types, twice)
    assert [one.event for one in found] == ["send", "again"]
    for one in found:
        one.detach()


@pytest.mark.parametrize("several", [True, False], ids=["0.19", "0.18"])
def test_what_is_taken_back_is_the_refused_hook_s_own(several: bool) -> None:
    class Bcc(Program):
        def attach_kretprobe(self, event: bytes, fn_name: bytes) -> None:
            raise Exception("no memory")

    class Named(Bcc):
        def detach_kprobe(self, event: bytes, fn_name: bytes | None = None) -> None:
            taken_back.append((event, fn_name))

    class Unnamed(Bcc):
        def detach_kprobe(self, event: bytes) -> None:
            taken_back.append((event, None))

    taken_back: list[tuple[bytes, bytes | None]] = []
    both = (Part("kprobe", "function", "on_entry"), Part("kretprobe", "function", "on_return"))
    types: Any = Types("function")
    program = Named() if several else Unnamed()
    assert attach_event(program, types, Event("sent", (both,), optional=True)) is None
    assert taken_back == [(b"function", b"on_entry" if several else None)]


def test_an_optional_event_may_stay_without_a_hook() -> None:
    types: Any = Types("new_point")
    absent = Event("extra", ((Part("raw_tracepoint", "absent", "on_x"),),), optional=True)
    assert [one.event for one in attach_all(Program(), types, [EVENT, absent])] == ["send"]


def test_kprobes_are_not_tried_where_the_kernel_has_none(monkeypatch: Any, tmp_path: Path) -> None:
    monkeypatch.setattr(hook_parts, "_KPROBES", tmp_path / "absent")
    with pytest.raises(UnfitEnvironment, match="kprobe:old_function: not in this kernel"):
        attached(Program(), "old_function")


class Typed:
    """The loader of tracing programs: knows ``functions``, refuses tracepoints in ``refused``."""

    def __init__(self, monkeypatch: Any, functions: list[str], refused: str = "") -> None:
        self.loaded: list[str] = []
        self._refused = refused
        monkeypatch.setattr(hook_parts, "has_program", lambda _, function: function in functions)
        monkeypatch.setattr(hook_parts, "attach_tracepoint", self._attach)

    def _attach(self, program: Any, types: Any, symbol: str, function: str) -> tuple[int, int]:
        if symbol == self._refused:
            raise Refused("load: Permission denied")
        self.loaded.append(symbol)
        return os.open("/dev/null", os.O_RDONLY), os.open("/dev/null", os.O_RDONLY)


def test_a_typed_probe_loads_its_tracepoints_with_types(monkeypatch: Any) -> None:
    typed, types, program = Typed(monkeypatch, ["on_new"]), Types("new_point"), Program()
    found = attach_event(program, cast("Any", types), EVENT, typed=True)
    assert found is not None
    assert (typed.loaded, program.attached) == (["new_point"], [])
    assert str(found) == "raw_tracepoint:new_point"
    found.detach()
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(found.own_fds[0])


@pytest.mark.parametrize("refused", ["", "other_point"])
def test_a_hook_that_cannot_be_typed_asks_for_a_probe_without(
    monkeypatch: Any, refused: str
) -> None:
    types: Any = Types("new_point", "old_function", "other_point")
    Typed(monkeypatch, ["on_new", "on_other"] if refused else ["on_new"], refused)
    before = open_files()
    with pytest.raises(Untyped):
        attach_all(Program(), types, [EVENT, Event("both", (PAIR,))], typed=True)
    assert open_files() == before


def test_stages_need_events_that_there_are() -> None:
    known = {event.name for event in EVENTS}
    assert {name for needs in STAGE_NEEDS.values() for name in needs} <= known


def test_every_hook_names_a_function_of_the_probe() -> None:
    text = "\n".join(path.read_text("utf-8") for path in bpf_dir().glob("*.c"))
    for event in EVENTS:
        for part in (part for hook in event.hooks for part in hook):
            assert f"{part.function}(" in text, f"{event.name}: {part.function}"


def test_the_log_has_which_hook_was_attached_and_which_was_refused_and_why(
    kernel: Kernel, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, hooks.__name__)
    kernel.refused = b"new_point"
    attached(Program(), "new_point", "old_function")
    optional = replace(EVENT, hooks=(FIRST,), optional=True)
    types: Any = Types()
    assert attach_event(Program(), types, optional) is None
    assert [(record.levelname, record.getMessage()) for record in caplog.records] == [
        (
            "DEBUG",
            "event send: refused: raw_tracepoint:new_point: Operation not permitted",
        ),
        ("INFO", "event send: attached to kprobe:old_function"),
        ("DEBUG", "event send: refused: raw_tracepoint:new_point: not in this kernel"),
        ("INFO", "event send: no hook (raw_tracepoint:new_point: not in this kernel)"),
    ]
