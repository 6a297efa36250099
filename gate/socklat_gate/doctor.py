"""Checks of this machine: what works, what does not, and what to do about it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from socklat_gate.environment import NoiseMeter
from socklat_gate.errors import GateError, Interrupted
from socklat_gate.probe.binding import load_bcc
from socklat_gate.probe.btf import kernel_types
from socklat_gate.probe.hook_parts import tracefs_is_mounted
from socklat_gate.probe.hook_table import EVENTS, STAGE_NEEDS, Event
from socklat_gate.probe.privilege import check_privilege
from socklat_gate.probe.probe import SocketProbe
from socklat_gate.service.build import builder_of
from socklat_gate.service.client import connect
from socklat_gate.service.runtimes import DAEMON, check_runtime
from socklat_gate.wording import units
from socklat_gate.wording.cpu_notes import SHARED_QUEUE

__all__ = ["Check", "Status", "diagnose"]


_PROGRAMS = {
    True: "typed: they load the kernel's fields directly",
    False: "untyped: they copy the kernel's fields, which measures the same and costs more",
}


ENOUGH_CPUS = 3
"""One for each arm, and one for the load."""


class Status(str, Enum):
    """``FAIL`` means that the gate cannot run here; ``WARN`` that its numbers will suffer."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Check:
    """One line: what was checked, what was found, and the remedy when it is not ok."""

    name: str
    status: Status
    found: str
    remedy: str = ""


def diagnose(sleep: Callable[[float], None]) -> Iterable[Check]:
    """All checks in order, each as soon as it is known; ``sleep`` lets the steal check watch."""
    yield Check("kernel", Status.OK, f"{os.uname().release} {os.uname().machine}")
    yield _attempt("privileges", _privileges)
    yield _attempt("BTF", _btf)
    yield _attempt("BCC", _bcc)
    yield from _hooks()
    docker = _attempt("Docker", _docker)
    yield docker
    if docker.status is Status.OK:
        yield _attempt("builder", _builder)
    yield _cpus()
    yield _clock()
    yield _steal(sleep)


def _attempt(name: str, check: Callable[[], str]) -> Check:
    try:
        return Check(name, Status.OK, check())
    except Interrupted:
        raise
    except GateError as error:
        return Check(name, Status.FAIL, error.message, error.remedy or "")


def _privileges() -> str:
    check_privilege()
    return "may load BPF programs"


def _btf() -> str:
    kernel_types()
    return "/sys/kernel/btf/vmlinux readable"


def _bcc() -> str:
    module = load_bcc()
    version = getattr(module, "__version__", "of unknown version")
    return f"{version} at {Path(str(module.__file__)).parent}"


def _hooks() -> Iterable[Check]:
    """One line an event: a trial attach of all hooks together, as a run does it."""
    try:
        with SocketProbe(detail="full", stalls=True) as probe:
            hooks, typed = probe.hooks, probe.typed
    except Interrupted:
        raise
    except GateError as error:
        yield Check("hooks", Status.FAIL, error.message, error.remedy or "")
        return
    yield Check("programs", Status.OK, _PROGRAMS[typed])
    for event in EVENTS:
        hook = hooks.get(event.name)
        if hook or event.only_on is None or kernel_types().knows(event.only_on):
            yield _hook(event, hook)


def _hook(event: Event, hook: str | None) -> Check:
    name = f"hook {event.name}"
    if hook is not None:
        return Check(name, Status.OK, f"{hook} attaches")
    lost = [stage for stage, events in STAGE_NEEDS.items() if event.name in events]
    shown = f"{', '.join(lost) or event.name} will be shown as not measured"
    if any(part.kind == "tracepoint" for hook in event.hooks for part in hook):
        others = "; by the others it cannot be seen on this kernel" if len(event.hooks) > 1 else ""
        if not tracefs_is_mounted():
            return Check(
                name,
                Status.WARN,
                f"one of its {len(event.hooks)} hooks needs tracefs, which is not mounted{others}",
                f"mount -t tracefs tracefs /sys/kernel/tracing; until then {shown}",
            )
        if os.geteuid():
            found = f"one of its {len(event.hooks)} hooks is read from tracefs, which is root's"
            return Check(name, Status.WARN, f"{found}{others}", f"run as root; else {shown}")
    found = f"this kernel takes none of its {len(event.hooks)} hooks"
    return Check(name, Status.WARN, found, f"nothing to do: {shown}")


def _docker() -> str:
    client = connect()
    version, info = client.version(), client.info()
    client.close()
    check_runtime(info, None, DAEMON)
    return f"{version.get('Version')} responds (API {version.get('ApiVersion')})"


def _builder() -> str:
    client = connect()
    try:
        found = builder_of(client)
    finally:
        client.close()
    return f"{found.name}: {found.lacks}" if found.lacks else found.name


def _cpus() -> Check:
    count = len(os.sched_getaffinity(0))
    if count >= ENOUGH_CPUS:
        return Check("CPUs", Status.OK, f"{count}: each arm of a pair gets its own")
    if count == 1:
        remedy = "service and load share one CPU: use three or more"
    else:
        remedy = f"both arms share them: {SHARED_QUEUE}; with 3 or more each arm gets its own"
    return Check("CPUs", Status.WARN, str(count), remedy)


def _clock() -> Check:
    path = Path("/sys/devices/system/clocksource/clocksource0/current_clocksource")
    source = path.read_text("ascii").strip() if path.exists() else "unknown"
    if source in {"tsc", "arch_sys_counter", "kvm-clock", "hyperv_clocksource_tsc_page"}:
        return Check("clock source", Status.OK, source)
    remedy = "time stamps are slow here; boot with a working tsc (clocksource=tsc) if you can"
    return Check("clock source", Status.WARN, source, remedy)


def _steal(sleep: Callable[[float], None]) -> Check:
    meter = NoiseMeter()
    sleep(1.0)
    noise = meter.stop()
    found = (
        f"{units.share(noise.steal)} of the CPU time in the last second, "
        f"{units.share(noise.busy)} busy"
    )
    if noise.steal < 0.1:
        return Check("steal", Status.OK, found)
    remedy = "the hypervisor takes CPU time: expect more pairs per verdict, or use another runner"
    return Check("steal", Status.WARN, found, remedy)
