"""Exit code 3: this machine cannot measure, and ``doctor`` says so too."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from socklat_gate.errors import Exit, Reason
from socklat_gate.probe.btf import kernel_types
from socklat_gate.probe.hook_table import EVENTS
from tests.e2e.harness import COMMAND, Gate

pytestmark = [pytest.mark.kernel, pytest.mark.docker, pytest.mark.beside]

WITHOUT_BCC = """
import sys
import socklat_gate.probe.binding
sys.modules["bcc"] = None
socklat_gate.probe.binding._places = lambda: []
from socklat_gate.cli import main
main()
"""
WITHOUT_BTF = """
import socklat_gate.probe.btf
load = socklat_gate.probe.btf._declare
def without_btf():
    lib = load()
    lib.btf__load_vmlinux_btf = lambda: None
    return lib
socklat_gate.probe.btf._declare = without_btf
from socklat_gate.cli import main
main()
"""
WITHOUT_HOOK = """
import socklat_gate.probe.btf
socklat_gate.probe.btf.KernelTypes.has_tracepoint = lambda self, name: name != "tcp_destroy_sock"
socklat_gate.probe.btf.KernelTypes.has_function = lambda self, name: False
from socklat_gate.cli import main
main()
"""
BROKEN = """
import socklat_gate.commands.schema
socklat_gate.commands.schema.emit_json = None
from socklat_gate.cli import main
main()
"""


@dataclass(frozen=True)
class Lack:
    """Something missing, the line of ``doctor`` that tells, and what the error says."""

    reason: Reason
    check: str
    said: str
    command: list[str] = field(default_factory=lambda: COMMAND)
    env: dict[str, str] = field(default_factory=dict)


LACKS = [
    Lack(
        Reason.NO_PRIVILEGE,
        "privileges",
        "CAP_BPF and CAP_PERFMON missing",
        # Still user 0, so that Docker's socket can be reached.
        ["setpriv", "--bounding-set=-all", "--inh-caps=-all", "--ambient-caps=-all", *COMMAND],
    ),
    Lack(
        Reason.NO_DOCKER,
        "Docker",
        "no Docker daemon responds at unix:///no/such.sock",
        env={"DOCKER_HOST": "unix:///no/such.sock"},
    ),
    Lack(
        Reason.NO_BCC,
        "BCC",
        "BCC's Python binding was not found",
        [sys.executable, "-c", WITHOUT_BCC],
    ),
    Lack(
        Reason.NO_BTF,
        "BTF",
        "(/sys/kernel/btf/vmlinux) is missing",
        [sys.executable, "-c", WITHOUT_BTF],
    ),
    Lack(
        Reason.NO_HOOK,
        "hooks",
        "no hook for event 'destroy' attaches",
        [sys.executable, "-c", WITHOUT_HOOK],
    ),
]


@pytest.mark.parametrize("lack", LACKS, ids=lambda lack: lack.reason.value)
def test_what_is_missing_ends_a_gate_and_is_named_by_doctor(
    gate: Gate, scenario: Callable[..., Path], lack: Lack
) -> None:
    both = {"command": lack.command, "env": lack.env}
    asked = gate.start("doctor", **both)
    gated = gate.gate(scenario(), **both)
    error = gated.refused(Exit.UNFIT_ENVIRONMENT, lack.reason)
    assert lack.said in error
    assert "\ntry: " in error

    doctor = gate.end(asked)
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


def test_a_defect_of_the_tool_is_no_verdict(gate: Gate) -> None:
    done = gate.run("schema", out=False, command=[sys.executable, "-c", BROKEN])
    assert done.code == Exit.INTERNAL
    assert "TypeError" in done.stderr
