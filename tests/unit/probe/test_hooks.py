from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from gate.errors import Reason, UnfitEnvironment
from gate.probe import hooks
from gate.probe.hooks import EVENTS, Event, Hook, attach, attach_all
from gate.probe.sources import bpf_dir

FIRST = Hook("raw_tracepoint", "new_point", "on_new")
SECOND = Hook("kprobe", "old_function", "on_old")
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

    def attach_kprobe(self, event: bytes, fn_name: bytes) -> None:
        self.attach_raw_tracepoint(event, fn_name)


@pytest.fixture(autouse=True)
def bcc(monkeypatch: pytest.MonkeyPatch) -> None:
    module = SimpleNamespace(BPF=SimpleNamespace(RAW_TRACEPOINT=17, KPROBE=2))
    monkeypatch.setattr(hooks, "load_bcc", lambda: module)


def attached(program: Program, *symbols: str) -> Any:
    types: Any = Types(*symbols)
    return attach(program, types, EVENT)


def test_the_best_hook_is_taken() -> None:
    found = attached(Program(), "new_point", "old_function")
    assert (found.event, found.hook, found.program_fd) == ("send", FIRST, 7)


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
    other = Event("read", (Hook("raw_tracepoint", "absent", "on_read"),))
    with pytest.raises(UnfitEnvironment, match="'read'"):
        attach_all(Program(), types, events=[EVENT, other])


def test_every_hook_names_a_function_of_the_probe() -> None:
    text = "\n".join(path.read_text("utf-8") for path in bpf_dir().glob("*.c"))
    for event in EVENTS:
        for hook in event.hooks:
            assert f"{hook.function}(" in text, f"{event.name}: {hook.function}"
