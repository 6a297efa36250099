"""What GitHub would make of markdown: markdown-it for the syntax, patterns for its filters."""

from __future__ import annotations

import re
from functools import lru_cache

from markdown_it import MarkdownIt
from markdown_it.token import Token

PARSER = MarkdownIt("commonmark", {"html": True, "linkify": True})
PARSER.enable(["table", "strikethrough", "linkify"])
assert PARSER.linkify is not None
# GitHub makes no link of a bare host name; what it makes of www. is among the filters.
PARSER.linkify.set({"fuzzy_link": False})

# GitHub looks for these in the text that markdown left, outside of code.
FILTERS = {
    "link": re.compile(r"(?i)(?:https?|ftp|file|javascript)://|\bwww\.\w|\b(?:mailto|xmpp):\w"),
    "mail or mention": re.compile(r"@[A-Za-z0-9]"),
    "issue": re.compile(r"(?i)#\d|\bGH-\d"),
    "commit": re.compile(r"(?i)\b[0-9a-f]{7,64}\b"),
    "picture": re.compile(r"(?i):[a-z0-9_+-]+:"),
}
PLAIN_BLOCKS = {"paragraph_open", "paragraph_close", "inline"}
PLAIN_INLINE = {"text", "text_special", "code_inline"}


@lru_cache(maxsize=4)
def parsed(markdown: str) -> list[Token]:
    return PARSER.parse(markdown)


def inline_tokens(markdown: str) -> list[Token]:
    return [child for token in parsed(markdown) for child in token.children or []]


def visible_text(markdown: str) -> str:
    """Text outside of code, entities decoded, as the filters see it."""
    blocks = [token.children for token in parsed(markdown) if token.children]
    return "\n".join("".join(map(_shown, children)) for children in blocks)


def _shown(token: Token) -> str:
    if token.type in {"softbreak", "hardbreak"}:
        return "\n"
    return " " if token.type == "code_inline" else token.content


def filter_hits(markdown: str, ours: re.Pattern[str] | None = None) -> list[str]:
    """Filters that find something in the visible text; ``ours`` is no find."""
    text = visible_text(markdown)
    text = ours.sub("", text) if ours else text
    return [name for name, pattern in FILTERS.items() if pattern.search(text)]


def markup_of(markdown: str) -> list[str]:
    """Everything in the markdown that is not plain text in one paragraph."""
    tokens = parsed(markdown)
    blocks = [t.type for t in tokens if t.type not in PLAIN_BLOCKS]
    inline = [t.type for t in inline_tokens(markdown) if t.type not in PLAIN_INLINE]
    return blocks + inline + filter_hits(markdown)


def tables(markdown: str) -> list[list[list[str]]]:
    """Every table as rows of cells (markdown source)."""
    found: list[list[list[str]]] = []
    in_cell = False
    for token in parsed(markdown):
        if token.type == "table_open":
            found.append([])
        elif token.type == "tr_open":
            found[-1].append([])
        elif token.type in {"th_open", "td_open"}:
            in_cell = True
        elif token.type == "inline" and in_cell:
            found[-1][-1].append(token.content)
            in_cell = False
    return found


def column_counts(markdown: str) -> list[tuple[int, set[int]]]:
    """For each table in the source: columns of its header, and the pipes-made columns of rows.

    The parser pads and cuts rows to the header's width, so the source is what has to be counted.
    """
    counts = []
    lines = markdown.splitlines()
    for at, line in enumerate(lines):
        if re.fullmatch(r"\|(?::?-+:?\|)+", line):
            width = line.count("|") - 1
            rows = [lines[at - 1]]
            for row in lines[at + 1 :]:
                if not row.startswith("|"):
                    break
                rows.append(row)
            counts.append((width, {row.count("|") - 1 for row in rows}))
    return counts
