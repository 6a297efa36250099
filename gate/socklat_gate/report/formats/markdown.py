"""The markdown report: `View` laid out by ``templates/report.md.j2``."""

from __future__ import annotations

from functools import lru_cache

import jinja2

from socklat_gate.measured.result import Result
from socklat_gate.report.view import view_of
from socklat_gate.wording.markdown_escape import Md, code, md
from socklat_gate.wording.sentence import Name, Sentence

__all__ = ["render_markdown"]

LONG = 600


def render_markdown(result: Result) -> str:
    """Report for a pull request or a terminal; the first line is the verdict in one sentence."""
    return _environment().get_template("report.md.j2").render(view=view_of(result))


@lru_cache(maxsize=1)
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("socklat_gate.report"),
        undefined=jinja2.StrictUndefined,
        # HTML escaping is not enough for markdown: `finalize` escapes all that is not `Md`.
        autoescape=False,  # noqa: S701
        finalize=_escaped,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters.update(code=code, long=_long, sentence=_sentence, fenced=_fenced)
    return environment


def _escaped(value: object) -> Md:
    return value if isinstance(value, Md) else md(str(value))


def _long(text: str) -> Md:
    return md(text, LONG)


def _sentence(sentence: Sentence) -> Md:
    """Identifiers as code; the spaces around them belong to the text."""
    shown: list[str] = []
    for part in sentence:
        if isinstance(part, Name):
            shown.append(code(part))
            continue
        before = " " if part.startswith(" ") else ""
        after = " " if part.endswith(" ") else ""
        shown.append(before + md(part, LONG) + after)
    return Md("".join(shown).strip())


def _fenced(block: str) -> Md:
    """Our own drawing as a code block; it never holds text from outside."""
    assert "`" not in block
    return Md(f"```text\n{block}\n```")
