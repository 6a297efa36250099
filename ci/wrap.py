"""Wraps the prose of a generated page at 100 columns; tables, code, quotes and headings stay.

python ci/wrap.py <PAGE.new >PAGE
"""

from __future__ import annotations

import re
import sys
import textwrap
from itertools import groupby

COLUMNS = 100
ITEM = re.compile(r" *([-*] |\d+\. )")
VERBATIM = ("|", "#", "```", "<!--", ">", "![")


def wrap(page: str) -> str:
    """The page with every paragraph and list item that has a longer line wrapped anew."""
    out: list[str] = []
    for (_, prose), group in groupby(_blocks(page.split("\n")), key=lambda block: block[:2]):
        lines = [line for _, _, line in group]
        out += _wrapped(lines) if prose and max(map(len, lines)) > COLUMNS else lines
    return "\n".join(out)


def _blocks(lines: list[str]) -> list[tuple[int, bool, str]]:
    """Every line with the number of its block, and whether that may be wrapped."""
    blocks, number, code = [], 0, False
    for line in lines:
        fence = line.lstrip().startswith("```")
        prose = bool(line.strip()) and not (code or line.lstrip().startswith(VERBATIM))
        code ^= fence
        if not prose or ITEM.match(line) or not line.strip():
            number += 1
        blocks.append((number + (not prose), prose, line))
    return blocks


def _wrapped(lines: list[str]) -> list[str]:
    text = " ".join(line.strip() for line in lines)
    item = ITEM.match(lines[0])
    indent = item[0] if item else re.match(" *", lines[0])[0]  # type: ignore[index]
    return textwrap.wrap(
        text.removeprefix(indent.lstrip()),
        COLUMNS,
        initial_indent=indent,
        subsequent_indent=" " * len(indent),
        break_long_words=False,
        break_on_hyphens=False,
    )


if __name__ == "__main__":
    sys.stdout.write(wrap(sys.stdin.read()))
