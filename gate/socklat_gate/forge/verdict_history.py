"""Earlier verdicts of a pull request, kept in the comment itself: a table to read, a line to parse.

The line is an HTML comment of JSON.  Whoever may edit comments may have changed it, so it is read
as untrusted data: within bounds, checked, and dropped when anything is wrong with it.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Sequence
from datetime import datetime, timezone
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from socklat_gate.forge.exit_policy import latency_change
from socklat_gate.measured.result import Result, RunResult
from socklat_gate.measured.verdict import Outcome
from socklat_gate.wording import units
from socklat_gate.wording.outcomes import outcome_text

__all__ = ["Entry", "entry_of", "hidden_line", "history_in", "history_table", "with_entry"]

MOST = 11
"""Entries kept: ten earlier ones, and the present one."""

MAX_JSON = 8_000
BIGGEST_CHANGE = 1e9
LINE = re.compile(r"^<!-- socklat-gate history (\[[^<>\n]*\]) -->$", re.MULTILINE)

Number = Annotated[int, Field(ge=1, lt=1 << 53)]
Change = Annotated[float, Field(ge=-1, le=1e9, allow_inf_nan=False)]


class Entry(BaseModel):
    """One verdict: of which commit, when (seconds since 1970), in which run.

    ``p50`` and ``p99`` are relative changes of response time, None when not judged.  ``job`` is its
    name in the workflow, empty where that is not known.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    commit: Annotated[str, Field(pattern=r"^[0-9a-f]{7,64}$")]
    at_s: Annotated[int, Field(ge=0, lt=1 << 33)]
    verdict: Outcome
    p50: Change | None
    p99: Change | None
    run: Number
    attempt: Number
    job: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{0,100}$")] = ""


ENTRIES = TypeAdapter(list[Entry])


def entry_of(result: Result, commit: str, run_id: int, attempt: int, job: str = "") -> Entry | None:
    """The line of a result in a comment's history; None without a verdict."""
    if isinstance(result, RunResult):
        return None
    p50, p99 = (latency_change(result.verdict, q) for q in (0.5, 0.99))
    return Entry(
        commit=commit,
        at_s=int(time.time()),
        verdict=result.verdict.outcome,
        p50=_clamp(p50),
        p99=_clamp(p99),
        run=run_id,
        attempt=attempt,
        job=job,
    )


def history_in(body: str) -> tuple[Entry, ...]:
    """Entries of a comment, oldest first; none when it holds none that can be trusted."""
    found = LINE.findall(body)
    if len(found) != 1 or len(found[0]) > MAX_JSON:
        return ()
    try:
        entries = ENTRIES.validate_json(found[0])
    except ValidationError:
        return ()
    return tuple(entries[-MOST:])


def with_entry(entries: Sequence[Entry], new: Entry) -> tuple[Entry, ...]:
    """The same with ``new`` as the last; an earlier entry of the same job of a run is replaced."""
    same = (new.run, new.attempt, new.job)
    others = [e for e in entries if (e.run, e.attempt, e.job) != same]
    return (*others, new)[-MOST:]


def hidden_line(entries: Sequence[Entry]) -> str:
    """The line that `history_in` reads; nothing in it can end the HTML comment."""
    kept = [entry.model_dump(mode="json", exclude_defaults=True) for entry in entries]
    line = f"<!-- socklat-gate history {json.dumps(kept, separators=(',', ':'))} -->"
    assert LINE.fullmatch(line), "every field is a number, a verdict or hexadecimal"
    return line


def history_table(entries: Sequence[Entry], run_url: Callable[[int], str]) -> str:
    """A folded table of entries, the newest first; empty when there are none."""
    if not entries:
        return ""
    rows = "".join(_row(entry, run_url(entry.run)) for entry in reversed(entries))
    return (
        "<details>\n<summary>Earlier verdicts</summary>\n\n"
        "| commit | when (UTC) | verdict | p50 | p99 | run |\n"
        "|:--|:--|:--|--:|--:|:--|\n"
        f"{rows}\n</details>\n"
    )


def _row(entry: Entry, url: str) -> str:
    when = datetime.fromtimestamp(entry.at_s, timezone.utc).strftime("%Y-%m-%d %H:%M")
    verdict = outcome_text(entry.verdict)
    p50, p99 = ("" if c is None else units.change(c) for c in (entry.p50, entry.p99))
    run = f"[{entry.run}]({url})" if url else ""
    return f"| `{units.commit_id(entry.commit)}` | {when} | {verdict} | {p50} | {p99} | {run} |\n"


def _clamp(change: float | None) -> float | None:
    return None if change is None else max(-1.0, min(change, BIGGEST_CHANGE))
