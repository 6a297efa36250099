"""Faults inside a process of the gate: read at its start, done where they say.

``SOCKLAT_FAULTS`` is a JSON list.  Of each: ``in`` is the process ("gate" or "worker"), ``at`` a
function as ``package.module:Class.name``, ``nth`` which of its calls, ``when`` before or after it,
``do`` what: ``["tell", NAME]`` (asks the test at ``SOCKLAT_FAULTS_SOCKET``, and waits for it),
``["kill", SIGNAL]``, ``["raise", CLASS, ARGUMENT...]``, ``["sleep", S]``, ``["return", VALUE]``,
``["path", P]`` likewise, ``["write", DESCRIPTOR, TEXT]``, ``["limit", RLIMIT, VALUE]``;
``["each", ...]`` for every call from then on.  Without ``at`` it is done at the start; with ``to``
in place of ``do`` the name gets a value; ``clock_s`` is by how much the wall clock jumps.

The product knows nothing of it: this directory is on the import path of tests alone.
"""

from __future__ import annotations

import builtins
import functools
import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import json
import os
import resource
import signal
import socket
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

WORKER = "socklat_gate.load.worker"


def _own_name() -> str:
    return "worker" if WORKER in sys.orig_argv else "gate"


def _is_ours() -> bool:
    return any(word.startswith("socklat_gate") for word in sys.orig_argv)


def tell(name: str) -> None:
    """Says where this process is, and waits until the test has done what it wants to."""
    try:
        with socket.socket(socket.AF_UNIX) as line:
            line.connect(os.environ["SOCKLAT_FAULTS_SOCKET"])
            line.sendall(f"{os.getpid()} {name}\n".encode())
            line.recv(1)
    except OSError:
        pass


def strike(do: Sequence[Any]) -> Any:
    """What a hook does; a value in a list is what its function returns in place of its own."""
    kind, *rest = do
    if kind == "tell":
        tell(rest[0])
    elif kind == "kill":
        os.kill(os.getpid(), rest[0])
        time.sleep(0.2 if rest[0] != signal.SIGSTOP else 0)
    elif kind == "sleep":
        time.sleep(rest[0])
    elif kind == "raise":
        raise _class(rest[0])(*rest[1:])
    elif kind == "return":
        return [rest[0]]
    elif kind == "path":
        return [Path(rest[0])]
    elif kind == "write":
        os.write(rest[0], rest[1].encode())
    elif kind == "limit":
        resource.setrlimit(getattr(resource, rest[0]), (rest[1], rest[1]))
    return None


def _class(name: str) -> type[BaseException]:
    module, _, plain = name.rpartition(":")
    found = getattr(importlib.import_module(module) if module else builtins, plain)
    assert isinstance(found, type)
    return found


def _wrapped(function: Callable[..., Any], hooks: Sequence[dict[str, Any]]) -> Callable[..., Any]:
    calls = 0

    @functools.wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        nonlocal calls
        calls += 1
        now = [one for one in hooks if _strikes(one, calls)]
        for one in now:
            if one.get("when", "before") == "before" and (given := strike(_do(one))):
                return given[0]
        value = function(*args, **kwargs)
        for one in now:
            if one.get("when") == "after" and (given := strike(_do(one))):
                return given[0]
        return value

    return wrapper


def _do(hook: dict[str, Any]) -> Sequence[Any]:
    do = hook["do"]
    return do[1:] if do[0] == "each" else do


def _strikes(hook: dict[str, Any], call: int) -> bool:
    nth = hook.get("nth", 1)
    return bool(call >= nth if hook["do"][0] == "each" else call == nth)


def _patch(module: ModuleType, hooks: Sequence[dict[str, Any]]) -> None:
    by_name: dict[str, list[dict[str, Any]]] = {}
    for one in hooks:
        by_name.setdefault(one["at"].partition(":")[2], []).append(one)
    for name, of in by_name.items():
        *path, last = name.split(".")
        owner = functools.reduce(getattr, path, module)
        values = [one["to"] for one in of if "to" in one]
        if values:
            setattr(owner, last, values[0])
        else:
            setattr(owner, last, _wrapped(getattr(owner, last), of))


class _Loader(importlib.abc.Loader):
    def __init__(self, real: importlib.abc.Loader, hooks: Sequence[dict[str, Any]]) -> None:
        self._real, self._hooks = real, hooks

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType | None:
        return self._real.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        self._real.exec_module(module)
        _patch(module, self._hooks)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)


class _Finder(importlib.abc.MetaPathFinder):
    """Finds the modules that faults name, and patches them once they are there."""

    def __init__(self, hooks: Sequence[dict[str, Any]]) -> None:
        self._by_module: dict[str, list[dict[str, Any]]] = {}
        for one in hooks:
            self._by_module.setdefault(one["at"].partition(":")[0], []).append(one)

    def find_spec(
        self, name: str, path: Any = None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        hooks = self._by_module.get(name)
        if hooks is None:
            return None
        spec = importlib.machinery.PathFinder.find_spec(name, path, target)
        if spec is not None and spec.loader is not None:
            spec.loader = _Loader(spec.loader, hooks)
        return spec


def _jump_clock(after_s: float, by_s: float) -> None:
    """The wall clock of this process jumps a while after its start."""
    real, at = time.time, time.monotonic() + after_s
    time.time = lambda: real() + (by_s if time.monotonic() >= at else 0.0)
    real_ns = time.time_ns
    time.time_ns = lambda: real_ns() + (int(by_s * 1e9) if time.monotonic() >= at else 0)


def _begin() -> None:
    faults = [one for one in json.loads(os.environ["SOCKLAT_FAULTS"]) if _own_name() == one["in"]]
    hooks = [one for one in faults if "at" in one]
    sys.meta_path.insert(0, _Finder(hooks))
    for name in {one["at"].partition(":")[0] for one in hooks} & set(sys.modules):
        _patch(sys.modules[name], [one for one in hooks if one["at"].partition(":")[0] == name])
    for one in faults:
        if "clock_s" in one:
            _jump_clock(one.get("after_s", 0.0), one["clock_s"])
        if one.get("do") and "at" not in one:
            strike(one["do"])


if os.environ.get("SOCKLAT_FAULTS") and _is_ours():
    _begin()
