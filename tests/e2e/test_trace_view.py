"""``trace`` as a person at a terminal sees it, and what is left there."""

from __future__ import annotations

import re
import signal

import pytest

from socklat_gate.errors import Exit, Reason
from tests.e2e.harness import Gate
from tests.e2e.scenarios import DELAY_TAG
from tests.e2e.terminal import screen
from tests.e2e.traced import PORT, REQUESTS, Container, drive, wait_for

pytestmark = [pytest.mark.kernel, pytest.mark.docker, pytest.mark.beside]


def test_it_ends_by_itself_with_a_summary(gate: Gate, service: Container) -> None:
    wait_for(service.host, PORT)
    for duration_s in (5, 20, 80):  # a machine that is busy gets more time for the load
        terminal = gate.on_terminal("trace", service.name, "--duration", duration_s, out=False)
        terminal.wait_for("watching ")
        drive(service.host)
        in_time = terminal.process.poll() is None
        done = terminal.end()
        if in_time:
            break
    assert done.code == Exit.PASS
    lines = screen(terminal.shown)
    assert lines[0] == f"{service.name} ({DELAY_TAG})  on TCP port {PORT}"
    assert re.search(rf" \(\d+\.\d s\), {REQUESTS} exchanges, \d+/s$", lines[1])
    assert lines[2].split() == ["stage", "n", "p50", "p99", "max"]
    assert [line for line in lines if line.split()[:2] == ["service", str(REQUESTS)]]


def test_the_live_view_is_drawn_in_place_and_leaves_only_the_summary(
    gate: Gate, service: Container
) -> None:
    wait_for(service.host, PORT)
    terminal = gate.on_terminal("trace", service.name, "--interval", 0.2, out=False)
    terminal.wait_for("watching ")
    drive(service.host)
    terminal.wait_for("slowest exchanges")
    terminal.process.send_signal(signal.SIGINT)
    done = terminal.end()
    assert done.code == Exit.PASS
    left = screen(terminal.shown)
    assert max(map(len, left)) <= 100
    for what in ("loading the probe", "watching", "now", "Ctrl-C"):
        assert not [line for line in left if what in line]
    assert len([line for line in left if line.lstrip().startswith("stage")]) == 1
    text = "\n".join(left)
    assert "slowest exchanges" in text
    not_seen = next(line for line in left if line.startswith("not seen: "))
    assert {"upload", "depend", "depend_connect"} <= set(re.findall(r"\w+", not_seen))
    assert "only with --full: rx_stack, bridge, tx_stack, runq" in text


def test_what_is_waited_for_is_said_when_nothing_happens(gate: Gate, service: Container) -> None:
    wait_for(service.host, PORT)
    terminal = gate.on_terminal("trace", service.name, "--interval", 0.2, out=False)
    terminal.wait_for("Ctrl-C: summary")
    assert f"no request has arrived on TCP port {PORT}" in terminal.shown
    terminal.process.send_signal(signal.SIGINT)
    left = screen(terminal.end().stderr)
    assert left[2] == f"no request has arrived on TCP port {PORT}"
    assert not [line for line in left if "not seen" in line or "p50" in line]


def test_without_a_terminal_the_summary_has_every_column_and_no_colour(
    gate: Gate, service: Container
) -> None:
    wait_for(service.host, PORT)
    process = gate.start("trace", service.name, "--full", env={"COLUMNS": "40", "LANG": "C"})
    assert process.stderr is not None
    assert process.stderr.readline() == b"loading the probe ...\n"
    assert process.stderr.readline().startswith(f"watching {service.name}".encode())
    drive(service.host)
    process.send_signal(signal.SIGINT)
    done = gate.end(process)
    assert (done.code, done.stderr) == (Exit.PASS, "")
    assert "\x1b" not in done.stdout
    assert "…" not in done.stdout
    assert "no room for" not in done.stdout
    head = next(line for line in done.stdout.splitlines() if line.split()[:1] == ["at"])
    assert {"service", "recv_wait", "app", "rx_stack", "tx_stack", "peer"} <= set(head.split())


def test_a_summary_that_nobody_reads_is_no_error_and_a_full_disk_is(
    gate: Gate, service: Container
) -> None:
    process = gate.start("trace", service.name, "--duration", 0.5)
    assert process.stdout is not None
    process.stdout.close()
    assert process.wait(60) == Exit.PASS
    with open("/dev/full", "wb") as full:
        done = gate.end(gate.start("trace", service.name, "--duration", 0.5, stdout=full))
    done.refused(Exit.USAGE, Reason.OUTPUT_NOT_WRITABLE)
