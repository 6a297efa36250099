"""Comments of verdicts about a commit that somebody pushed to since, when nothing replaces them."""

from __future__ import annotations

from collections.abc import Collection

from socklat_gate.forge.body import Source, comment_body
from socklat_gate.forge.github.comment import Thread, marked_comments, rewrite_comment
from socklat_gate.forge.verdict_history import history_in
from socklat_gate.wording.markdown_escape import md

__all__ = ["outdate_comments"]

MAX_WHY = 600


def outdate_comments(
    thread: Thread, source: Source, why: str, *, written: Collection[str] = ()
) -> list[str]:
    """Say ``why`` in each comment whose verdict is of another commit; returns their addresses.

    ``written`` are the addresses of those that this very run has written.  The verdicts stay in
    their history.  Raises `GitHubFailure`.
    """
    report = f"⊘ **NO VERDICT** - {md(why, MAX_WHY)}\n"
    addresses = []
    for marked in marked_comments(thread):
        entries = history_in(marked.body)
        current = entries and entries[-1].commit == source.commit
        if current or marked.address in written:
            continue
        address = rewrite_comment(
            thread,
            marked.marker,
            lambda old, room: comment_body(report, source, None, old, room),
        )
        addresses.append(address)
    return addresses
