"""Text from outside (image names, commands, log lines, labels) made inert in GitHub markdown.

`code` suits identifiers, which then can be copied; `md` suits sentences.  Both return `Md`, the
only type that the templates insert as it is, so that forgetting to escape is impossible.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

__all__ = ["Md", "code", "md", "one_line"]

LIMIT = 200

# Invisible, no break: keeps renderers from seeing a link, a mention or a reference, and runners
# from seeing a command.  Entities alone do not: mentions, references and mail addresses are looked
# for after they are decoded.
JOINER = "\u2060"

# ASCII that starts markup anywhere in a line: code, emphasis, links, tables, HTML, maths.
SPECIAL = re.compile(r"[\\`*\[\]<>|~#$&]")
# An underscore inside a word is only an underscore.
OUTER_UNDERSCORE = re.compile(r"(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])")
# Markers of lists, rules and headings count at the start of a line only.
LEADING = re.compile(r"^(?:[-+=](?=[\s\-+=]|$)|\d{1,9}(?=[.)](?:\s|$)))")
# What follows `!`, `%`, `~`, `$` and `&` is a reference on GitLab.
LINKS = re.compile(
    r"(?i)(:(?=[/:])|/(?=/)|\bwww(?=\.)|@|&#35;|\bGH-(?=\d)|\b(?:mailto|xmpp):"
    r"|[!%](?=[\d\"])|&#(?:126|36|38);(?=[\w\"]))"
)
# GitHub looks for commits of the whole network of forks, and makes pictures of `:names:`.
COMMITS = re.compile(r"(?i)\b[0-9a-f]{7,}\b")
PICTURES = re.compile(r"(?i):(?=[a-z0-9_+-]+:)")

BLANK_RUNS = re.compile(r" {2,}")
DROPPED = {"Cf", "Cs", "Co", "Cn"}  # bidi and zero-width controls, surrogates, unassigned
BLANKS = {"Cc", "Zl", "Zp"}


class Md(str):
    """Markdown that is safe to insert."""

    __slots__ = ()


def md(text: str, limit: int = LIMIT) -> Md:
    """One line of running text: no markup, link, mention, reference or picture."""
    line = one_line(text, limit)
    marker = LEADING.match(line)
    head, rest = ("", line) if marker is None else (_entities(marker[0]), line[marker.end() :])
    rest = SPECIAL.sub(lambda found: _entities(found[0]), rest)
    rest = OUTER_UNDERSCORE.sub("&#95;", rest)
    rest = PICTURES.sub(f":{JOINER}", COMMITS.sub(_short_pieces, rest))
    return Md(head + LINKS.sub(rf"\1{JOINER}", rest))


def code(text: str, limit: int = LIMIT) -> Md:
    """A code span, also inside a table; shows a backtick as ' and a vertical bar as a broken one.

    Those two are all that can end a code span or a table cell, and no escape works for both.
    Empty text is shown as a dash that starts no list.  ``##[``, which a runner that prints the
    report would take for a command, gets an invisible joiner.
    """
    line = one_line(text, limit).replace("`", "'").replace("|", "\u00a6")
    line = line.replace("##[", f"##{JOINER}[")
    return Md(f"`{line}`" if line else "\u2013")


def one_line(text: str, limit: int) -> str:
    """Printable characters only, runs of blanks as one, at most ``limit`` characters.

    For plain text: an annotation, a title.
    """
    # Looking at a bounded part first keeps megabytes of log from costing time.
    kept = text[: 4 * limit + 100]
    if not kept.isprintable():
        kept = "".join(map(_printable, kept))
    line = BLANK_RUNS.sub(" ", kept).strip()
    return line if len(line) <= limit else line[: limit - 1].rstrip() + "\u2026"


def _short_pieces(found: re.Match[str]) -> str:
    """Hexadecimal digits in pieces that are too short to name a commit."""
    text = found[0]
    return JOINER.join(text[at : at + 6] for at in range(0, len(text), 6))


@lru_cache(maxsize=4096)
def _printable(character: str) -> str:
    category = unicodedata.category(character)
    if category in DROPPED:
        return ""
    return " " if category in BLANKS else character


def _entities(text: str) -> str:
    return "".join(f"&#{ord(character)};" for character in text)
