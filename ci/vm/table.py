"""The results of ``ci/kernels``: a line for each hook set, and the text of ``docs/lab/kernels.md``.

    table.py --page PAGE MEASURED.JSON...                prints the document anew
    table.py --lines KERNEL HOOK,SETS MEASURED.JSON      prints the lines; 1 when one failed

``tests/conformance/conftest.py`` writes the files: lists with one document a hook set.  Those of
one kernel may come from several files, one for each boot; of a hook set the first one counts.
Files in ``.../some-KERNEL/...`` are of a part of the suite, one for each list of arguments; they
count where a hook set has no other.  What whole runs measured before stays on the page until newer
ones have replaced it (`kept_sections`).
"""

from __future__ import annotations

import json
import math
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from kept_sections import kept_sections, series_of

ROOT = Path(__file__).resolve().parents[2]
STAGE = re.compile(r"^#define STAGE_(\w+) \d+$", re.MULTILINE)
QUANTILES = ("p50", "p99", "mean")
HOOK_SETS = ("tracepoint", "kprobe", "kfunc")
NOT_RUN, ELSEWHERE = "not_run", "failed_elsewhere"
Document = dict[str, Any]

HEAD = """\
# Kernels

What the conformance suite (`tests/conformance`) measured on each kernel with each hook set.
`sudo ci/kernels all` runs it on this machine's own kernel and on Debian's 5.10, 6.1 and 6.12 in
QEMU, each hook set in a boot of its own; `ci/kernels table` writes this page from the last result
of each. Where only a part of the suite ran with the present probe, the last whole run stands below
it, as it was written then. Debian's kernels run by emulation (TCG, two CPUs), where everything
takes 10 to 20 times as long: their costs compare hooks with each other, and are not what an event
costs on hardware. Loads have lower rates there, and the probe has all stages with kprobes and
kfuncs; with tracepoints most tests take the headline's. What ran where, and what was skipped and
why, stands with each kernel.

- **error**: the service under test says by its own clock (and by the kernel's stamps on what
  arrives) between which moments a stage lay, exchange by exchange, to the length of a system call.
  In `0 / 3 ± 5` the worst test found the probe 0 µs outside that interval, and the test with the
  shortest interval, 10 µs, found it 3 µs from the middle. Tests fail beyond 2% + {margin} outside.
  On hardware they also fail when a median is farther than that from what was injected; under
  emulation the system calls themselves take longer than 100 µs, as the ± shows.
- **not compared**: measured, with no truth known to the tests that ran on this kernel.
- **ns an event**: time in the probe's programs as the kernel counts it
  (`kernel.bpf_stats_enabled`), that counting included.
- **missed**: invocations that the kernel skipped, over the whole run.
"""


def stages() -> list[str]:
    """All stages, in the order of ``bpf/layout.h``."""
    names = STAGE.findall((ROOT / "bpf" / "layout.h").read_text("utf-8"))
    return [name.lower() for name in names if name != "COUNT"]


def error_cell(document: Document, stage: str, quantile: str) -> str | None:
    """Worst distance outside; distance from the middle where the truth is known best; in us."""
    found = [
        [case["quantiles"][quantile][f"{name}_ns"] / 1e3 for name in ("least", "most", "measured")]
        for case in document.get("cases", [])
        if case["stage"] == stage and quantile in case["quantiles"]
    ]
    if not found:
        return None
    outside, tightest = 0.0, (math.inf, 0.0)
    for least, most, measured in found:
        outside = max(outside, least - measured, measured - most)
        tightest = min(tightest, ((most - least) / 2, abs(measured - (least + most) / 2)))
    return f"{outside:.0f} / {tightest[1]:.0f} ± {tightest[0]:.0f}"


def stage_cell(document: Document, stage: str) -> str:
    """What is known of one stage with one hook set."""
    if stage not in document.get("stages", []):
        return "not measured"
    cells = [(name, error_cell(document, stage, name)) for name in QUANTILES]
    return ", ".join(f"{name} {cell}" for name, cell in cells if cell) or "not compared"


