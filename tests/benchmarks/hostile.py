"""What it takes to refuse stored documents that were made to cost much.

Run it with ``ci/bench hostile``; it prints what docs/lab/hostile.md says below the machine.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from socklat_gate.baseline.places.directory import Directory
from socklat_gate.baseline.store import BaselineStore
from tests.unit.documents.hostile import (
    FILE,
    SPARE_MIB,
    costly_documents,
    refusals,
    store,
    worst_accepted,
)
from tests.unit.factories import make_campaign

LIMIT_S = 1.0
HEAD = f"""Each is the only campaign of a scenario, read by a process that may take {SPARE_MIB} MiB
more than a good campaign left it with.
The first lot are bombs; the second, `most-...`, is as much as the bounds let through to the parser
or the decoder, and is refused for something else.

| document | bytes | refused with | MiB | s |
|:--|--:|:--|--:|--:|"""


def main() -> None:
    """Print the page."""
    with tempfile.TemporaryDirectory() as directory:
        location = Path(directory)
        BaselineStore(Directory(location)).save(make_campaign(1))
        for documents in (costly_documents(), worst_accepted()):
            store(location, documents)
        found = refusals(location)
        sizes = {name: (location / name / FILE).stat().st_size for name in found}
    print(HEAD)
    for name, one in found.items():
        mib = max(0, one.most_bytes) / (1 << 20)
        print(f"| {name} | {sizes[name]:,} | `{one.reason}` | {mib:.0f} | {one.took_s:.2f} |")
    slow = sum(one.took_s > LIMIT_S for one in found.values())
    most = max(one.most_bytes for one in found.values()) / (1 << 20)
    longest = max(one.took_s for one in found.values())
    print(
        f"\n{len(found)} documents; at most {most:.0f} MiB (limit {SPARE_MIB}) and {longest:.2f} s",
        end="",
    )
    print(f" (limit {LIMIT_S:g}; {slow} took longer).")


if __name__ == "__main__":
    main()
