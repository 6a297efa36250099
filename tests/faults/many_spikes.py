"""A measured result with 100,000 spikes, written and read: prints what was wrong, one a line."""

from __future__ import annotations

import resource
import sys
import time
from dataclasses import replace
from pathlib import Path

from socklat_gate.documents.files import read_result
from socklat_gate.errors import GateError
from socklat_gate.measured.run import Spike
from socklat_gate.report.formats.registry import report_files
from socklat_gate.report.writer import write_reports

MANY = 100_000
MOST_S, MOST_BYTES, MOST_MEMORY_KIB = 60.0, 64 << 20, 4 << 20


def main() -> None:
    result = read_result(Path(sys.argv[1]) / "result.json")
    campaign = result.campaign
    assert campaign is not None
    run = campaign.runs[0]
    stages = dict.fromkeys(run.histograms, 5_000_000)
    spikes = tuple(
        Spike(run.window_from_ns + at, stages, f"10.0.0.{at % 250}:{at % 60_000 + 1}", at % 8)
        for at in range(MANY)
    )
    many = replace(campaign, runs=(replace(run, spikes=spikes), *campaign.runs[1:]))
    out = Path(sys.argv[2])
    begun_s = time.process_time()
    try:
        write_reports(replace(result, campaign=many), out)
        again = read_result(out / "result.json")
    except GateError as error:
        print(f"refused: {error.message}")
        return
    took_s = time.process_time() - begun_s
    if took_s > MOST_S:
        print(f"it took {took_s:.0f} s of a CPU")
    assert again.campaign is not None
    if len(again.campaign.runs[0].spikes) != MANY:
        print(f"{len(again.campaign.runs[0].spikes)} spikes came back")
    for name in report_files():
        size = (out / name).stat().st_size
        if size > MOST_BYTES:
            print(f"{name} has {size} bytes")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    if peak > MOST_MEMORY_KIB:
        print(f"it took {peak >> 10} MiB of memory")


if __name__ == "__main__":
    main()
