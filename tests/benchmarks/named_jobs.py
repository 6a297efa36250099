"""Gate jobs on a service of ten endpoints, one of which got slower, as markdown.

    python -m tests.benchmarks.named_jobs [--jobs N] [--equal N] [--ms MS] [--log DIRECTORY]

``create_order`` makes 5% of the requests of docs/scenarios/asgi.  Jobs that are in the log already
are not measured again.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.benchmarks.markdown import table

ROOT = Path(__file__).resolve().parents[2]
SCENARIO = ROOT / "docs/scenarios/asgi/socklat.toml"
FASTER = {"rate = 200": "rate = 500", "duration_s = 20": "duration_s = 8"}
"""The page's scenario is for any runner; this one takes as many requests in less time."""
IMAGE = ROOT / "docs/scenarios/asgi/image"
NAME = "create_order"
BASE, SAME, SLOW = (f"socklat-bench/asgi:{tag}" for tag in ("base", "same", "slow"))
MINUTES = 4.0


def make_images(ms: float) -> None:
    subprocess.run([str(IMAGE), BASE], check=True, capture_output=True)
    # Another image of the same service: a delay of an endpoint that does not exist.
    subprocess.run([str(IMAGE), SAME, "none", "0"], check=True, capture_output=True)
    subprocess.run([str(IMAGE), SLOW, NAME, f"{ms:g}"], check=True, capture_output=True)


def scenario_in(directory: Path) -> Path:
    text = SCENARIO.read_text("utf-8")
    for old, new in FASTER.items():
        assert old in text, f"{SCENARIO} has no {old!r} any more"
        text = text.replace(old, new)
    path = directory / "socklat.toml"
    directory.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")
    return path


def job(candidate: str, log: Path) -> dict[str, Any]:
    """The verdict of one job, from the log where it is there."""
    if not (log / "verdict.json").exists():
        scenario = scenario_in(log)
        argv = [sys.executable, "-m", "socklat_gate", "gate", str(scenario), "--quiet"]
        argv += ["--baseline-image", BASE, "--candidate-image", candidate, "--out", str(log)]
        argv += ["--max-minutes", f"{MINUTES:g}", "--baselines", str(log / "none")]
        subprocess.run(argv, cwd=ROOT, capture_output=True, check=False)
    found: dict[str, Any] = json.loads((log / "verdict.json").read_text("utf-8"))
    return found


def row(kind: str, number: int, verdict: dict[str, Any]) -> list[str]:
    failed = [m["name"] for m in verdict["metrics"] if m["verdict"] == "regression"]
    own = [a for a in verdict["attribution"] if a.get("request") == NAME]
    stage = next((a["stage"] for a in own if a.get("stage")), "-")
    return [
        kind,
        str(number),
        verdict["verdict"],
        str(verdict["pairs"]),
        f"{verdict['duration_s'] / 60:.1f}",
        verdict["environment"].get("load_average", "-"),
        ", ".join(failed) or "-",
        stage if failed else "-",
        ", ".join(dict.fromkeys(reason["code"] for reason in verdict["reasons"])),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--jobs", type=int, default=20)
    parser.add_argument("--equal", type=int, default=5)
    parser.add_argument("--ms", type=float, default=1.0, help="added to each of its requests")
    parser.add_argument("--log", type=Path, default=ROOT / "socklat-out/named-jobs")
    options = parser.parse_args()
    make_images(options.ms)
    rows = [
        row(kind, number + 1, job(image, options.log / f"{kind}-{number}"))
        for kind, image, jobs in (("slower", SLOW, options.jobs), ("equal", SAME, options.equal))
        for number in range(jobs)
    ]
    slower = [cells for cells in rows if cells[0] == "slower"]
    named = [cells for cells in slower if cells[2] == "regression" and NAME in cells[6]]
    equal = [cells for cells in rows if cells[0] == "equal"]
    passed = [cells for cells in equal if cells[2] == "pass"]
    print(
        f"`{NAME}` makes 5% of the requests to a Starlette service behind uvicorn\n"
        f"(docs/scenarios/asgi), and takes {options.ms:g} ms more in the candidate. A job has "
        f"{MINUTES:g} minutes.\n"
    )
    print(
        f"{len(named)} of {len(slower)} jobs failed and named it; of equal images {len(passed)} of "
        f"{len(equal)} passed.\nThe load average says how busy the machine was with other work.\n"
    )
    titles = ("candidate", "job", "verdict", "pairs", "minutes", "load average")
    titles += ("metrics", "stage", "reasons")
    print(table(titles, rows))


if __name__ == "__main__":
    main()
