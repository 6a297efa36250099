"""Names that git itself allows: of branches, and of commits by a branch, a tag or an id.

The rules are those of ``git check-ref-format``, so that whatever a team calls its branches is
taken, and nothing that git would read as an option, a range or a pattern.
"""

from __future__ import annotations

import re

__all__ = ["is_branch", "is_ref"]

MAX_BYTES = 1000
"""Of a name; file systems stop at 255 bytes a part, and no document holds longer ones."""

# Control characters, and what git keeps for revisions, patterns and escapes.
_NEVER = re.compile(r"[\x00-\x20\x7f~^:?*\[\\]|\.\.|@\{|//")
_STEPS = re.compile(r"(?:[~^][0-9]*|\^\{[a-z]+\})*")


def is_branch(name: str) -> bool:
    """Whether a branch can have this name."""
    parts = name.split("/")
    return (
        0 < len(name.encode("utf-8", "surrogateescape")) <= MAX_BYTES
        and not _NEVER.search(name)
        and not name.startswith("-")
        and name != "@"
        and all(part and part[0] != "." and not part.endswith(".lock") for part in parts)
        and not name.endswith(".")
    )


def is_ref(text: str) -> bool:
    """Whether ``text`` may be given to git as the name of a commit, branch or tag.

    Steps from there, such as ``main~2`` and ``v1^{commit}``, may follow.
    """
    cut = re.search(r"[~^]", text)
    name, steps = (text[: cut.start()], text[cut.start() :]) if cut else (text, "")
    return (is_branch(name) or name == "@") and bool(_STEPS.fullmatch(steps))
