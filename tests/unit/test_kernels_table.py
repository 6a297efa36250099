"""``ci/vm/table.py`` on small results: what the tables say, and what counts as passed."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from socklat_gate.measured.bpf_layout import names

ROOT = Path(__file__).resolve().parents[2]
TABLE = ROOT / "ci" / "vm" / "table.py"


def compared(least_ns: float, most_ns: float, measured_ns: float) -> dict[str, float]:
    return {"least_ns": least_ns, "most_ns": most_ns, "measured_ns": measured_ns}


def document(**changed: Any) -> dict[str, Any]:
    inside = {"p50": compared(1_000_000, 1_020_000, 1_013_000), "p99": compared(0, 4_000, 2_000)}
    outside = {"p50": compared(1_000_000, 1_040_000, 1_045_000)}
    return {
        "kernel": "6.1.0-50-cloud-amd64",
        "emulated": True,
        "hook_set": "kprobe",
        "outcomes": {"passed": 3, "skipped": 1},
        "stages": ["service", "app", "runq", "established"],
        "hooks": {"send": "kprobe:tcp_sendmsg", "state": "raw_tracepoint:inet_sock_set_state"},
        "costs": {"send": [9_000, 10], "state": [0, 0]},
        "missed": 2,
        "margin_ns": 100_000,
        "cases": [
            {"case": "one", "stage": "service", "quantiles": inside},
            {"case": "two", "stage": "service", "quantiles": outside},
            {"case": "two", "stage": "runq", "quantiles": {"mean": compared(0, 3_000, 2_500)}},
        ],
        **changed,
    }


def table(tmp_path: Path, *options: str, documents: list[dict[str, Any]]) -> tuple[int, str]:
    results = tmp_path / "measured.json"
    results.write_text(json.dumps(documents), "utf-8")
    options = options or ("--page", str(tmp_path / "kernels.md"))
    command = [sys.executable, str(TABLE), *options, str(results)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.stderr == ""
    return done.returncode, done.stdout


def cells(text: str, name: str) -> list[str]:
    """What stands in the row of that name."""
    rows = [line for line in text.splitlines() if line.startswith(f"| {name} ")]
    assert len(rows) == 1, name
    return [cell.strip() for cell in rows[0].strip("|").split("|")][1:]


def test_the_worst_case_of_each_stage_is_told(tmp_path: Path) -> None:
    status, text = table(tmp_path, documents=[document()])
    assert status == 0
    # Case two is 5 us outside; case one, of the shorter interval, 3 us from the middle.
    assert cells(text, "`service`") == ["p50 5 / 3 ± 10, p99 0 / 0 ± 2"]
    assert cells(text, "`runq`") == ["mean 0 / 1 ± 2"]
    assert cells(text, "`app`") == ["not compared"]
    assert cells(text, "`respond`") == ["not measured"]
    assert cells(text, "`send`") == ["kprobe, 900"]
    assert cells(text, "`state`") == ["raw_tracepoint, not run"]
    assert cells(text, "missed") == ["2"]
    assert "2% + 100 µs under emulation" in text


def test_every_stage_of_the_layout_has_a_row(tmp_path: Path) -> None:
    _, text = table(tmp_path, documents=[document()])
    for stage in names("STAGE_"):
        assert len(cells(text, f"`{stage}`")) == 1


def test_kernels_are_sections_by_version_and_hook_sets_columns(tmp_path: Path) -> None:
    own = document(kernel="6.18.2", emulated=False, hook_set="default")
    newer = document(kernel="6.12.9+deb13-cloud-amd64")
    all_sets = [newer, document(), document(hook_set="kfunc", hooks={}, costs={}), own]
    _, text = table(tmp_path, documents=all_sets)
    heads = [line for line in text.splitlines() if line.startswith("## ")]
    assert heads == [
        "## Linux 6.1.0-50-cloud-amd64, emulated",
        "## Linux 6.12.9+deb13-cloud-amd64, emulated",
        "## Linux 6.18.2, this machine's own",
    ]
    first = text.partition("## Linux 6.12")[0]
    assert "|  | kprobe | kfunc |" in first
    assert cells(first, "`send`") == ["kprobe, 900", "none"]


@pytest.mark.parametrize(
    ("outcomes", "verdict"),
    [
        ({"passed": 3, "skipped": 1}, "passed  3 passed, 1 skipped"),
        ({"passed": 3, "failed": 1}, "FAILED  3 passed, 1 failed"),
        ({"skipped": 4}, "FAILED  4 skipped"),
        ({}, "FAILED  no result"),
    ],
)
def test_a_hook_set_passes_only_when_tests_ran_and_none_failed(
    tmp_path: Path, outcomes: dict[str, int], verdict: str
) -> None:
    lines = ("--lines", "6.1", "kprobe")
    status, text = table(tmp_path, *lines, documents=[document(outcomes=outcomes)])
    assert text == f"6.1    kprobe      {verdict}\n"
    assert status == (0 if verdict.startswith("passed") else 1)


@pytest.mark.parametrize(
    ("what", "said"), [("not_run", "2 not run"), ("failed_elsewhere", "2 failed elsewhere")]
)
def test_tests_that_never_ran_and_failures_of_others_are_failures(
    tmp_path: Path, what: str, said: str
) -> None:
    bad = document(outcomes={"passed": 3}, **{what: 2})
    status, text = table(tmp_path, "--lines", "6.1", "kprobe", documents=[bad])
    assert (status, text) == (1, f"6.1    kprobe      FAILED  3 passed, {said}\n")
    _, page = table(tmp_path, documents=[bad])
    assert cells(page, "tests") == [f"3 passed, {said}"]


def test_the_page_says_where_when_and_what_was_skipped(tmp_path: Path) -> None:
    skipped = {"no wrk": ["tests/conformance/test_x.py::test_wrk"] * 2}
    same = {"run": "commit 1; 2 CPUs, 2026-11-29", "skipped": skipped}
    _, text = table(tmp_path, documents=[document(hook_set="kfunc", **same), document(**same)])
    assert "|  | kprobe | kfunc |" in text
    assert "\n- commit 1; 2 CPUs, 2026-11-29\n- skipped: `test_x.py::test_wrk`: no wrk\n" in text
    other = document(hook_set="kfunc", run="commit 2; 2 CPUs, 2026-11-30")
    _, text = table(tmp_path, documents=[document(**same), other])
    assert "\n- kprobe: commit 1; 2 CPUs, 2026-11-29\n- kfunc: commit 2;" in text
    assert "\n- skipped (kprobe): `test_x.py::test_wrk`: no wrk\n" in text


def test_the_page_names_what_failed(tmp_path: Path) -> None:
    bad = document(failed=["tests/conformance/test_x.py::test_count[kprobe-v4]"])
    _, text = table(tmp_path, documents=[bad])
    assert "\n- failed (kprobe): `test_x.py::test_count[kprobe-v4]`\n" in text


def page_of(tmp_path: Path, results: dict[str, list[dict[str, Any]]], before: str = "") -> str:
    """The page from results in their places, where it was something before."""
    files = []
    for where, documents in results.items():
        path = tmp_path / where / "results" / "measured.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(documents), "utf-8")
        files.append(str(path))
    page = tmp_path / "kernels.md"
    page.write_text(before, "utf-8")
    command = [sys.executable, str(TABLE), "--page", str(page), *files]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def both(**changed: Any) -> list[dict[str, Any]]:
    return [document(hook_set=name, **changed) for name in ("kprobe", "kfunc")]


def test_a_part_of_the_suite_counts_only_where_nothing_else_is_and_is_named(
    tmp_path: Path,
) -> None:
    whole = {"last-6.1/kprobe": [document(run="commit 1")]}
    text = page_of(tmp_path, {**whole, "some-6.1/all": both(run="commit 2")})
    assert "\n- commit 1\n" in text
    assert cells(text, "commit 2") == ["3 passed, 1 skipped; missed 2"]
    assert cells(text, "stage") == ["kprobe"]


def test_each_part_of_the_suite_is_a_row(tmp_path: Path) -> None:
    one, two = both(run="only `a`"), [document(run="only `b`", outcomes={"failed": 4}, missed=0)]
    text = page_of(tmp_path, {"some-6.1/all-1": one, "some-6.1/all-2": two})
    assert cells(text, "run") == ["kprobe", "kfunc"]
    assert cells(text, "only `a`") == ["3 passed, 1 skipped; missed 2"] * 2
    assert cells(text, "only `b`") == ["4 failed; missed 0", "not run"]
    assert "| stage |" not in text
    assert "there was no whole run yet" in text


def test_whole_runs_stay_on_the_page_until_newer_ones_have_their_hook_sets(tmp_path: Path) -> None:
    other = {"kernel": "5.10.0", "run": "commit 0"}
    whole = {
        "last-6.1/kprobe": both(run="commit 1"),
        "last-5.10/kprobe": [document(**other)],
    }
    first = page_of(tmp_path, whole)
    parts = {"some-6.1/all": both(kernel="6.1.0-51-cloud-amd64", run="commit 2")}
    second = page_of(tmp_path, parts, first)
    heads = [line for line in second.splitlines() if line.startswith("## ")]
    assert heads == [
        "## Linux 5.10.0, emulated",
        "## Linux 6.1.0-51-cloud-amd64, emulated",
        "## Linux 6.1.0-50-cloud-amd64, emulated: an earlier whole run",
    ]
    assert "the last whole run stands below" in second
    assert first.partition("## Linux 5.10")[2].partition("## ")[0] in second
    assert second.rstrip().endswith(first.partition("## Linux 6.1")[2].partition("\n")[2].rstrip())
    # Again, and with another part: it stays once.
    assert page_of(tmp_path, parts, second) == second
    # One of two hook sets anew is not enough.
    third = page_of(tmp_path, {"last-6.1/kprobe": [document(run="commit 3")]}, second)
    assert "earlier whole run" in third
    assert "commit 1" in third
    assert "commit 2" not in third
    fourth = page_of(tmp_path, {"last-6.1/kprobe": both(run="commit 4")}, third)
    assert "earlier" not in fourth.partition("## Linux 5.10")[2]
    assert fourth.count("## Linux") == 2


def test_parts_go_when_their_kernel_has_newer_results(tmp_path: Path) -> None:
    first = page_of(tmp_path, {"some-6.1/all": both(run="commit 1")})
    second = page_of(tmp_path, {"some-6.1/all": both(run="commit 2")}, first)
    assert "commit 1" not in second
    elsewhere = page_of(tmp_path, {"some-5.10/all": both(kernel="5.10.0")}, second)
    assert cells(elsewhere, "commit 2") == ["3 passed, 1 skipped; missed 2"] * 2


def test_a_hook_set_without_results_has_failed(tmp_path: Path) -> None:
    status, text = table(tmp_path, "--lines", "6.1", "kprobe,kfunc", documents=[document()])
    assert status == 1
    assert text.splitlines()[1] == "6.1    kfunc       FAILED  no result"


def test_a_set_whose_probe_never_loaded_is_in_the_tables(tmp_path: Path) -> None:
    failed = {"kernel": "5.10.0", "emulated": True, "hook_set": "kfunc", "outcomes": {"failed": 9}}
    status, text = table(tmp_path, documents=[failed])
    assert status == 0
    assert cells(text, "tests") == ["9 failed"]
    assert cells(text, "`service`") == ["not measured"]


def test_without_results_there_is_no_table(tmp_path: Path) -> None:
    command = [sys.executable, str(TABLE), "--page", "none.md", str(tmp_path / "none.json")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert "run ci/kernels first" in done.stderr
