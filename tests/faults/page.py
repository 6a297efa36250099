"""``docs/lab/faults.md`` from what was found."""

from __future__ import annotations

import os
import platform
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timezone

from tests.faults.table import CANCEL_S, FAULTS
from tests.faults.trial import PHASES, Found

__all__ = ["page_of", "this_machine"]

HEAD = """# The gate broken on purpose

Written by `ci/faults` on: {machine}

Each trial is a real gate with one fault. Its candidate is three times slower than its baseline, or
as fast and broken by the fault itself, so that exit code 0 would be a wrong pass (in phase `store`
a passed result is promoted). A cell has the exit code that came (a minus: ended by that signal);
**bold** where something was wrong, which is listed below. Checked of each: the exit code, that
`verdict.json` agrees with it and never stands without the other reports, one error that names its
subject, no traceback, the time, and what is left: containers, networks, volumes, processes,
temporary directories, worktrees, half-written files. None may be there 15 s after the end, or, of
what was killed or has lost its daemon, after the next start. Bounds of time grow with how much
longer a gate without faults takes than on a quiet machine. `ci/faults` goes on with the trials that
are left.

{totals}
"""

FAULT_NAMES = dict.fromkeys(fault.name for fault in FAULTS)
KILLS = ("SIGKILL after", "SIGKILL ")
CANCELLED = {130, 143}


def page_of(found: Mapping[str, Found], planned: int, machine: str) -> str:
    """The page; ``planned`` is how many trials there are in all, ``machine`` where they ran."""
    by_name: dict[str, list[Found]] = defaultdict(list)
    for one in found.values():
        by_name[one.fault].append(one)
    table = {name: by_name[name] for name in FAULT_NAMES if name in by_name}
    kills = [one for name, of in by_name.items() if _is_kill(name) for one in of]
    others = [
        one
        for name, of in by_name.items()
        if name not in table and not _is_kill(name)
        for one in of
    ]
    parts = [
        HEAD.format(machine=machine, totals=_totals(found.values(), planned, table, kills)),
        "## Faults by phase\n",
        _table(table),
        _kills(kills),
        _others(others),
        _wrong([one for one in found.values() if one.wrong]),
    ]
    return "\n".join(part for part in parts if part).rstrip() + "\n"


def _is_kill(name: str) -> bool:
    return name.startswith(KILLS)


def this_machine() -> str:
    """What the trials' times depend on, and the day."""
    today = datetime.now(timezone.utc).date()
    return f"{os.cpu_count()} CPUs, Linux {platform.release()}, {today}"


def _totals(
    every: Iterable[Found],
    planned: int,
    table: Mapping[str, Sequence[Found]],
    kills: Sequence[Found],
) -> str:
    found = list(every)
    passes = sum(any("not one of" in x for x in one.wrong) and one.code == 0 for one in found)
    left = sum(any(x.startswith("left ") for x in one.wrong) for one in found)
    traces = sum(any("Traceback" in x for x in one.wrong) for one in found)
    cancels_s = [one.after_s for one in found if one.code in CANCELLED]
    rows: list[tuple[str, object]] = [
        ("trials that there are", planned),
        ("of them done", len(found)),
        ("faults in the table", len(table)),
        ("trials of them", sum(map(len, table.values()))),
        ("gates killed", len(kills)),
        ("wrong passes", passes),
        ("trials that left something", left),
        ("trials with a traceback", traces),
        ("gates cancelled", len(cancels_s)),
        (f"cancels that took more than {CANCEL_S:g} s", sum(s > CANCEL_S for s in cancels_s)),
        ("the longest, in s", f"{max(cancels_s, default=0.0):.1f}"),
        ("trials with anything wrong", sum(bool(one.wrong) for one in found)),
    ]
    return "| what | how many |\n|:--|--:|\n" + "\n".join(f"| {a} | {b} |" for a, b in rows)


def _table(table: Mapping[str, Sequence[Found]]) -> str:
    used = list(PHASES)
    lines = [f"| fault | {' | '.join(used)} |", f"|:--|{'--:|' * len(used)}"]
    for name, of in table.items():
        cells = {one.phase: _cell(one) for one in of}
        lines.append(f"| {name} | {' | '.join(cells.get(phase, '') for phase in used)} |")
    return "\n".join(lines) + "\n"


def _cell(one: Found) -> str:
    return f"**{one.code}**" if one.wrong else str(one.code)


def _kills(kills: Sequence[Found]) -> str:
    if not kills:
        return ""
    kinds: dict[str, Counter[str]] = defaultdict(Counter)
    for one in kills:
        group = "at random moments" if "random" in one.fault else _place(one.fault)
        kinds[group][one.phase] += 1
        kinds[group]["killed"] += one.code == -9
        kinds[group]["left"] += bool(one.wrong)
    lines = ["## SIGKILL\n", "| where | gates | killed before their end | with anything left |"]
    lines.append("|:--|--:|--:|--:|")
    for group, counts in kinds.items():
        total = sum(v for k, v in counts.items() if k not in {"killed", "left"})
        lines.append(f"| {group} | {total} | {counts['killed']} | {counts['left']} |")
    return "\n".join(lines) + "\n"


def _place(name: str) -> str:
    return name.rpartition(" ")[0].removeprefix("SIGKILL ").replace("_", "\\_")


def _others(others: Sequence[Found]) -> str:
    if not others:
        return ""
    lines = ["## Other faults\n", "| fault | of | result | found |", "|:--|:--|:--|:--|"]
    for one in others:
        result = f"**{len(one.wrong)} wrong**" if one.wrong else "as it must be"
        lines.append(f"| {one.fault} | {one.phase} | {result} | {one.said} |")
    return "\n".join(lines) + "\n"


def _wrong(wrong: Sequence[Found]) -> str:
    if not wrong:
        return ""
    lines = ["## What was wrong\n"]
    for one in wrong:
        lines += [f"- {one.fault} / {one.phase}: {'; '.join(one.wrong)[:300]}"]
    return "\n".join(lines) + "\n"
