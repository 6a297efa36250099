"""What a clock reading, a lookup, a read and an addition cost a BPF program on this machine.

    python -m tests.benchmarks.primitives > docs/lab/primitives.md

Each runs at the tracepoint `sock_send_length` under `redis-benchmark` over a veth pair; the kernel
accounts the time (bpf_stats).  The least of several rounds is what counts: noise only adds.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from socklat_gate.environment import cpu_model
from socklat_gate.probe.binding import load_bcc
from socklat_gate.probe.btf import kernel_types
from socklat_gate.probe.kernel_source import kernel_source
from socklat_gate.probe.missed import time_spent
from tests.conformance.lab import Lab
from tests.conformance.stand import await_listening, running

ROUNDS = 8
PORT = 6379
TRACEPOINT = b"sock_send_length"
WHAT = {
    "on_nothing": ("nothing: the accounting's own", 1),
    "on_clock": ("reading the clock", 1),
    "on_lookup": ("lookup in a hash of 16,384 entries", 1),
    "rx_on_read": ("reading a field by helper", 1),
    "on_add": ("locked addition, per CPU", 10),
}


def least_ns() -> dict[str, float]:
    """Least mean time of a run of each program, in ns."""
    bcc = load_bcc()
    source = Path(__file__).with_suffix(".c").read_text("utf-8")
    with kernel_source(source, kernel_types()):
        program = bcc.BPF(text=source.encode(), cflags=["-w"])
    least = dict.fromkeys(WHAT, float("inf"))
    switch = Path("/proc/sys/kernel/bpf_stats_enabled")
    before = switch.read_text("ascii")
    try:
        switch.write_text("1", encoding="ascii")
        loaded = {n: program.load_func(n.encode(), bcc.BPF.RAW_TRACEPOINT).fd for n in WHAT}
        with Lab() as lab:
            server = ["redis-server", "--port", str(PORT), "--save", "", "--protected-mode", "no"]
            with running(lab.run_inside(*server, "--bind", "0.0.0.0")) as service:
                await_listening(service, PORT)
                load = ["redis-benchmark", "-h", lab.inside4, "-c", "32", "-n", "10000"]
                for _ in range(ROUNDS):
                    for name, fd in loaded.items():
                        program.attach_raw_tracepoint(tp=TRACEPOINT, fn_name=name.encode())
                        spent_ns, runs = time_spent(fd)
                        subprocess.run([*load, "-t", "get", "-q"], check=True, capture_output=True)
                        after_ns, after = time_spent(fd)
                        program.detach_raw_tracepoint(tp=TRACEPOINT)
                        each_ns = (after_ns - spent_ns) / (after - runs)
                        least[name] = min(least[name], each_ns)
    finally:
        switch.write_text(before, encoding="ascii")
        program.cleanup()
    return least


def main() -> None:
    least = least_ns()
    base = least["on_nothing"]
    print("# What the probe is made of\n")
    print(f"Written by `ci/bench primitives`: least of {ROUNDS} rounds of 10,000 requests;")
    print(f"{os.cpu_count()} CPUs ({cpu_model()}), Linux {os.uname().release}.\n")
    print("| a program that does | ns |\n|:--|--:|")
    for name, (what, times) in WHAT.items():
        print(f"| {what} | {base if name == 'on_nothing' else (least[name] - base) / times:.0f} |")


if __name__ == "__main__":
    main()