def event_cell(document: Document, event: str) -> str:
    """The hook in place and what it costs."""
    hook = document.get("hooks", {}).get(event)
    if hook is None:
        return "none"
    spent_ns, runs = document["costs"][event]
    kinds = "+".join(dict.fromkeys(part.partition(":")[0] for part in hook.split("+")))
    return f"{kinds}, {spent_ns / runs:.0f}" if runs else f"{kinds}, not run"


def rows_of(titles: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """A table in Markdown, line by line."""
    for cells in (titles, [":--"] * len(titles), *rows):
        yield f"| {' | '.join(cells)} |"


def outcome(document: Document) -> str:
    """How many tests passed, failed, were skipped, and were to run but did not."""
    counts = dict(document.get("outcomes", {}))
    for key in (NOT_RUN, ELSEWHERE):
        if document.get(key):
            counts[key] = document[key]
    return ", ".join(
        f"{counts[name]} {name.replace('_', ' ')}"
        for name in ("passed", "failed", "skipped", NOT_RUN, ELSEWHERE)
        if name in counts
    )


def passed(document: Document) -> bool:
    """Whether tests ran, all that were to run did, and none failed, of this suite or beside it."""
    counts = document.get("outcomes", {})
    faults = (counts.get("failed"), document.get(NOT_RUN), document.get(ELSEWHERE))
    return bool(counts.get("passed")) and not any(faults)


def runs(documents: Sequence[Document]) -> Iterator[str]:
    """Where and when; once where all hook sets have it in common."""
    by_run: dict[str, list[str]] = {}
    for document in documents:
        by_run.setdefault(document.get("run", ""), []).append(document["hook_set"])
    for run, sets in by_run.items():
        if run:
            yield f"- {', '.join(sets)}: {run}" if len(by_run) > 1 else f"- {run}"


def failures(documents: Sequence[Document]) -> Iterator[str]:
    """A line for each hook set with failures: which tests."""
    for document in documents:
        if document.get("failed"):
            names = ", ".join(f"`{test.rpartition('/')[2]}`" for test in document["failed"])
            yield f"- failed ({document['hook_set']}): {names}"


def skips(documents: Sequence[Document]) -> Iterator[str]:
    """A line for each reason: with which hook sets which tests were skipped."""
    by_reason: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    for document in documents:
        for reason, tests in document.get("skipped", {}).items():
            names = tuple(dict.fromkeys(test.rpartition("/")[2] for test in tests))
            by_reason.setdefault((reason, names), []).append(document["hook_set"])
    everywhere = len({document["hook_set"] for document in documents})
    for (reason, names), found in by_reason.items():
        sets = dict.fromkeys(found)
        every = f" ({', '.join(sets)})" if len(sets) < everywhere else ""
        yield f"- skipped{every}: {', '.join(f'`{name}`' for name in names)}: {reason}"


def parts(documents: Sequence[Document]) -> Iterator[str]:
    """A row for each part of the suite: where and when, and what became of it."""
    sets = list(dict.fromkeys(document["hook_set"] for document in documents))
    by_run: dict[str, dict[str, str]] = {}
    for document in documents:
        of_run = by_run.setdefault(document.get("run", ""), {})
        missed = document.get("missed", "not known")
        of_run[document["hook_set"]] = f"{outcome(document)}; missed {missed}"
    yield "Parts of the suite, and invocations missed in them:\n"
    yield from rows_of(
        ["run", *sets],
        ([run, *(of_run.get(name, "not run") for name in sets)] for run, of_run in by_run.items()),
    )


def section(kernel: str, documents: list[Document], whole_below: bool) -> Iterator[str]:
    """Everything about one kernel; whether an earlier whole run stands below it."""
    whole = [document for document in documents if not document.get("partial")]
    sets = [document["hook_set"] for document in whole]
    emulated = ", emulated" if documents[0]["emulated"] else ", this machine's own"
    yield f"\n## Linux {kernel}{emulated}\n"
    facts = [*runs(whole), *failures(documents), *skips(documents)]
    if facts:
        yield "\n".join(facts) + "\n"
    if whole:
        summary = [
            ["tests", *map(outcome, whole)],
            ["missed", *(str(document.get("missed", "not known")) for document in whole)],
        ]
        yield from rows_of(["", *sets], summary)
        yield ""
    if len(whole) < len(documents):
        yield from parts([document for document in documents if document.get("partial")])
        yield ""
    if not whole:
        where = "the last whole run stands below" if whole_below else "there was no whole run yet"
        yield f"No more ran with this state of the probe; {where}."
        return
    yield "Error in µs, outside the interval / from the middle of the shortest:\n"
    yield from rows_of(
        ["stage", *sets],
        (
            [f"`{stage}`", *(stage_cell(document, stage) for document in whole)]
            for stage in stages()
        ),
    )
    yield "\nHook in place, ns an event:\n"
    events = dict.fromkeys(event for document in whole for event in document.get("hooks", {}))
    yield from rows_of(
        ["event", *sets],
        ([f"`{event}`", *(event_cell(one, event) for one in whole)] for event in events),
    )


def place(hook_set: str) -> int:
    """Of a hook set's column: files come in the order of their names."""
    return HOOK_SETS.index(hook_set) if hook_set in HOOK_SETS else len(HOOK_SETS)


def text_of(documents: list[Document], page: str) -> str:
    """The whole document; ``page`` is what it was."""
    margins = {d["emulated"]: d["margin_ns"] for d in documents if "margin_ns" in d}
    named = [
        f"{ns / 1000:.0f} µs{' under emulation' * emulated}" for emulated, ns in margins.items()
    ]
    new: dict[tuple[int, ...], dict[str, list[Document]]] = {}
    for document in documents:
        of_series = new.setdefault(series_of(document["kernel"]), {})
        of_series.setdefault(document["kernel"], []).append(document)
    measured = {
        series: {d["hook_set"] for of in kernels.values() for d in of if not d.get("partial")}
        for series, kernels in new.items()
    }
    kept = kept_sections(page, measured)
    lines = [HEAD.format(margin=", ".join(named))]
    for series in sorted({*new, *kept}):
        for kernel, of in new.get(series, {}).items():
            of.sort(key=lambda document: place(document["hook_set"]))
            lines += section(kernel, of, whole_below=series in kept)
        lines += [f"\n{text}" for text in kept.get(series, [])]
    return "\n".join(lines) + "\n"


def add_new(known: list[Document], more: list[Document], partial: bool) -> Iterator[Document]:
    """Those of hook sets that no whole run is known of, on their kernel, yet."""
    have = {(d["kernel"], d["hook_set"]) for d in known if not (partial and d["partial"])}
    for document in more:
        if (document["kernel"], document["hook_set"]) not in have:
            yield {**document, "partial": partial}


def print_lines(kernel: str, hook_sets: str, documents: list[Document]) -> int:
    """One line for each hook set that was wanted; 1 when one failed or is not there."""
    by_set = {document["hook_set"]: document for document in documents}
    for name in hook_sets.split(","):
        document = by_set.get(name, {})
        verdict = "passed" if passed(document) else "FAILED"
        print(f"{kernel:<6} {name:<11} {verdict}  {outcome(document) or 'no result'}")  # noqa: T201
    return 0 if all(passed(by_set.get(name, {})) for name in hook_sets.split(",")) else 1


def main(arguments: list[str]) -> int:
    """See the module's head."""
    wanted = arguments[{"--lines": 3, "--page": 2}[arguments[0]] :]
    documents: list[Document] = []
    for path in map(Path, wanted):
        if path.is_file():
            partial = any(part.startswith("some-") for part in path.parts)
            documents += list(add_new(documents, json.loads(path.read_text("utf-8")), partial))
    if arguments[:1] == ["--lines"]:
        return print_lines(arguments[1], arguments[2], documents)
    if not documents:
        print("no results: run ci/kernels first", file=sys.stderr)  # noqa: T201 - a script
        return 1
    page = Path(arguments[1])
    before = page.read_text("utf-8") if page.is_file() else ""
    print(text_of(documents, before), end="")  # noqa: T201 - a script
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
