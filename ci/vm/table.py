"""The results of ``ci/kernels`` as a table in Markdown.

    table.py RESULTS_DIRECTORY...

One row for each kernel and hook set: hooks in place, the largest difference between the probe's
p50 (and p99) and the service's own, by stage, and what one event costs.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

HOOK_SETS = ("tracepoint", "kprobe", "kfunc")
STAGES = ("service", "recv_wait", "app")


def worst_us(document: dict[str, Any], stage: str, quantile: str) -> float:
    """Largest |probe - service's own| over the cases, in us."""
    values = [case["stages"][stage][quantile] for case in document["cases"]]
    return float(max(abs(one["measured_ns"] - one["true_ns"]) for one in values)) / 1e3


def cells(document: dict[str, Any]) -> list[str]:
    """One row of the table."""
    hooks = [f"{event} {document['hooks'][event]}" for event in ("send", "segment")]
    errors = [[worst_us(document, stage, name) for name in ("p50", "p99")] for stage in STAGES]
    costs = [ns / runs for ns, runs in document["costs"].values() if runs]
    return [
        document["kernel"],
        document["hook_set"],
        ", ".join(hooks),
        *(f"{p50:.0f} / {p99:.0f}" for p50, p99 in errors),
        f"{min(costs):.0f} to {max(costs):.0f}" if costs else "not counted",
        str(document["missed"]),
    ]


def version(document: dict[str, Any]) -> list[int]:
    """The kernel's version, to sort by."""
    return [int(number) for number in re.findall(r"\d+", document["kernel"])[:3]]


def main(directories: list[str]) -> int:
    """Prints the table; 1 when there are no results."""
    documents = [
        json.loads((Path(directory) / f"{hook_set}.json").read_text("utf-8"))
        for directory in directories
        for hook_set in HOOK_SETS
        if (Path(directory) / f"{hook_set}.json").is_file()
    ]
    if not documents:
        print("no results: run ci/kernels first", file=sys.stderr)  # noqa: T201 - a script
        return 1
    documents.sort(key=version)
    titles = ["kernel", "hook set", "hooks of choice"]
    titles += [f"{stage}: error p50 / p99, us" for stage in STAGES]
    titles += ["ns an event (emulated)", "missed"]
    rows = [titles, ["---"] * len(titles), *map(cells, documents)]
    print("\n".join(f"| {' | '.join(row)} |" for row in rows))  # noqa: T201 - a script
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
