"""Live gate jobs, as a user runs them: each scene of `tests.benchmarks.scenes` through the command.

    sudo python -m tests.benchmarks.live [--same N] [--effect N] [--directory DIR] >docs/lab/live.md

Each arm is an image; jobs that passed with equal arms are stored, as a main branch's would be, and
later jobs of the same service and load have them as history.  ``DIR`` keeps all of that, so that it
can be ended and started again.
"""

from __future__ import annotations

import argparse
import json
import signal
import subprocess
import sys
from pathlib import Path
from statistics import median
from typing import Any

from tests.benchmarks.markdown import table
from tests.benchmarks.record_pairs import dependencies, machine, say
from tests.benchmarks.scenes import SCENES, Scene, build_images

JOB_WITHIN_S = 900
WATCHING = {"api-stop": 400.0}
"""Scene -> ``gate.spikes.watch_s``: what comes once a minute cannot be seen in less."""


def toml(value: Any) -> str:
    """A value in TOML; JSON is the same for these."""
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {toml(item)}" for key, item in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(map(toml, value)) + "]"
    return json.dumps(value)


def write_scenario(scene: Scene, path: Path) -> None:
    """The scene as a socklat.toml of its service."""
    document = scene.scenario().model_dump(mode="json", exclude_defaults=True)
    if scene.name in WATCHING:
        document["gate"] = {"spikes": {"watch_s": WATCHING[scene.name]}}
    # What the pairs alone decide, unless the scene asks for replicas beside them.
    document.setdefault("gate", {})["watch"] = scene.gate.get("watch", {"minutes": 0})
    document.pop("name")
    lines = [f"name = {toml(scene.service)}"]
    for name, values in document.items():
        lines += [f"[{name}]", *(f"{key} = {toml(value)}" for key, value in values.items())]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def stored_verdict(scene: Scene, number: int, directory: Path) -> dict[str, Any] | None:
    """The verdict.json of a job that was done; None where it was not."""
    path = directory / f"{scene.name}-{number}" / "verdict.json"
    if not path.exists():
        return None
    found: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return found


def job(scene: Scene, number: int, directory: Path) -> dict[str, Any]:
    """One gate job; what was done already is read back."""
    stored = directory / "baselines"
    out = directory / f"{scene.name}-{number}"
    if not (out / "verdict.json").exists():
        out.mkdir(parents=True, exist_ok=True)
        write_scenario(scene, out / "socklat.toml")
        one, two = scene.build_arms()
        command = [
            sys.executable,
            "-m",
            "socklat_gate",
            "gate",
            str(out / "socklat.toml"),
            "--quiet",
        ]
        command += ["--baseline-image", one, "--candidate-image", two, "--allow-same-image"]
        command += ["--out", str(out), "--seed", str(1000 + number), "--baselines", str(stored)]
        done = run(command)
        say(f"{scene.name} {number}: exit {done.returncode} {done.stderr.strip()[-200:]}")
        if scene.kind == "same" and done.returncode == 0:
            save = [sys.executable, "-m", "socklat_gate", "baseline", "save", str(out)]
            run([*save, "--baselines", str(stored)]).check_returncode()
    found: dict[str, Any] = json.loads((out / "verdict.json").read_text("utf-8"))
    say(f"{scene.name} {number}: {found['verdict']} {found['pairs']} pairs")
    return found


def run(command: list[str]) -> subprocess.CompletedProcess[str]:
    """Ended early, it ends the command so that this can remove what it started."""
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        out, errors = process.communicate(timeout=JOB_WITHIN_S)
    except BaseException:
        process.terminate()
        process.wait()
        raise
    return subprocess.CompletedProcess(command, process.returncode, out, errors)


def row_of(scene: Scene, number: int, found: dict[str, Any]) -> list[str]:
    failed = [m["name"] for m in found["metrics"] if m["verdict"] == "regression"]
    stages = {part["stage"] for part in found["attribution"] if part["slice"] == scene.slice}
    spikes = found.get("spikes") or {}
    if spikes.get("failed"):
        failed.append("spikes")
        stages = {spikes["stage"]}
    stages -= {None, ""}
    wanted = "pass" if scene.kind == "same" else "regression"
    return [
        scene.name,
        str(number + 1),
        found["verdict"] if found["verdict"] == wanted else f"**{found['verdict']}**",
        str(found["pairs"]),
        f"{found['duration_s'] / 60:.1f}",
        ", ".join(failed) or "-",
        scene.stage or "-",
        ", ".join(sorted(stages)) or "-",
        found["environment"].get("steal", "n/a"),
        found["environment"].get("interference", "n/a"),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--same", type=int, default=4, help="jobs of each scene without an effect")
    parser.add_argument("--effect", type=int, default=2, help="jobs of each scene with one")
    parser.add_argument("--directory", type=Path, default=Path("socklat-out/live"))
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    build_images(SCENES)
    rows, took = [], []
    with dependencies():
        for number in range(max(options.same, options.effect)):
            for scene in SCENES:
                if number >= (options.same if scene.kind == "same" else options.effect):
                    continue
                found = job(scene, number, options.directory)
                rows.append(row_of(scene, number, found))
                if scene.kind == "same" and found["verdict"] == "pass":
                    took.append(found["duration_s"] / 60)
    rows.sort(key=lambda row: [scene.name for scene in SCENES].index(row[0]))
    head = ["scene", "job", "verdict", "pairs", "minutes", "failed", "slower stage", "named"]
    same = [row for row in rows if row[0].endswith("-same")]
    failed = sum(row[2] == "**regression**" for row in same)
    passed = f"median {median(took):.1f} minutes to PASS" if took else "no PASS"
    what = "\n".join(f"- `{scene.name}`: {scene.what}" for scene in SCENES)
    sys.stdout.write(
        f"""# Live gate jobs

Written by `ci/bench live` on: {machine()}. Default metrics and budget; verdicts that should have
been others are bold.

{what}

`api-stop` watches for {WATCHING["api-stop"]:.0f} s (`gate.spikes.watch_s`), and has what the equal
jobs before it had stored.

{len(same)} jobs of equal arms: {failed} false alarms, {passed}.

{table([*head, "steal", "interference"], rows)}
"""
    )


if __name__ == "__main__":
    main()
