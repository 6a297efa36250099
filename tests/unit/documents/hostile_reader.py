"""Run as a program: reads each scenario of a place with little memory to spare.

Arguments: the location and the MiB above what is in use after a good campaign (scenario
"checkout") was read.  Prints a line for each other scenario: its name, the reason code that it was
refused with, the most memory in use meanwhile above what was before, in bytes, and the seconds it
took.
"""

from __future__ import annotations

import re
import resource
import sys
import time
from pathlib import Path

from socklat_gate.baseline.store import BaselineStore
from socklat_gate.errors import NoUsableBaseline

CPU_S = 60
"""Nothing takes that long; what is quadratic does."""


def status(field: str) -> int:
    """A size in bytes from /proc/self/status."""
    text = Path("/proc/self/status").read_text("ascii")
    found = re.search(rf"^{field}:\s+(\d+) kB", text, re.MULTILINE)
    assert found is not None
    return 1024 * int(found[1])


def refused(store: BaselineStore, scenario: str) -> str:
    try:
        store.campaigns(scenario)
    except NoUsableBaseline as error:
        told = bool(error.remedy) and len(error.message) < 2000
        return error.reason.value if told else "without-a-remedy-or-at-length"
    return "not-refused"


def main(location: str, spare_mib: int) -> None:
    store = BaselineStore.at(location)
    try:
        assert len(store.campaigns("checkout")) == 1
        names = store.scenarios()
        limit = status("VmData") + (spare_mib << 20)
        resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
        at_first = status("VmRSS")
        resource.setrlimit(resource.RLIMIT_CPU, (CPU_S, CPU_S))
        for name in names:
            if name == "checkout":
                continue
            Path("/proc/self/clear_refs").write_text("5", "ascii")  # the peak starts again
            started_s = time.perf_counter()
            reason = refused(store, name)
            took_s = time.perf_counter() - started_s
            sys.stdout.write(f"{name} {reason} {status('VmHWM') - at_first} {took_s:.3f}\n")
    finally:
        store.place.close()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
