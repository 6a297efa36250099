"""Exit code 3: this machine cannot measure, and ``doctor`` says so too."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from socklat_gate.errors import Exit, Reason
from socklat_gate.probe import binding, btf
from socklat_gate.probe.binding import load_bcc
from socklat_gate.probe.btf import KernelTypes, kernel_types
from socklat_gate.probe.hook_table import EVENTS
from socklat_gate.probe.programs import Compiler
from tests.e2e.harness import COMMAND, Gate

pytestmark = [pytest.mark.kernel, pytest.mark.docker, pytest.mark.beside]


@pytest.fixture(autouse=True)
def _looked_for_again(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What a process finds or compiles once is so by each test, and by those after it."""
    monkeypatch.setattr("socklat_gate.probe.probe.Compiler", Compiler)
    for found in (load_bcc, kernel_types):
        found.cache_clear()
    yield
    for found in (load_bcc, kernel_types):
        found.cache_clear()


def without_bcc(patch: pytest.MonkeyPatch) -> None:
    patch.setitem(sys.modules, "bcc", None)
    patch.setattr(binding, "_places", list)


def without_btf(patch: pytest.MonkeyPatch) -> None:
    lib = btf._declare()
    patch.setattr(btf, "_declare", lambda: lib)
    patch.setattr(lib, "btf__load_vmlinux_btf", lambda: None)


def without_hook(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(KernelTypes, "has_tracepoint", lambda types, name: name != "tcp_destroy_sock")
    patch.setattr(KernelTypes, "has_function", lambda types, name: False)


def complete(patch: pytest.MonkeyPatch) -> None:
    """Nothing is missing in the process itself."""


@dataclass(frozen=True)
class Lack:
    """Something missing, the line of ``doctor`` that tells, and what the error says."""

    reason: Reason
    check: str
    said: str
    remove: Callable[[pytest.MonkeyPatch], None] = complete
    env: dict[str, str] = field(default_factory=dict)
    options: dict[str, Any] = field(default_factory=dict)


LACKS = [
    Lack(
        Reason.NO_PRIVILEGE,
        "privileges",
        "CAP_BPF and CAP_PERFMON missing",
        # Still user 0, so that Docker's socket can be reached.
        options={
            "command": [
                "setpriv",
                "--bounding-set=-all",
                "--inh-caps=-all",
                "--ambient-caps=-all",
                *COMMAND,
            ]
        },
    ),
    Lack(
        Reason.NO_DOCKER,
        "Docker",
        "no Docker daemon responds at unix:///no/such.sock",
        env={"DOCKER_HOST": "unix:///no/such.sock"},
    ),
    Lack(Reason.NO_BCC, "BCC", "BCC's Python binding was not found", without_bcc),
    Lack(Reason.NO_BTF, "BTF", "(/sys/kernel/btf/vmlinux) is missing", without_btf),
    Lack(Reason.NO_HOOK, "hooks", "no hook for event 'destroy' attaches", without_hook),
]


@pytest.mark.parametrize("lack", LACKS, ids=lambda lack: lack.reason.value)
def test_what_is_missing_ends_a_gate_and_is_named_by_doctor(
    gate: Gate, scenario: Callable[..., Path], monkeypatch: pytest.MonkeyPatch, lack: Lack
) -> None:
    lack.remove(monkeypatch)
    gated = gate.gate(scenario(), env=lack.env, **lack.options)
    error = gated.refused(Exit.UNFIT_ENVIRONMENT, lack.reason)
    assert lack.said in error
    assert "\ntry: " in error

    doctor = gate.run("doctor", out=False, env=lack.env, **lack.options)
    assert (doctor.code, doctor.stderr) == (Exit.UNFIT_ENVIRONMENT, ""), doctor.stdout
    lines = doctor.stdout.splitlines()
    (failed,) = [line for line in lines if line.startswith(f"fail  {lack.check} ")]
    assert lack.said in failed
    assert lines[lines.index(failed) + 1].split()[0] == "->"


def test_run_needs_the_same(gate: Gate, scenario: Callable[..., Path]) -> None:
    done = gate.run("run", scenario(), env={"DOCKER_HOST": "unix:///no/such.sock"})
    done.refused(Exit.UNFIT_ENVIRONMENT, Reason.NO_DOCKER)


def test_doctor_is_content_with_this_machine(gate: Gate) -> None:
    done = gate.run("doctor", out=False)
    assert done.code == Exit.PASS, done.stdout
    assert "fail " not in done.stdout
    types = kernel_types()
    for event in EVENTS:
        if event.only_on and not types.knows(event.only_on):
            assert f"hook {event.name} " not in done.stdout
            continue
        expected = ("ok   ", "warn ") if event.optional else ("ok   ",)
        assert any(f"{status} hook {event.name} " in done.stdout for status in expected)


def test_a_defect_of_the_tool_is_no_verdict(gate: Gate, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("socklat_gate.commands.schema.emit_json", None)
    done = gate.run("schema", out=False)
    assert done.code == Exit.INTERNAL
    assert "TypeError" in done.stderr
