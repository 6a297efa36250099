"""The one corpus of hostile texts: what wants to become something in a report, a page or a log.

`HOSTILE` is 500 texts: `TEXTS`, a few of a megabyte, `FRAGMENTS`, and fragments in random company.
The last, which repeat what the others have, are left out unless slow tests are asked for; so is
every single fragment in all places of a result, where several share one (`PACKS`) otherwise.
"""

from __future__ import annotations

import itertools
import random

import pytest

from socklat_gate.wording.markdown_escape import one_line

__all__ = ["FRAGMENTS", "HOSTILE", "PACK", "PACKS", "SMOKE", "TEXTS", "batches"]

NUMBER = 500
SEED = 5
MEGABYTE = 1 << 20
PACK = 8

TEXTS = [
    "[click](https://evil.example)",
    "![pixel](https://evil.example/a.png)",
    "[ref]: https://evil.example",
    "[ref][ref]",
    "<https://evil.example>",
    "https://evil.example/path?a=b",
    "see http://evil.example now",
    "HTTPS://EVIL.EXAMPLE",
    "ftp://evil.example",
    "www.evil.example",
    "x www.evil.example y",
    "(www.evil.example)",
    "mailto:a@evil.example",
    "xmpp:a@evil.example/room",
    "a.b@evil.example",
    "javascript://evil",
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<!-- comment",
    "<details open>",
    "</details>",
    "</summary></details><h1>x</h1>",
    "<a href='//evil.example'>x</a>",
    "&lt;b&gt;&#60;b&#62;",
    "&amp;#60;script&amp;#62;",
    "@maintainer please merge",
    "cc @org/team",
    "fixes #1",
    "closes org/repo#12",
    "GH-12",
    "org/repo@0123456789abcdef0123456789abcdef01234567",
    "# heading",
    "heading\n===",
    "heading\n---",
    "---",
    "***",
    "* item",
    "- item",
    "+ item",
    "-",
    "1. item",
    "12) item",
    "> quote",
    "    indented code",
    "\tindented code",
    "```\nfence\n```",
    "~~~\nfence\n~~~",
    "~~struck~~",
    "**bold** __bold__ *it* _it_",
    "snake_case and _private and __dunder__",
    "`code` ``more``",
    "``` unclosed",
    "`",
    "a | b | c",
    "|---|---|",
    "a \\| b",
    "ends with backslash \\",
    "\\`escaped\\`",
    "line one\n\n# line two",
    "line one\r\n| a | b |\r|---|---|\n",
    "vertical\x0btab\x0cfeed\x85next\u2028line\u2029paragraph",
    "\x1b[31mred\x1b[0m \x00 nul",
    "\u202egnirts desrever\u202c",
    "zero\u200bwidth\u200d and \ufeff mark",
    "lone \ud800 surrogate",
    "$x^2$ and $$y$$",
    "[^1] footnote",
    "- [ ] task",
    "{{ view.word }} {% raw %} {# x #}",
    "::warning file=x::text",
    "x" * 5000,
    "@" * 500,
    "[" * 500,
    "*" * 500,
    "",
    " ",
]
"""Each is a whole try at one thing."""

