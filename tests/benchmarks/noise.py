"""What the noise study says: ways to interleave, and the correction while the CPU is taken away.

    python -m tests.benchmarks.noise --directory DIR > docs/lab/noise.md

``DIR`` holds the scenes of `tests.benchmarks.scenes.STUDY` as `record_pairs --study` writes them.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from tests.benchmarks.noise_disturbed import disturbed
from tests.benchmarks.noise_modes import modes
from tests.benchmarks.recorded import SUFFIX, load, names


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--directory", type=Path, required=True)
    directory = parser.parse_args().directory
    known = {name: load(directory / f"{name}{SUFFIX}") for name in names(directory)}
    if not known:
        sys.exit(f"{directory} holds no recorded sets")
    machine = next(iter(known.values())).facts.machine
    lines = [
        "# Noise: interleaving, and the correction under a disturbed CPU",
        "",
        f"Written by `ci/bench noise` on: {machine}. Service on CPU 0, load on CPU 1.",
        "",
        "## Ways to interleave",
        "",
        "SD of a pair's ln ratio of identical arms (two builds of one source), and the same scaled",
        "to a minute of measuring (SD times the root of minutes a pair).",
        "",
        *modes(known),
        "",
        "## While the CPU is taken away",
        "",
        "A real-time thread takes the services' CPU in bursts of 5 ms on average; the Python",
        "service, identical arms. Own sampling error: bootstrap of the exchanges within each run.",
        "A steady disturbance hits both arms alike: the raw ratio need not be noisier for it, but",
        "effects hide behind it (second table). Irregular ones make raw ratios noisy, also at 0%.",
        "",
        *disturbed(known),
    ]
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
