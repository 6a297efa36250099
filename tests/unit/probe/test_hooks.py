from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from gate.errors import Reason, UnfitEnvironment
from gate.probe import hooks
from gate.probe.events import EVENTS, STAGE_NEEDS, Event, Part
from gate.probe.hooks import attach_all, attach_event
from gate.probe.sources import bpf_dir

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

    def attach_raw_tracepoint(self, tp: bytes, fn_name: bytes) -> None:
        if tp in self._refused:
            raise Exception("Failed to attach: Operation not permitted\nmore lines")
        self.attached.append(tp)

    def detach_raw_tracepoint(self, tp: bytes) -> None:
        self.attached.remove(tp)

    def attach_kprobe(self, event: bytes, fn_name: bytes) -> None:
        self.attach_raw_tracepoint(event, fn_name)


@pytest.fixture(autouse=True)
def bcc(monkeypatch: pytest.MonkeyPatch) -> None:
    module = SimpleNamespace(BPF=SimpleNamespace(RAW_TRACEPOINT=17, KPROBE=2))
    monkeypatch.setattr(hooks, "load_bcc", lambda: module)
    monkeypatch.setattr(hooks, "_KPROBES", Path("/"))  # this kernel has kprobes


def attached(program: Program, *symbols: str) -> Any:
    types: Any = Types(*symbols)
    return attach_event(program, types, EVENT)


def test_the_best_hook_is_taken() -> None:
    found = attached(Program(), "new_point", "old_function")
    assert (found.event, found.hook, found.program_fds) == ("send", FIRST, (7,))


def test_the_next_one_where_the_best_does_not_exist() -> None:
    assert attached(Program(), "old_function").hook is SECOND


def test_the_next_one_where_the_kernel_refuses_the_best() -> None:
    program = Program("new_point")
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
    other = Event("read", ((Part("raw_tracepoint", "absent", "on_read"),),))
    with pytest.raises(UnfitEnvironment, match="'read'"):
        attach_all(Program(), types, events=[EVENT, other])


def test_a_hook_of_several_parts_attaches_whole_or_not_at_all() -> None:
    types: Any = Types("new_point", "other_point")
    program = Program("other_point")
    event = Event("both", (PAIR,), optional=True)
    assert attach_event(program, types, event) is None
    assert program.attached == []
    whole = attach_event(Program(), types, event)
    assert whole is not None
    assert str(whole) == "raw_tracepoint:new_point+raw_tracepoint:other_point"


def test_an_optional_event_may_stay_without_a_hook() -> None:
    types: Any = Types("new_point")
    absent = Event("extra", ((Part("raw_tracepoint", "absent", "on_x"),),), optional=True)
    assert [one.event for one in attach_all(Program(), types, [EVENT, absent])] == ["send"]


def test_kprobes_are_not_tried_where_the_kernel_has_none(monkeypatch: Any, tmp_path: Path) -> None:
    monkeypatch.setattr(hooks, "_KPROBES", tmp_path / "absent")
    with pytest.raises(UnfitEnvironment, match="kprobe:old_function: not in this kernel"):
        attached(Program(), "old_function")


def test_stages_need_events_that_there_are() -> None:
    known = {event.name for event in EVENTS}
    assert {name for needs in STAGE_NEEDS.values() for name in needs} <= known


def test_every_hook_names_a_function_of_the_probe() -> None:
    text = "\n".join(path.read_text("utf-8") for path in bpf_dir().glob("*.c"))
    for event in EVENTS:
        for part in (part for hook in event.hooks for part in hook):
            assert f"{part.function}(" in text, f"{event.name}: {part.function}"