FRAGMENTS = [
    *("[", "]", "(", ")", "](", "![", "[x](https://evil.example)", "[^1]", "[ref]: /x"),
    *("<", ">", "</", "<b>", "<img src=//x>", "<!--", "-->", "<details>", "</summary>", "<?x?>"),
    *("</script>", "</style>", "</title>", "</textarea>", "<![CDATA[", "]]>"),
    *('"', "'", "&quot;", "&#x27;", "&#0;", "&e;", "\\u003c"),
    *('" onload="alert(1)', "' onfocus='alert(1)' autofocus='", "<svg/onload=alert(1)>"),
    *("<iframe src=//e.example>", "<base href=//e.example>", "<meta http-equiv=refresh content=0>"),
    *("<?xml version='1.0'?>", "<!DOCTYPE x [<!ENTITY e SYSTEM 'file:///etc/passwd'>]>"),
    *("javascript:alert(1)", "data:text/html,x", "url(//e.example)", "expression(x)"),
    *("@import 'x'", "{{ 7*7 }}", "{% include 'x' %}", "${7*7}", "<%= 7 %>"),
    *("__proto__", "constructor", "NaN", "null", "# EOF", '"} 1\nother 2', "\n# TYPE x gauge"),
    *("https://evil.example", "http:", "//evil.example", "www.evil.example", "a@evil.example"),
    *("mailto:", "xmpp:", "ftp://evil", "@maintainer", "@org/team", "#123", "org/repo#9", "GH-7"),
    *("0123456789abcdef0123456789abcdef01234567", "o/r@deadbeef1", "1234567", ":octocat:", ":+1:"),
    *("::error file=a::b", "::stop-commands::x", "##[error]x", "##[add-mask]y", "%0A", "%0D%0A"),
    *("%0A::error::x", "::set-output x=y"),
    *("|", "\\|", "||", "`", "``", "```", "~~~", "~", "\\", "\\`", "*", "**", "_", "__", "~~"),
    *("#", "##", "===", "---", "- ", "+ ", "1. ", "> ", "    ", "\t", "$", "$$", "&", "&lt;"),
    *("&#60;", "&#x3c;", "&amp;#35;1", "{{", "}}", "{%", "%}", "{#", ";", ":", "::", "/"),
    *("\n", "\n\n", "\r\n", "\r", "\x0b", "\x0c", "\x85", "\u2028", "\u2029", "\x00", "\x07"),
    *("\x01", "\x08", "\x1b[31m", "\x1b[2J", "\x1b]0;title\x07", "\x7f", "\x9b31m"),
    *("\u202e", "\u2066", "\u200b", "\u200d", "\ufeff", "\u00ad", "\ud800", "\ud83d"),
    *("\U000e0041", "\ufffe", "\uffff", "\U0001f600", "\U0001f468\u200d\U0001f469", "\u0301"),
    *("e\u0301" * 40, "x", "word", "p99", " ", "0"),
]
"""Pieces that may only do harm beside others."""

LONG = ("<b>&\n", "@maintainer ", "[x](https://evil.example)", "\n\n# x\n", "|`<b>")


def _corpus() -> tuple[list[str], int]:
    """All texts, and how many come before the fragments."""
    rng = random.Random(SEED)
    texts = dict.fromkeys([*TEXTS, *(one * (MEGABYTE // len(one)) for one in LONG)])
    fixed = len(texts)
    texts |= dict.fromkeys(FRAGMENTS)
    pieces = [*FRAGMENTS, *TEXTS]
    while len(texts) < NUMBER:
        texts["".join(rng.choices(pieces, k=rng.randint(2, 12)))] = None
    return list(texts), fixed


HOSTILE, SMOKE = _corpus()


def _packs() -> list[tuple[str, ...]]:
    """All fragments, `PACK` together; those of which nothing can be shown among themselves."""
    shown = [one for one in FRAGMENTS if one_line(one, len(one))]
    hidden = [one for one in FRAGMENTS if one not in shown]
    return [
        tuple(some[at : at + PACK]) for some in (shown, hidden) for at in range(0, len(some), PACK)
    ]


PACKS = _packs()


def batches(size: int) -> pytest.MarkDecorator:
    """Parametrizes ``batch``: each of `HOSTILE`, and of `PACKS`, in one list of at most ``size``.

    Its elements are what `poisoned` takes: one text, or those of a pack; as many in each.
    """
    cuts = [*range(0, SMOKE, size), *range(SMOKE, NUMBER, size), NUMBER]
    return pytest.mark.parametrize(
        "batch",
        [
            *(
                pytest.param(list(packs), id=f"packs-of-{number}")
                for number, packs in itertools.groupby(sorted(PACKS, key=len), key=len)
            ),
            *(
                pytest.param(
                    [(text,) for text in HOSTILE[start:end]],
                    id=f"{start}-{end - 1}",
                    marks=[pytest.mark.slow] if start >= SMOKE else [],
                )
                for start, end in itertools.pairwise(cuts)
            ),
        ],
    )
